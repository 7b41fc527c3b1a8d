"""PSCI and SMCCC: every answer that can be had, by both conduits and by nodes of every version; Linux suspends its CPUs."""
import re
import subprocess

import pytest

from conftest import bare_guest, example, guest_files

BARE = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/psci.bin", %s)
"""
LINUX = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 128 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-d", "rom/psci.dtb", "-b", "0x40000000",
  "-c", "console=ttyAMA0")
"""
IDS = "cpu_suspend = <0x95c1ba5e>; cpu_off = <0x95c1ba5f>; cpu_on = <0x95c1ba60>;"

IDLE_STATES = """
idle-states {
    entry-method = "psci";
    nap: cpu-nap { compatible = "arm,idle-state"; arm,psci-suspend-param = <0x1>;
        entry-latency-us = <10>; exit-latency-us = <10>; min-residency-us = <50>; };
    down: cpu-down { compatible = "arm,idle-state"; arm,psci-suspend-param = <0x10002>;
        entry-latency-us = <50>; exit-latency-us = <50>; min-residency-us = <2000>; };
};
"""


def psci_tree(cpus, compatible, method, ids="", cpu_extra="", nodes=""):
    """The example's tree with that many CPUs and another PSCI node."""
    with open(example("machine.dts"), encoding="utf-8") as f:
        text = f.read()
    one = re.search(r"cpu@0 \{.*?\};", text, re.S).group()
    more = [one.replace("cpu@0", f"cpu@{i}").replace("reg = <0>;", f"reg = <{i}>; {cpu_extra}") for i in range(cpus)]
    text = text.replace(one, "\n".join(more) + nodes)
    text = text.replace("0x080a0000 0x0 0x20000", f"0x080a0000 0x0 {cpus * 0x20000:#x}")
    text = re.sub(r"psci \{.*?\};", f'psci {{ compatible = {compatible}; method = "{method}"; {ids} }};', text, count=1, flags=re.S)
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("vcpus, node, passed", [
    (1, None, 114), (4, None, 144),
    (4, ('"arm,psci-0.2"', "smc"), 144),
    (4, ('"arm,psci"', "hvc", IDS), 143),
    (1, ('"arm,psci"', "smc", IDS), 113)], ids=["1.0-hvc-1", "1.0-hvc-4", "0.2-smc-4", "0.1-hvc-4", "0.1-smc-1"])
def test_psci_gives_every_answer_of_its_specification(machine, vcpus, node, passed):
    files = {"psci.bin": bare_guest("psci")}
    options = f'"-n", "{vcpus}"'
    if node:
        files["psci.dtb"] = psci_tree(vcpus, *node)
        options = '"-d", "rom/psci.dtb", "-b", "0x40000000"'
    console = machine(BARE % options, files, cpus=2)
    console.expect(rf"psci: {vcpus} CPUs, version {'0.1' if node and len(node) > 2 else '0.2'}.*, by {node[1] if node else 'hvc'}")
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed", timeout=180)
    failures = [line for line in console.text().splitlines() if "not ok" in line]
    assert int(verdict.group(1)) >= passed and int(verdict.group(2)) == 0, "\n".join(failures)
    console.expect("the guest turned the VM off")


def idle_counts(console, state):
    """How often each CPU was in that state."""
    path = f"/sys/devices/system/cpu/cpu$i/cpuidle/state{state}"
    text = console.command_output(f"for i in 0 1; do p={path}; echo cpu$i $(cat $p/name) $(cat $p/usage).; done")
    found = re.findall(r"^cpu(\d) ([\w-]+) (\d+)\.", text, re.MULTILINE)
    assert [f[0] for f in found] == ["0", "1"], console.tail()
    return found[0][1], [int(f[2]) for f in found]


def test_debian_suspends_its_cpus_by_psci_0_1(machine):
    tree = psci_tree(2, '"arm,psci"', "hvc", IDS, "cpu-idle-states = <&nap>, <&down>;", IDLE_STATES)
    console = machine(LINUX, guest_files() | {"psci.dtb": tree}, cpus=2)
    console.expect(r"guest: up, Linux 6\S+, 2 CPU", timeout=180)
    console.expect("guest# ")
    assert "psci: Using PSCI v0.1 Function IDs from DT" in console.text()
    before = [idle_counts(console, state) for state in (1, 2)]
    assert [name for name, _ in before] == ["cpu-nap", "cpu-down"]
    # Naps are for pauses of under 2 ms, which a CPU sees when another one or its timer wakes it soon.
    for _ in range(30):
        console.command_output("sleep 1; for i in $(seq 50); do usleep 700; done")
        after = [idle_counts(console, state) for state in (1, 2)]
        if all(a > b for (_, was), (_, now) in zip(before, after) for a, b in zip(now, was)):
            break
    else:
        pytest.fail(f"the CPUs do not use their states: {before}, {after}")
    # A CPU that was suspended goes off and on.
    line = "c=/sys/devices/system/cpu/cpu1/online; echo 0 > $c; a=$(cat $c); echo 1 > $c; sleep 1; echo online $a $(cat $c)."
    assert "online 0 1." in console.command_output(line), console.tail()
    text = console.text()
    assert "BUG" not in text and "stall" not in text and "failed to" not in text.lower(), console.tail()
