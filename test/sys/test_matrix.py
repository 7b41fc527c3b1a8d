"""The matrix of host machines: CPU models, numbers of CPUs, sizes of memory. On each the matrix guest checks its VM."""
import pytest

from conftest import bare_guest

CPU_MODELS = ["cortex-a53", "cortex-a57", "cortex-a72", "max"]
SCRIPT = """-- Starts the matrix guest.
local L4 = require "L4"
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/matrix.bin")
"""


def check_verdict(console):
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed")
    failures = [line for line in console.text().splitlines() if "not ok" in line]
    assert int(verdict.group(1)) > 100 and int(verdict.group(2)) == 0, "\n".join(failures)


@pytest.mark.parametrize("mem", ["512M", "2G", "8G"])
@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("cpu", CPU_MODELS)
def test_matrix_guest_finds_nothing_wrong_with_its_machine(machine, cpu, cpus, mem):
    console = machine(SCRIPT, {"matrix.bin": bare_guest("matrix")}, cpu=cpu, cpus=cpus, mem=mem)
    check_verdict(console)


@pytest.mark.parametrize("cpu", CPU_MODELS)
def test_matrix_guest_finds_nothing_wrong_with_qemu_natively(native, cpu):
    console = native(bare_guest("matrix"), cpu="max,pauth-impdef=on" if cpu == "max" else cpu, cpus=2)
    check_verdict(console)
    assert console.expect_end() == 0
