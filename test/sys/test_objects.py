"""The hypervisor's own objects on the machine: test/prog/objects, which prints a line for each thing it tried."""
import os
import re

import pytest

# Generous: the random system calls and 300 tasks take their time under emulation.
TIME_LIMIT = 240
GROUPS = ["messages", "irqs", "tasks", "floating-point", "spaces", "vanishing-memory", "deaths", "dma", "shortage",
          "priorities", "hostile"]
SCRIPT = """
L4.default_loader:start({caps = {icu = L4.Env.icu, iommu = L4.Env.iommu}, prio = 120, mem = 200 << 20}, "rom/objects %s")
"""
# Random system calls beside a program that minds its own business: 100,000 in make test, 10 millions in make soak.
CALLS = int(os.environ.get("UVMM_HOSTILE_CALLS", "100000"))
WITNESS = """
L4.default_loader:start({caps = {}, prio = 110, log = {"witness"}}, "rom/witness 1000000000")
"""


def run(machine, groups, beside="", limit=TIME_LIMIT, **point):
    console = machine(beside + SCRIPT % groups, **point)
    code = console.expect(r"objects (ended with exit code \d+|died)", timeout=limit).group(1)
    text = console.text()
    bad = re.findall(r"not ok - [^\n]*", text)
    assert not bad and code == "ended with exit code 0", "\n".join([code, *bad, console.tail()])
    return text


@pytest.mark.parametrize("cpu, cpus, calls", [
    ("cortex-a57", 1, 3000), ("cortex-a57", 2, 3000), ("cortex-a57", 4, 3000),
    ("max", 1, 3000), ("max", 2, 3000), ("max", 4, 3000),
])
def test_objects(machine, cpu, cpus, calls):
    text = run(machine, str(calls), cpu=cpu, cpus=cpus)
    for group in GROUPS:
        assert f"# {group}" in text
    assert text.count("ok - ") > 80


def test_random_system_calls_hurt_nobody(machine):
    text = run(machine, f"{CALLS} hostile", beside=WITNESS, limit=TIME_LIMIT + CALLS / 500, cpus=2)
    made = int(re.search(r"ok - (\d+) random system calls in \d+ lives", text).group(1))
    assert made >= CALLS and "everything of each life was back" in text
    # The witness looked after itself all the time, and was well until the end.
    rounds = [int(n) for n in re.findall(r"witness: (\d+) rounds are well", text)]
    assert len(rounds) >= CALLS // 20000 and not re.search(r"witness (ended|died)", text)


def test_a_cpu_is_shared_as_priorities_say(machine):
    # Time is instructions, so the shares are the same on any host.
    text = run(machine, "shares", cpus=1, extra=("-icount", "shift=0,sleep=off"))
    assert len(re.findall(r"ok - beside one that .* a worker has \d+% of the CPU", text)) >= 14
