"""Options prio, cpus and scheduler of the script: where a VM runs, and who comes first."""
import pytest

from conftest import bare_guest

INSTRUCTIONS = ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm")


def test_cpus_and_prio_say_where_a_vm_runs_and_who_comes_first(machine):
    """A guest that spins above ned's priority on CPU 1: ned on CPU 0 goes on, so does a VM there; one below it on CPU 1 gets nothing."""
    console = machine("""
local vmm = require "vmm"
local function start(id, guest, cpus, prio, bootargs)
  return vmm.start_vm{id = id, mem = 4, kernel = "rom/" .. guest .. ".bin", cpus = cpus, prio = prio, bootargs = bootargs, ext_args = {"-q"}}
end
local above = start("above", "ends", "1", 200, "do=spin")
L4.sleep(1)
local below = start("below", "ticker", 2, 199, "ticks=20")
local beside = start("beside", "ticker", {0}, 20, "ticks=30")
beside:wait()
print("beside is over:", below:state())
above:stop()
below:wait()
print("below is over")
""", {"ends.bin": bare_guest("ends"), "ticker.bin": bare_guest("ticker")}, cpus=2)
    console.expect(r"beside is over:\s+running")
    before = console.text()
    assert "ticker: 30 ticks" in before and "ticker: 20 ticks" not in before
    console.expect_in_order("above ended: stopped by the script", "ticker: 20 ticks", "below is over")


def test_what_a_scheduler_does_not_have_is_refused_in_a_sentence(machine):
    console = machine("""
local vmm = require "vmm"
print(select(2, pcall(vmm.start_vm, {id = "a", cpus = "3"})))
print(select(2, pcall(vmm.start_vm, {id = "a", prio = 60, scheduler = vmm.new_sched(50, 1)})))
print(select(2, pcall(vmm.start_vm, {id = "a", cpus = "1", scheduler = vmm.new_sched(50, 1)})))
""", cpus=2)
    console.expect("no CPU: of CPU mask 0x8 this scheduler has 0x3")
    console.expect("priority 60; this scheduler has 1 to 59")
    console.expect("no CPU: of CPU mask 0x2 this scheduler has 0x1")


@pytest.mark.parametrize("neighbour, low, high", [(20, 45, 55), (19, 97, 101)], ids=["equal priority", "lower priority"])
def test_a_guest_that_spins_gets_its_share_and_no_more(machine, neighbour, low, high):
    """Turns of a loop in a tenth of a second of guest time, in per cent of what they are without the other; counted in instructions."""
    console = machine(f"""
local vmm = require "vmm"
local function start(id, how, prio)
  return vmm.start_vm{{id = id, mem = 4, kernel = "rom/ends.bin", bootargs = "do=" .. how, prio = prio, ext_args = {{"-q"}}}}
end
start("alone", "busy", 20):wait()
start("other", "spin", {neighbour})
L4.sleep(0.1)
start("shares", "busy", 20):wait()
""", {"ends.bin": bare_guest("ends")}, cpu="cortex-a57,cntfrq=1000000000", cpus=1, extra=INSTRUCTIONS)
    alone = int(console.expect(r"ends: (\d+) turns").group(1))
    shared = int(console.expect(r"ends: (\d+) turns").group(1))
    assert low <= shared * 100 / alone <= high
