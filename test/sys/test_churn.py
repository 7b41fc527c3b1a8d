"""VMs that come and go all the time on every CPU: nothing is left of them, and nothing hangs."""
import os

import pytest

from conftest import bare_guest

ROUNDS = int(os.environ.get("UVMM_CHURN_ROUNDS", "6"))
SCRIPT = """-- Starts six VMs, kills them at another moment of their lives in each round, and says what is used then.
local factory = L4.Env.user_factory
local function start(i)
  local ram = factory:create(L4.Proto.Dataspace, 16 * 1024 * 1024)
  return L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm" .. i}}, "rom/uvmm", "-q", "-k", "rom/matrix.bin")
end
for round = 1, %d do
  local vm = {}
  for i = 1, 6 do vm[i] = start(i) end
  L4.msleep(50 + round * 37)
  for i = 1, 6 do vm[i]:kill() end
  vm = nil
  collectgarbage()
  collectgarbage()
  local info = factory:info()
  print(string.format("round %%d: used %%d, free %%d.", round, info.used, info.machine_free))
end
print("the churn is over")
"""


@pytest.mark.parametrize("cpus", [1, 4])
def test_vms_killed_at_any_moment_on_any_cpu_leave_nothing(machine, cpus):
    console = machine(SCRIPT % ROUNDS, {"matrix.bin": bare_guest("matrix")}, cpus=cpus)
    rounds = [console.expect(r"round (\d+): used (\d+), free (\d+)\.") for _ in range(ROUNDS)]
    console.expect("the churn is over")
    # The first round makes what stays: tables of EL2, ned's own heap.
    assert len({found.group(2) for found in rounds[1:]}) == 1
    assert int(rounds[-1].group(3)) >= int(rounds[1].group(3)) - 64 * 1024
