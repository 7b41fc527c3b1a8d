"""VMs that come and go all the time on every CPU: nothing is left of them, and nothing hangs."""
import os

import pytest

from conftest import bare_guest

ROUNDS = int(os.environ.get("UVMM_CHURN_ROUNDS", "6"))
CHURN_ROUNDS = int(os.environ.get("UVMM_CHURN_ROUNDS", "10"))
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


# What there was before and after: bytes of ned's quota, of the machine's memory with what the hypervisor holds, capabilities of ned.
FIGURES = """
local vmm, core = require "vmm", require "core"
local ROUNDS = %d
local function figures(round)
  collectgarbage()
  collectgarbage()
  local info = L4.Env.user_factory:info()
  print(string.format("round %%d: used %%d, memory %%d, hypervisor %%d, slots %%d.", round, info.used,
                      info.machine_free + info.hypervisor, info.hypervisor, L4.Info.slots()))
end
local function start(options)
  return vmm.start_vm(vmm.table_override({mem = 4, kernel = "rom/ends.bin", ext_args = {"-q"}}, options))
end
local stays = start{id = "stays", bootargs = "do=spin"}
-- Then ned holds all that it is going to hold of it.
while #stays:locks() < 2 do L4.msleep(10) end
L4.msleep(500)
"""
REBOOTS = """
local vm = start{id = "goes", bootargs = "do=reset", restart = function(vm, reason)
  figures(vm.restarts)
  return vm.restarts < ROUNDS and reason == "reset"
end}
vm:wait()
"""
KILLS = """
local vm = start{id = "goes", bootargs = "do=spin", restart = function(vm, reason)
  figures(vm.restarts)
  return vm.restarts < ROUNDS and reason == "killed"
end}
while vm:state() ~= "failed" do
  L4.msleep(1 + vm.restarts * 7 % 60)
  if vm:state() == "running" then core.destroy(vm.task.slot) end
end
"""
COMES_AND_GOES = """
for round = 0, ROUNDS do
  local vm = start{id = "goes", bootargs = "do=spin"}
  L4.msleep(1 + round * 7 % 60)
  vm:stop()
  vm = nil
  figures(round)
end
"""
END = """
print("the churn is over:", stays:state())
"""


@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("what", [REBOOTS, KILLS, COMES_AND_GOES], ids=["reboots by the guest", "kills from outside", "start and stop"])
def test_churn_beside_a_vm_that_runs_changes_no_figure(machine, what, cpus):
    rounds = CHURN_ROUNDS
    console = machine(FIGURES % rounds + what + END, {"ends.bin": bare_guest("ends")}, cpus=cpus)
    seen = [console.expect(r"round \d+: (used \d+, memory \d+), hypervisor (\d+), slots (\d+)\.") for _ in range(rounds + 1)]
    console.expect(r"the churn is over:\s+running\b")
    # The first rounds make what stays: ned's own heap.
    settled = seen[2:]
    assert {(found.group(1), found.group(3)) for found in settled} == {(settled[0].group(1), settled[0].group(3))}
    # Blocks of the hypervisor's own memory are shared by all objects; which pages they lie in may differ a little.
    held = [int(found.group(2)) for found in settled]
    assert max(held) - min(held) <= 64 * 1024, held
    assert "still in use" not in console.text()
