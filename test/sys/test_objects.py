"""The hypervisor's own objects on the machine: test/prog/objects, which prints a line for each thing it tried."""
import re

import pytest

# Generous: the random system calls and 300 tasks take their time under emulation.
TIME_LIMIT = 240
GROUPS = ["messages", "irqs", "tasks", "floating-point", "spaces", "vanishing-memory", "deaths", "shortage",
          "priorities", "hostile"]
SCRIPT = """
L4.default_loader:start({caps = {icu = L4.Env.icu}, prio = 120, mem = 200 << 20}, "rom/objects %s")
"""


def run(machine, groups, **point):
    console = machine(SCRIPT % groups, **point)
    code = console.expect(r"objects (ended with exit code \d+|died)", timeout=TIME_LIMIT).group(1)
    text = console.text()
    bad = re.findall(r"not ok - [^\n]*", text)
    assert not bad and code == "ended with exit code 0", "\n".join([code, *bad, console.tail()])
    return text


@pytest.mark.parametrize("cpu, cpus, calls", [
    ("cortex-a57", 1, 10000), ("cortex-a57", 2, 20000), ("cortex-a57", 4, 3000),
    ("max", 1, 3000), ("max", 2, 3000), ("max", 4, 3000),
])
def test_objects(machine, cpu, cpus, calls):
    text = run(machine, str(calls), cpu=cpu, cpus=cpus)
    for group in GROUPS:
        assert f"# {group}" in text
    assert text.count("ok - ") > 80
