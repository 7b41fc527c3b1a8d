"""Suspend to RAM: a VM sleeps, and wakes by what its guest left enabled: the clock's alarm, input, a line of the machine."""
import os
import re
import time

import pytest

from conftest import bare_guest, guest_files
from test_lateness import INSTRUCTIONS
from test_lines import CLOCK_VBUS, EDGE, LEVEL, edge_tree, verdict_of

ROUNDS = 2
BARE = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")%s}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/sleeps.bin", "-n", "%d")
"""
LINUX = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 128 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-c", "console=ttyAMA0", "-n", "2")
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


def slept(console):
    """Seconds that CLOCK_BOOTTIME went on while CLOCK_MONOTONIC did not, or a little less; 0: none."""
    text = console.command_output("echo boot $(cat /proc/uptime); grep '^now at' /proc/timer_list")
    boot = float(re.search(r"^boot (\d+\.\d+)", text, re.MULTILINE).group(1))
    monotonic = int(re.search(r"^now at (\d+) nsecs", text, re.MULTILINE).group(1)) / 1e9
    return max(0, boot - monotonic)


def test_debian_suspends_to_ram_and_the_clock_wakes_it(machine):
    console = machine(LINUX, guest_files(), cpus=2)
    console.expect("guest: up, Linux 6", timeout=180)
    console.expect("guest# ")
    assert "[deep]" in console.command_output("cat /sys/power/mem_sleep")
    assert slept(console) == 0
    alarm = "/sys/class/rtc/rtc0/wakealarm"
    # One that goes off before the kernel is asleep refuses the suspend, as it should; then once more.
    for _ in range(10):
        console.command_output(f"echo 0 > {alarm}; echo +8 > {alarm}; echo mem > /sys/power/state", timeout=180)
        if f"success {ROUNDS}." in console.command_output("echo success $(cat /sys/power/suspend_stats/success)."):
            break
    else:
        pytest.fail(f"not {ROUNDS} suspends in ten attempts\n" + console.tail())
    assert slept(console) > 0
    assert console.command_output("cat /sys/devices/system/cpu/online").strip().startswith("0-1")
    text = console.text()
    assert "BUG" not in text and "stall" not in text, console.tail()



POINTS = int(os.environ.get("UVMM_SUSPEND_POINTS", "240"))
STAGES = """
local vmm = require "vmm"
local vm = vmm.start_vm{id = "stages", mem = 4, kernel = "rom/stages.bin", bootargs = "%s", %s}
vm:wait()
"""
FIRST, LAST = -3000, 69000  # instructions from the call to the alarm


@pytest.mark.parametrize("clock", ["own level", "own edge", "the machine's level", "the machine's edge"])
def test_no_wake_up_is_lost_at_any_stage_of_going_to_sleep(machine, clock):
    """One CPU that counts instructions: the alarm comes after so many of them, wherever that is."""
    arguments = f"points={POINTS} from={FIRST} step={(LAST - FIRST) // POINTS} edge={int('edge' in clock)}"
    before, options, files = "", 'vcpus = 1', {"stages.bin": bare_guest("stages")}
    if clock == "the machine's level":
        before, options = LEVEL, 'vcpus = 1, vbus = busses.clock'
    elif clock == "the machine's edge":
        before, options = EDGE, 'fdt = "rom/edge.dtb", vbus = busses.clock'
        files |= {"clock.vbus": CLOCK_VBUS, "edge.dtb": edge_tree()}
    console = machine(before + STAGES % (arguments, options), files, cpus=1, cpu="cortex-a57,cntfrq=1000000000", extra=INSTRUCTIONS)
    console.expect("stages: alarms come " + ("whole seconds after they are set" if "machine" in clock else "when the count changes"))
    console.expect(rf"stages: {POINTS} points", timeout=120 + POINTS, silence=120 + POINTS)
    console.expect(r"verdict: (\d+) passed, (\d+) failed")
    verdict_of(console.text(), 6)
