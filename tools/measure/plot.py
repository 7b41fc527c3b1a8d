"""Plots as SVG, without a library: bars of several systems on a logarithmic scale, and small line plots side by side. Pure."""
import math
from xml.sax.saxutils import escape

COLOURS = {"native": "#9a9a9a", "ours": "#1f6fb4", "xen": "#d9822b", "kvm": "#8a3ffc"}
LINE, MARKS = "#1f6fb4", "#b04040"
FONT = 'font-family="sans-serif" font-size="11"'


def text(x, y, what, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(what)}</text>'


def line(x1, y1, x2, y2, colour, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def rectangle(x, y, width, height, colour, title=""):
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">{inside}</rect>'


def drawing(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" {FONT}>\n'
            f'{rectangle(0, 0, width, height, "#ffffff")}\n' + "\n".join(parts) + "\n</svg>\n")


def short(value):
    """A number in few characters: 487, 1.2k, 37.5M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:.4g}"


def bars(title, rows, systems):
    """rows: [(name, {system: value})]; a bar for each, longer by as much for each factor of ten. Systems without a value have none."""
    values = [value for _, row in rows for system, value in row.items() if system in systems and value > 0]
    if not values:
        return drawing(400, 40, [text(10, 25, title + ": nothing was measured")])
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    left, top, bar, gap, width = 150, 62, 12, 9, 560
    at = lambda value: left + (math.log10(value) - low) / (high - low) * width
    height = top + len(rows) * (bar * len(systems) + gap) + 10
    parts = [text(10, 18, title, more=' font-weight="bold"')]
    for i, system in enumerate(systems):
        parts += [rectangle(left + 90 * i, 27, 10, 10, COLOURS[system]), text(left + 14 + 90 * i, 36, system)]
    for power in range(low, high + 1):
        x = at(10 ** power)
        parts += [line(x, top - 4, x, height - 8, "#e0e0e0"), text(x, top - 7, short(10 ** power), "middle")]
    y = top
    for name, row in rows:
        parts.append(text(left - 8, y + bar * len(systems) / 2 + 4, name, "end"))
        for system in systems:
            value = row.get(system)
            if value is not None and value > 0:
                end = max(at(value), left + 1)
                parts += [rectangle(left, y, end - left, bar - 1, COLOURS[system], f"{system}: {value:,}"), text(end + 4, y + bar - 2, short(value))]
            y += bar
        y += gap
    return drawing(left + width + 60, height, parts)


def spread(xs, low, high):
    """Where along low..high each x is drawn: numbers by their value, other texts one after the other."""
    if len(xs) == 1:
        return [(low + high) / 2]
    if all(isinstance(x, (int, float)) for x in xs) and max(xs) > min(xs):
        return [low + (x - min(xs)) / (max(xs) - min(xs)) * (high - low) for x in xs]
    return [low + i / (len(xs) - 1) * (high - low) for i in range(len(xs))]


def labels(xs, positions, letter=6.4, between=8):
    """[(text, position)] of those xs whose texts do not run into another: the last one first, then from the left."""
    half = lambda x: len(str(x)) * letter / 2
    chosen = [(str(xs[-1]), positions[-1])] if xs else []
    end = -math.inf
    for x, position in zip(xs[:-1], positions[:-1]):
        if position - half(x) >= end and position + half(x) + between <= positions[-1] - half(xs[-1]):
            chosen.append((str(x), position))
            end = position + half(x) + between
    return sorted(chosen, key=lambda one: one[1])


def line_plot(x0, y0, width, height, plot):
    """One plot's parts. plot: title, x (numbers or texts), y: [value or None], x_is and y_is: what the axes say, marks: {name: value}
    for dashed lines. The vertical scale begins at zero."""
    values = [value for value in plot["y"] if value is not None] + list(plot.get("marks", {}).values())
    top = max(values, default=1) * 1.12 or 1
    left, right, bottom = x0 + 62, x0 + width - 34, y0 + height - 34
    at_y = lambda value: bottom - value / top * (height - 78)
    parts = [text(x0 + 8, y0 + 14, plot["title"], more=' font-weight="bold"'), text(x0 + 8, y0 + 29, plot["y_is"], more=' fill="#606060"'),
             text((left + right) / 2, bottom + 29, plot["x_is"], "middle", ' fill="#606060"'),
             line(left, bottom, right + 10, bottom, "#808080"), text(left - 6, bottom + 4, "0", "end")]
    for value in (top / 2.24, top / 1.12):
        parts += [line(left, at_y(value), right + 10, at_y(value), "#e8e8e8"), text(left - 6, at_y(value) + 4, short(value), "end")]
    for name, value in plot.get("marks", {}).items():
        parts += [line(left, at_y(value), right + 10, at_y(value), MARKS, ' stroke-dasharray="4 3"'),
                  text(right + 10, at_y(value) + (11 if name == "goal" else -3), name, "end", f' fill="{MARKS}"')]
    positions = spread(plot["x"], left + 14, right)
    for x, position in labels(plot["x"], positions):
        parts += [line(position, bottom, position, bottom + 3, "#808080"), text(position, bottom + 15, x, "middle")]
    points = [(x, at_y(value)) for x, value in zip(positions, plot["y"]) if value is not None]
    parts.append(f'<polyline fill="none" stroke="{LINE}" stroke-width="1.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{LINE}"/>' for x, y in points]
    return parts


def line_plots(plots, columns=3, width=310, height=170):
    """Plots side by side; see line_plot."""
    parts = []
    for i, plot in enumerate(plots):
        parts += line_plot(i % columns * width, i // columns * height, width, height, plot)
    return drawing(columns * width, max(1, math.ceil(len(plots) / columns)) * height, parts)
