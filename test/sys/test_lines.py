"""The line of a device, seen by the guest that has the device: natively, of uvmm's own clock, and of the machine's."""
import re
import subprocess
import subprocess

import pytest

from conftest import TOP, bare_guest, example
from test_gdb import Port
from test_lateness import INSTRUCTIONS

OWN = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/lines.bin", "-n", "2")
"""
LEVEL = """
local vmm = require "vmm"
local busses = {clock = {"/pl031@9010000"}}
vmm.start_io(busses)
"""
# The same clock, whose line the machine's GIC is told to take for an edge.
EDGE = """
local vmm = require "vmm"
local busses = {clock = "rom/clock.vbus"}
vmm.start_io(busses)
"""
CLOCK_VBUS = """
Io.hw_add_devices(function()
  CLOCK = Io.Hw.Device(function()
    compatible = {"arm,pl031"};
    Resource.reg0 = Io.Res.mmio(0x9010000, 0x9010fff);
    Resource.irq0 = Io.Res.irq(34, Io.Resource.Irq_type_raising_edge);
  end)
end)
Io.add_vbus("clock", Io.Vi.System_bus(function()
  CLOCK = wrap(Io.system_bus():match("CLOCK"))
end))
"""
START_EDGE = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw"), vbus = busses.clock}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/lines.bin",
                         "-d", "rom/edge.dtb")
"""
START = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw"), vbus = busses.clock}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/lines.bin", "-n", "2")
"""
VM = """
L4.start_cons{framed = true, show = false}
vmm.start_vm{id = 1, mem = 64, kernel = "rom/lines.bin", ext_args = {"-n", "2"}, vbus = busses.clock, restart = "reset"}
"""


def verdict_of(text, wanted):
    verdict = re.search(r"verdict: (\d+) passed, (\d+) failed", text)
    failures = [line for line in text.splitlines() if "not ok" in line]
    assert int(verdict.group(1)) >= wanted and int(verdict.group(2)) == 0, "\n".join(failures)


def check(console, wanted):
    console.expect("lines: ready", timeout=180)
    console.send("g")
    console.expect("lines: took 2000", timeout=120)
    console.send("o")
    console.expect(r"verdict: (\d+) passed, (\d+) failed")
    verdict_of(console.text(), wanted)


def test_a_line_natively(native):
    console = native(bare_guest("lines"), cpus=2)
    check(console, 60)
    assert console.expect_end() == 0


def test_a_line_of_uvmms_own_clock(machine):
    console = machine(OWN, {"lines.bin": bare_guest("lines")}, cpus=2)
    check(console, 60)
    console.expect("the guest turned the VM off")


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_level_line_of_the_machine(machine, cpus):
    console = machine(LEVEL + START, {"lines.bin": bare_guest("lines")}, cpus=cpus)
    check(console, 45)
    text = console.text()
    assert "passed through, /pl031@9010000" in text and "# SKIP this one is a level line" in text
    console.expect("the guest turned the VM off")


def edge_tree():
    """The example's tree, in which the clock's interrupt is an edge."""
    with open(example("machine.dts"), encoding="utf-8") as f:
        before, clock = f.read().split("pl031@9010000 {")
    text = before + "pl031@9010000 {" + clock.replace("<0 2 4>", "<0 2 1>", 1)
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), capture_output=True, check=True).stdout


def test_an_edge_of_the_machine(machine):
    console = machine(EDGE + START_EDGE, {"lines.bin": bare_guest("lines"), "clock.vbus": CLOCK_VBUS, "edge.dtb": edge_tree()}, cpus=2)
    check(console, 16)
    text = console.text()
    assert "passed through, /pl031@9010000" in text and "# SKIP this one is an edge" in text
    console.expect("the guest turned the VM off")


def test_the_way_from_the_device_to_the_guests_vector_is_some_hundred_instructions(machine):
    console = machine(LEVEL + START.replace('"-n", "2"', '"-n", "1"'), {"lines.bin": bare_guest("lines")}, cpus=1,
                      cpu="cortex-a57,cntfrq=1000000000", extra=INSTRUCTIONS)
    console.expect("lines: ready")
    console.send("g")
    assert int(console.expect(r"lines: (\d+) ticks from the device to the vector").group(1)) < 500
    console.expect("lines: took 2000")


def exits(monitor):
    """Of both vCPUs, by kind."""
    return {kind: int(first) + int(second) for kind, first, second in re.findall(r"^(\w+) +(\d+) +(\d+)$", monitor.ask("exits"), re.MULTILINE)}


def test_interrupts_do_not_leave_the_guest_nor_stop_others_nor_outlive_a_restart(machine, tmp_path):
    wrap = [f"{TOP}/tools/console-split", "--dir", str(tmp_path / "consoles"), "--tcp", "vm1=0", "--tcp", "mon1=0", "--"]
    console = machine(LEVEL + VM, {"lines.bin": bare_guest("lines")}, cpus=1, wrap=wrap)
    ports = dict(console.expect(r"console-split: (vm1|mon1): \S+, port (\d+)").groups() for _ in range(2))
    guest, monitor = Port(int(ports["vm1"])), Port(int(ports["mon1"]))
    guest.socket.settimeout(180)
    guest.expect(b"lines: ready")
    before = exits(monitor)
    guest.socket.sendall(b"g")
    guest.expect(b"lines: took 2000")
    after = exits(monitor)
    assert after["eoi"] == before["eoi"] and after["event"] - before["event"] < 100, (before, after)
    # The CPU has only one thing to do but the monitor: the guest's interrupts, which never end.
    guest.socket.sendall(b"s")
    guest.expect(b"lines: took a thousand of the storm")
    for _ in range(10):
        assert "runs at EL" in monitor.ask("cpu list")
    guest.socket.sendall(b"x")
    guest.expect(b"lines: the storm is over")
    # In the handler, with the line high.
    for _ in range(2):
        guest.socket.sendall(b"r")
        guest.expect(b"lines: it is high already")
        guest.expect(b"lines: ready")
    guest.socket.sendall(b"o")
    verdict_of(guest.expect(b" failed"), 44)
