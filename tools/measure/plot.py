"""Plots as SVG, without a library: bars of several systems on a logarithmic scale, and small line plots side by side. Pure."""
import math
from xml.sax.saxutils import escape

COLOURS = {"native": "#9a9a9a", "ours": "#1f6fb4", "xen": "#d9822b", "kvm": "#8a3ffc"}
LINES = ["#1f6fb4", "#d9822b", "#2a9d5c", "#8a3ffc"]
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
    left, top, bar, gap, width = 150, 50, 11, 9, 560
    at = lambda value: left + (math.log10(value) - low) / (high - low) * width
    height = top + len(rows) * (bar * len(systems) + gap) + 10
    parts = [text(10, 18, title, more=' font-weight="bold"')]
    for i, system in enumerate(systems):
        parts += [rectangle(left + 90 * i, 26, 10, 10, COLOURS[system]), text(left + 14 + 90 * i, 35, system)]
    for power in range(low, high + 1):
        x = at(10 ** power)
        parts += [line(x, top - 4, x, height - 8, "#e0e0e0"), text(x, top - 6, short(10 ** power), "middle")]
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


def line_plot(x0, y0, width, height, title, xs, series):
    """One plot's parts: xs are the texts below, series {name: [value or None]}; the scale begins at zero."""
    values = [value for one in series.values() for value in one if value is not None]
    top = max(values, default=1) * 1.1 or 1
    left, bottom = x0 + 46, y0 + height - 18
    at_x = lambda i: left + (0.5 if len(xs) == 1 else i / (len(xs) - 1)) * (width - 64)
    at_y = lambda value: bottom - value / top * (height - 46)
    parts = [text(x0 + 4, y0 + 12, title, more=' font-weight="bold"'), line(left, bottom, x0 + width - 14, bottom, "#808080")]
    for step in (0.5, 1):
        value = top / 1.1 * step
        parts += [line(left, at_y(value), x0 + width - 14, at_y(value), "#e8e8e8"), text(left - 4, at_y(value) + 4, short(value), "end")]
    every = max(1, len(xs) // 6)
    parts += [text(at_x(i), bottom + 13, str(x), "end" if 0 < i == len(xs) - 1 else "middle") for i, x in enumerate(xs) if i % every == 0 or i == len(xs) - 1]
    for number, (name, one) in enumerate(series.items()):
        colour = LINES[number % len(LINES)]
        points = [(at_x(i), at_y(value)) for i, value in enumerate(one) if value is not None]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in points]
        if len(series) > 1:
            parts.append(text(x0 + 60 + 110 * number, y0 + 25, name, more=f' fill="{colour}"'))
    return parts


def line_plots(plots, columns=3, width=290, height=150):
    """Plots of (title, xs, series) side by side."""
    parts = []
    for i, (title, xs, series) in enumerate(plots):
        parts += line_plot(i % columns * width, i // columns * height, width, height, title, xs, series)
    return drawing(columns * width, max(1, math.ceil(len(plots) / columns)) * height, parts)
