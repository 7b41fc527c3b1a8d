"""Suspend to RAM: a VM sleeps, and wakes by what its guest left enabled: the clock's alarm, input, a line of the machine."""
import os
import time

import pytest

from conftest import bare_guest
from test_lateness import INSTRUCTIONS
from test_lines import CLOCK_VBUS, EDGE, LEVEL, edge_tree, verdict_of

BARE = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")%s}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/sleeps.bin", "-n", "%d")
"""

EDGE_TREE = (EDGE + BARE % (", vbus = busses.clock", 1)).replace('"-n"', '"-d", "rom/edge.dtb", "-n"')


@pytest.mark.parametrize("clock, script", [
    ("own", BARE % ("", 1)), ("own", BARE % ("", 2)), ("level", LEVEL + BARE % (", vbus = busses.clock", 2)), ("edge", EDGE_TREE)],
    ids=["own-1", "own-2", "level", "edge"])
def test_a_vm_sleeps_until_an_enabled_interrupt_is_pending(machine, clock, script):
    files = {"sleeps.bin": bare_guest("sleeps")}
    if clock == "edge":
        files |= {"clock.vbus": CLOCK_VBUS, "edge.dtb": edge_tree()}
    console = machine(script, files, cpus=2)
    console.expect("sleeps: woken by what was pending", timeout=120)
    console.expect("sleeps: woken by the alarm", timeout=120)
    console.expect("sleeps: type a character")
    time.sleep(3)  # a disabled alarm goes off meanwhile: would it wake, no character would be there
    console.send("x")
    console.expect("sleeps: woken by console input")
    console.expect(r"verdict: (\d+) passed, (\d+) failed")
    verdict_of(console.text(), 30)
    assert ("passed through, /pl031@9010000" in console.text()) == (clock != "own")
    console.expect("the guest turned the VM off")


POINTS = int(os.environ.get("UVMM_SUSPEND_POINTS", "240"))
STAGES = """
local vmm = require "vmm"
local vm = vmm.start_vm{id = "stages", mem = 4, kernel = "rom/stages.bin", bootargs = "%s", %s}
vm:wait()
"""
FIRST = -3000  # instructions from the call to the alarm


def sweep(machine, clock, last, options, before="", files=None):
    """One CPU that counts instructions: the alarm comes after so many of them, wherever that is."""
    arguments = f"points={POINTS} from={FIRST} step={(last - FIRST) // POINTS} edge={int('edge' in clock)}"
    console = machine(before + STAGES % (arguments, options), {"stages.bin": bare_guest("stages")} | (files or {}), cpus=1,
                      cpu="cortex-a57,cntfrq=1000000000", extra=INSTRUCTIONS)
    console.expect("stages: alarms come " + ("whole seconds after they are set" if "machine" in clock else "when the count changes"))
    console.expect(rf"stages: {POINTS} points", timeout=120 + POINTS, silence=120 + POINTS)
    console.expect(r"verdict: (\d+) passed, (\d+) failed")
    verdict_of(console.text(), 6)
    return console


@pytest.mark.parametrize("clock", ["own level", "own edge", "the machine's level", "the machine's edge"])
def test_no_wake_up_is_lost_at_any_stage_of_going_to_sleep(machine, clock):
    before, options, files = "", "vcpus = 1", {}
    if clock == "the machine's level":
        before, options = LEVEL, "vcpus = 1, vbus = busses.clock"
    elif clock == "the machine's edge":
        before, options = EDGE, 'fdt = "rom/edge.dtb", vbus = busses.clock'
        files = {"clock.vbus": CLOCK_VBUS, "edge.dtb": edge_tree()}
    sweep(machine, clock, 69000, options, before, files)


def test_no_wake_up_is_lost_while_a_power_manager_is_asked(machine):
    """It takes 50 ms to agree: the alarm comes before it is asked, while it is, or it would have to be noticed by its answer."""
    console = sweep(machine, "own level", 597000, 'vcpus = 1, pfc = function() asked = asked + 1; L4.sleep(0.05); return true end',
                    "asked = 0\n")
    assert "warning" not in console.text()


DEAF = """
local vmm = require "vmm"
local vm = vmm.start_vm{id = "stages", mem = 4, kernel = "rom/stages.bin", bootargs = "deaf=1 points=2", vcpus = 2}
local function tell_figures(when)
  while vm:state() ~= "suspended" do L4.msleep(10) end
  L4.sleep(1)
  local before = vm:cycles()
  L4.sleep(1000)
  print(string.format("%s: %d, %d.", when, before, vm:cycles()))
end
tell_figures("first")
vm:resume()
tell_figures("then")
vm:resume()
vm:wait()
"""


def test_a_vm_that_sleeps_executes_not_one_instruction(machine):
    """In its guest and its uvmm together, in a thousand seconds: a tick of the counter is an instruction."""
    console = machine(DEAF, {"stages.bin": bare_guest("stages")}, cpus=1, cpu="cortex-a57,cntfrq=1000000000", extra=INSTRUCTIONS)
    first = console.expect(r"first: (\d+), (\d+)\.")
    then = console.expect(r"then: (\d+), (\d+)\.")
    console.expect(r"verdict: (\d+) passed, (\d+) failed")
    verdict_of(console.text(), 5)
    assert first.group(1) == first.group(2) and then.group(1) == then.group(2)
    assert int(then.group(1)) > int(first.group(2))
