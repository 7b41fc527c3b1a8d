"""The figures of `make bench`: what each is, its targets, how it is read from a console, and how runs are compared. Pure."""
import re

# name, what it says, first, goal: the targets; None where there is none. Instructions where nothing else is said.
FIGURES = [
    ("hvc_psci_version", "call to PSCI and back", 800, 350),
    ("idreg_read", "read of an ID register", 800, 350),
    ("gicd_read", "read of a GIC distributor register", 900, 400),
    ("gicd_write", "write of a GIC distributor register", 900, 400),
    ("uart_read", "read of the UART's UARTFR", 900, 400),
    ("uart_write", "write of the UART's UARTIMSC", 900, 400),
    ("uart_putc", "one character to the console", 1500, 500),
    ("timer_irq", "timer's time to the guest's vector", 500, 180),
    ("timer_wfi", "the same out of WFI, 2 ms", 1500, 400),
    ("sgi_self", "SGI to self to the guest's vector", 1100, 500),
    ("suspend_resume", "SYSTEM_SUSPEND with an interrupt pending, to its entry point", None, None),
    ("ipi_spin", "SGI to a second CPU that runs", 2500, 900),
    ("ipi_wfi", "SGI to a second CPU in WFI", 3500, 1200),
    ("ipc_call_reply", "call and reply between two programs", 800, 400),
    ("ipc_same_task", "the same between two threads of one program", None, None),
    ("ipc_payload", "between two programs, 62 words each way", None, None),
    ("ipc_same_payload", "between two threads of one program, 62 words each way", None, None),
    ("irq_to_thread", "irq triggered to a waiting thread", None, None),
    ("map_page", "map a page", None, None),
    ("unmap_page", "unmap it", None, None),
    ("map_2mib", "map 2 MiB in one piece", None, None),
    ("unmap_2mib", "unmap it", None, None),
    ("task_create", "make a task", None, None),
    ("task_destroy", "end it", None, None),
    ("vm_start", "a script's call to the guest's first instruction, 256 MiB, millions", None, None),
    ("vm_restart", "the same for a VM that ended, millions", None, None),
    ("vm_restart_running", "the same for one that runs, in place, millions", None, None),
    ("vm_reset", "a guest's SYSTEM_RESET to its next life's first instruction, millions", None, None),
    ("vm_memory", "memory that a VM takes besides its RAM, KiB", None, None),
    ("vcpu_memory", "memory that one more vCPU takes, KiB", None, None),
    ("hv_image", "size of hv.bin, KiB", None, None),
    ("ned_image", "size of ned, KiB", None, None),
    ("uvmm_image", "size of uvmm, KiB", None, None),
    ("linux_hv", "of linux_init: instructions in hv, millions", None, None),
    ("linux_uvmm", "of linux_init: instructions in uvmm, millions", None, None),
    ("linux_ned", "of linux_init: instructions in ned, millions", None, None),
    ("first_instruction", "reset to the guest's first instruction, millions", 60, 20),
    ("linux_init", "Linux boot, reset to init, millions", 1050, 930),
    ("resident", "memory: hypervisor, ned and one VM's uvmm, MiB", 4, 1.5),
    ("hv_memory", "of it: the hypervisor, KiB", None, None),
    ("ned_memory", "of it: ned, KiB", None, None),
    ("uvmm_memory", "of it: uvmm, KiB", None, None),
    ("cons_memory", "memory: the server cons, KiB", None, None),
    ("io_memory", "memory: the server io, KiB", None, None),
    ("loc", "lines of C and assembly in hv, arm64", 12000, 12000),
]
TWO_CPUS = {"ipi_spin", "ipi_wfi"}
MILLIONS = {"linux_init"}


def figures_of(text):
    """{name: {count, avg, med, min, max}} of the lines "figure NAME count N avg N ..." and "first instruction at N"."""
    found = {}
    for name, rest in re.findall(r"figure (\w+) ((?:\w+ +\d+ ?)+)", text):
        words = rest.split()
        values = {key: int(value) for key, value in zip(words[::2], words[1::2])}
        if "med" in values:  # else the line was cut off
            found[name] = values
    first = re.search(r"first instruction at (\d+)", text)
    if first:
        found["first_instruction"] = {"med": int(first.group(1)) / 1e6}
    for name in MILLIONS & set(found):
        found[name]["med"] /= 1e6
    return found


def stamp_of(line):
    """Instructions since reset that a stamp before a line tells: ours "[12345] ", Xen's "(XEN) [0000000000003039] "; or None."""
    stamp = re.match(r"\[(\d+)\] ", line)
    if stamp:
        return int(stamp.group(1))
    stamp = re.match(r"\(XEN\) \[([0-9a-f]{16})\] ", line)
    return int(stamp.group(1), 16) if stamp else None


def stamped_figures(text):
    """The two figures that begin at the machine's reset, where a guest's own counter begins with its VM: from stamped lines."""
    found = {}
    for line in text.splitlines():
        stamp = stamp_of(line)
        running = re.search(r"bench: running since (\d+)", line)
        if stamp is not None and running:
            found["first_instruction"] = {"med": (stamp - int(running.group(1))) / 1e6}
        if stamp is not None and "figure linux_init" in line:
            found["linux_init"] = {"med": stamp / 1e6}
    return found


def markdown(rows, systems):
    """The table for a document."""
    heads = ["figure", "", *systems, "ours", "first", "goal"]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "--:|" * (len(heads) - 2)]
    for row in rows:
        cells = [number(row["others"].get(system)) for system in systems] + [f"**{number(row['ours'])}**", number(row["first"]), number(row["goal"])]
        lines.append(f"| `{row['figure']}` | {row['what']} | " + " | ".join("" if cell == "-" else cell for cell in cells) + " |")
    return "\n".join(lines)


def part_replaced(text, name, new):
    """The document with what stands between <!-- NAME --> and <!-- /NAME --> replaced; ValueError when there is no such part."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    start, stop = text.find(begin), text.find(end)
    if start < 0 or stop < start:
        raise ValueError(f"the document has no part {begin.strip()} ... {end}")
    return text[:start + len(begin)] + new.rstrip("\n") + "\n" + text[stop:]


def started(text):
    """[(name, x, millions of instructions)]: from a line "at NAME X T" to the next "first instruction at N"."""
    found, waiting = [], None
    for line in text.splitlines():
        at = re.search(r"\bat (\w+) (\d+) (\d+)$", line)
        first = re.search(r"first instruction at (\d+)", line)
        if at:
            waiting = at.group(1), int(at.group(2)), int(at.group(3))
        elif first and waiting:
            found.append((waiting[0], waiting[1], (int(first.group(1)) - waiting[2]) / 1e6))
            waiting = None
    return found


def grown(text, kind):
    """[(name, x, value)] of the lines "KIND NAME X VALUE"."""
    return [(name, int(x), int(value)) for name, x, value in re.findall(rf"\b{kind} (\w+) (\d+) (-?\d+)", text)]


def memory_parts(text, names):
    """{figure: KiB} of the lines "part NAME BYTES", for those names {part: figure}."""
    parts = {name: int(value) for name, value in re.findall(r"\bpart (\w+) (\d+)$", text, re.M)}
    return {figure: {"med": parts[name] / 1024} for name, figure in names.items() if name in parts}


def resident(parts):
    """{"resident": MiB}: hypervisor, ned and one VM's uvmm together; nothing when one is missing."""
    together = [parts[name]["med"] for name in ("hv_memory", "ned_memory", "uvmm_memory") if name in parts]
    return {"resident": {"med": sum(together) / 1024}} if len(together) == 3 else {}


def series_of(points):
    """{name: (xs, values)} of (name, x, value)."""
    found = {}
    for name, x, value in points:
        xs, values = found.setdefault(name, ([], []))
        xs.append(x)
        values.append(value)
    return found


def runs_agree(runs):
    """From several runs' figures: the first one's, and {name: [medians]} of those in which they differ."""
    differ = {}
    for name in sorted({name for run in runs for name in run}):
        if any(run.get(name) != runs[0].get(name) for run in runs):
            differ[name] = [run.get(name, {}).get("med") for run in runs]
    together = {}
    for run in reversed(runs):
        together.update(run)
    return together, differ


def judge(value, first, goal):
    if value is None:
        return "not measured"
    if first is None:
        return ""
    if value <= goal:
        return "OK, goal reached"
    return "OK" if value <= first else "missed"


def number(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def change(value, base):
    """How the value stands to the base: "", "=", "+3.2%"."""
    if value is None or not base:
        return ""
    return "=" if value == base else f"{(value - base) / base * 100:+.1f}%"


def table(rows, systems):
    """The table as text; rows as tools/bench writes them, systems the columns besides ours."""
    heads = [*systems, "ours", "base", "", "first", "goal"]
    lines = [f"{'figure':18}" + "".join(f"{head:>9}" for head in heads)]
    for row in rows:
        value = row["ours"]
        cells = [number(row["others"].get(system)) for system in systems]
        cells += [number(value), number(row["base"]), change(value, row["base"]), number(row["first"]), number(row["goal"])]
        lines.append(f"{row['figure']:18}" + "".join(f"{cell:>9}" for cell in cells) + f"  {row['verdict']:18}{row['what']}".rstrip())
    return "\n".join(lines)
