"""What `make bench` says and keeps: the rows of its table, sizes of code, and the sentences under the table."""
import os
import re

from .figures import FIGURES, judge, number

PARTS = ["hv", "lib", "user/rt", "user/ned", "user/uvmm", "user/srv"]


def lines_of_code(folder):
    """Lines that are neither empty nor only comment, of what is compiled for arm64."""
    count = 0
    for base, _, names in os.walk(folder):
        if os.path.join("arch", "host") in base:
            continue
        for name in names:
            if name.endswith((".c", ".h", ".S")):
                with open(os.path.join(base, name), encoding="utf-8") as f:
                    text = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment.group().count("\n"), f.read(), flags=re.S)
                count += sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))
    return count


def lines_by_part(top):
    return {part: lines_of_code(os.path.join(top, part)) for part in PARTS}


def images(top, build):
    """{name: KiB} of the hypervisor and of our programs, those that were built."""
    servers = sorted(os.listdir(os.path.join(top, "user", "srv")))
    files = {name: os.path.join(build, "hv.bin" if name == "hv" else name) for name in ["hv", "ned", "uvmm", *servers]}
    return {name: os.path.getsize(file) / 1024 for name, file in files.items() if os.path.isfile(file)}


def rows_of(results, runs, base):
    """A row for each figure. results: {system: {figure: {med ...}}}, runs: {system: {figure: how many agreed or differed}}."""
    rows = []
    for name, what, first, goal in FIGURES:
        value = results["ours"].get(name, {}).get("med")
        rows.append({"figure": name, "what": what, "ours": value, "base": base["figures"].get(name) if base else None,
                     "others": {system: figures[name]["med"] for system, figures in results.items() if system != "ours" and name in figures},
                     "first": first, "goal": goal, "verdict": judge(value, first, goal),
                     "all": {system: figures[name] for system, figures in results.items() if name in figures},
                     "runs": {system: counts[name] for system, counts in runs.items() if name in counts}})
    return rows


def once(rows):
    """The sentence on the figures that a single run gave, or ""."""
    found = {}
    for row in rows:
        for system, count in row["runs"].items():
            if count == 1:
                found.setdefault(system, []).append(row["figure"])
    return "; ".join(f"of {system}: {', '.join(names)}" for system, names in sorted(found.items()))


def method(rows, repeat):
    single = once(rows)
    return (f"Medians, in instructions where nothing else is said. Each figure is the same in {repeat} runs"
            + (f", or else the benchmark says so; run once: {single}." if single else ", or else the benchmark says so."))


def sizes(lines, kib):
    return ["Lines of C and assembly: " + ", ".join(f"{part} {number(count)}" for part, count in lines.items()) + ".",
            "Images, KiB: " + ", ".join(f"{name} {number(size)}" for name, size in kib.items()) + "."]


def base_said(base):
    if not base:
        return "base: nothing recorded yet (tools/bench --record)"
    return f"base: {base['commit']} of {base['date']} ({base.get('release') or base['subject']})"


def commands(systems):
    """Version and exact commands of each system: {name: {version, commands, left_out}} as bench.json has them."""
    text = []
    for name, system in systems.items():
        if not system["left_out"]:
            text.append(f"{name}: {system['version']}")
            text += [f"  {guest}:\n    {command}" for guest, command in sorted(system["commands"].items())]
    return "\n".join(text)
