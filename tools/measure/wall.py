"""Wall-clock time, as ratios between systems that run in turn: the only way in which a clock under emulation says anything. Pure."""
from statistics import median

ROUNDS = 5
FIGURES = [  # of Linux, and of the measuring guest up to the last one
    ("linux_init", "Linux boot, reset to init"),
    ("hvc_psci_version", "call to PSCI and back"),
    ("idreg_read", "read of an ID register"),
    ("gicd_read", "read of a GIC distributor register"),
    ("uart_read", "read of the UART's UARTFR"),
]
LAST = "figure uart_read"  # the line after which a run is not awaited


def ratios(rounds, to="ours"):
    """[{figure, what, systems: {name: {med, min, max}}}]: of rounds [{system: {figure: {med}}}], how many times as long as `to`.

    med: the medians of all rounds compared; min and max: of one round. A figure that `to` does not have is left out.
    """
    rows = []
    for figure, what in FIGURES:
        times = {}
        for one in rounds:
            for system, figures in one.items():
                if figure in figures and figures[figure]["med"] > 0 and one.get(to, {}).get(figure, {}).get("med", 0) > 0:
                    times.setdefault(system, []).append((figures[figure]["med"], one[to][figure]["med"]))
        middle = {system: median(time for time, _ in pairs) for system, pairs in times.items()}
        systems = {}
        for system, pairs in times.items():
            if system != to:
                each = [time / own for time, own in pairs]
                systems[system] = {"med": middle[system] / middle[to], "min": min(each), "max": max(each), "rounds": len(each)}
        if systems:
            rows.append({"figure": figure, "what": what, "systems": systems})
    return rows


def cell(ratio):
    """One system's cell: the ratio, and what it was from round to round."""
    digits = lambda value: f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
    return f"{digits(ratio['med'])} ({digits(ratio['min'])}-{digits(ratio['max'])})" if ratio else ""


def table(rows, systems):
    lines = [f"{'wall clock, ours = 1':22}" + "".join(f"{system:>28}" for system in systems)]
    for row in rows:
        cells = [cell(row["systems"].get(system)) or "-" for system in systems]
        lines.append(f"{row['figure']:22}" + "".join(f"{one:>28}" for one in cells) + "  " + row["what"])
    return "\n".join(lines)


def markdown(rows, systems):
    lines = ["| times as long as ours | | " + " | ".join(systems) + " |", "|---|---|" + "--:|" * len(systems)]
    lines += [f"| `{row['figure']}` | {row['what']} | " + " | ".join(cell(row["systems"].get(system)) for system in systems) + " |" for row in rows]
    return "\n".join(lines)
