"""VMs of several CPUs: on as many CPUs of the machine, on fewer, on one; Linux takes CPUs off and on under load."""
import os
import re
import subprocess

import pytest

from conftest import bare_guest, example, guest_files

ROUNDS = int(os.environ.get("UVMM_HOTPLUG_ROUNDS", "5"))
POINTS = [(2, 2), (4, 2), (4, 1), (8, 4)]
BARE = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/smp.bin", "-n", "%d")
"""
LINUX = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 128 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-c", "console=ttyAMA0 earlycon=pl011,0x9000000",
  "-n", "%d")
"""


@pytest.mark.parametrize("cpu", ["cortex-a57", "max"])
@pytest.mark.parametrize("vcpus, cpus", POINTS)
def test_vcpus_start_stop_and_interrupt_each_other(machine, vcpus, cpus, cpu):
    console = machine(BARE % vcpus, {"smp.bin": bare_guest("smp")}, cpu=cpu, cpus=cpus)
    console.expect(rf"smp: {vcpus} CPUs")
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed", timeout=180)
    failures = [line for line in console.text().splitlines() if "not ok" in line]
    assert int(verdict.group(1)) >= 31 and int(verdict.group(2)) == 0, "\n".join(failures)
    console.expect("the guest turned the VM off")


def boot(machine, vcpus, cpus):
    console = machine(LINUX % vcpus, guest_files(), cpus=cpus)
    console.expect(rf"guest: up, Linux 6\S+, {vcpus} CPU", timeout=180)
    console.expect("guest# ")
    return console


@pytest.mark.parametrize("vcpus, cpus", POINTS)
def test_linux_has_exactly_the_cpus_of_its_vm(machine, vcpus, cpus):
    console = boot(machine, vcpus, cpus)
    assert console.command_output("cat /sys/devices/system/cpu/online").strip().startswith(f"0-{vcpus - 1}")
    nodes = console.command_output("ls /proc/device-tree/cpus")
    assert len(set(re.findall(r"cpu@\w+", nodes))) == vcpus, nodes
    assert "taint" not in console.text()


@pytest.mark.parametrize("vcpus, cpus", [(4, 2), (4, 1)])
def test_linux_takes_cpus_off_and_on_under_load(machine, vcpus, cpus):
    console = boot(machine, vcpus, cpus)
    # A busy loop for each CPU, which the scheduler moves about, and one that starts processes.
    console.command_output(f"for i in $(seq {vcpus}); do (while :; do :; done) & done; (while :; do /bin/true; done) &")
    path = "/sys/devices/system/cpu/cpu"
    for _ in range(ROUNDS):
        for value in (0, 1):
            line = f"for i in $(seq {vcpus - 1}); do echo {value} > {path}$i/online; done; cat {path}?/online | tr -d '\\n'; echo ."
            text = console.command_output(line, timeout=180)
            wanted = str(value) * (vcpus - 1) + "."  # CPU 0 cannot go and has no such file, or says 1
            assert wanted in text, console.tail()
    text = console.text()
    assert "BUG" not in text and "stall" not in text and "failed to" not in text.lower(), console.tail()


def test_a_given_tree_is_cut_to_the_cpus_asked_for(machine):
    files = dict(guest_files())
    files["four.dtb"] = four_cpus()
    script = LINUX % 2
    console = machine(script.replace('"-n"', '"-d", "rom/four.dtb", "-n"'), files)
    console.expect(r"the device tree has 4 CPUs, the VM 2")
    console.expect(r"guest: up, Linux 6\S+, 2 CPU", timeout=180)
    console = machine((LINUX % 5).replace('"-n"', '"-d", "rom/four.dtb", "-n"'), files)
    console.expect(r"--vcpus 5: the device tree has 4 CPUs; add cpu nodes, or ask for fewer")


def four_cpus():
    """The example's tree with four CPUs."""
    with open(example("machine.dts"), encoding="utf-8") as f:
        text = f.read()
    one = re.search(r"cpu@0 \{.*?\};", text, re.S).group()
    text = text.replace(one, "\n".join(one.replace("cpu@0", f"cpu@{i}").replace("reg = <0>", f"reg = <{i}>") for i in range(4)))
    text = text.replace("0x080a0000 0x0 0x20000", "0x080a0000 0x0 0x80000")
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
