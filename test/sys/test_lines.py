"""The line of a device, seen by the guest that has the device: natively, of uvmm's own clock, and of the machine's."""
from conftest import bare_guest

SCRIPT = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/lines.bin", "-n", "2")
"""


def check(console):
    console.expect("lines: ready", timeout=180)
    console.send("g")
    console.expect("lines: took 2000", timeout=120)
    console.send("o")
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed")
    failures = [line for line in console.text().splitlines() if "not ok" in line]
    assert int(verdict.group(1)) >= 45 and int(verdict.group(2)) == 0, "\n".join(failures)


def test_a_line_natively(native):
    console = native(bare_guest("lines"), cpus=2)
    check(console)
    assert console.expect_end() == 0


def test_a_line_of_uvmms_own_clock(machine):
    console = machine(SCRIPT, {"lines.bin": bare_guest("lines")}, cpus=2)
    check(console)
    console.expect("the guest turned the VM off")
