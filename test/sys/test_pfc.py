"""Suspend with a power manager: refused, not answered, agreed to; locks and events at `ctl`; the end of a VM."""
import re

import pytest

from conftest import bare_guest, guest_files

# A power manager of the tests (test/prog/pfcserver.c) for each VM.
SCRIPT = """
L4.start_cons()
local function start(name, word, options, ...)
  local vm = {name = name, pfc = L4.default_loader:new_channel(), ctl = L4.default_loader:new_channel()}
  function vm.serve(...)
    return L4.default_loader:startv({caps = {pfc = vm.pfc:svr(), ctl = vm.ctl:svr()}, log = {name .. "-pm", "blue"}}, "rom/pfcserver", ...)
  end
  vm.server = vm.serve(...)
  local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 32 * 1024 * 1024)
  vm.task = L4.default_loader:startv({caps = {ram = ram:m("rw"), pfc = vm.pfc:m("rw"), ctl = vm.ctl:m("rw")}, log = {name, "green"}},
    "rom/uvmm", "-k", "rom/asks.bin", "--name", "the " .. name, "-n", "1", "-c", "do=" .. word, table.unpack(options))
  return vm
end
"""
REFUSED = SCRIPT + """
local vm = start("vm", "refused", {"-W", "--pfc-limit=2"}, "refuse", "fail", "die")
vm.server:wait()
vm.serve("never", "deep", "resume", "machine", "ok", "stay")
print("over:", vm.task:wait())
"""
LATE = SCRIPT + """
local idle = start("idle", "idle", {}, "ok", "ask")
local vm = start("vm", "late", {}, "never")
print("over:", vm.task:wait())
"""
LOCKED = SCRIPT.replace("L4.start_cons()", 'L4.start_cons{connect = "vm"}').replace("caps = {pfc = vm.pfc:svr(),", "caps = {platform = L4.Env.platform, pfc = vm.pfc:svr(),") + """
local vm = start("vm", "%s", {}, "sleeps")
"""
MACHINE = """
local vmm = require "vmm"
L4.start_cons()
local busses = {naps = {}, asks = {}}
local io = vmm.start_io{busses = busses, power = true}
local function start(id, word, options, pfc)
  return vmm.start_vm{id = id, mem = 32, kernel = "rom/asks.bin", bootargs = "do=" .. word, vcpus = 1, vbus = busses[id], pfc = pfc, ext_args = options}
end
local naps = start("naps", "nap", {})
local asks = start("asks", "machine", {"-W"}, io.pfc)
print("over:", asks:wait())
"""
DEBIAN = """
local vmm = require "vmm"
local calls = 0
local function suspend(vm)
  calls = calls + 1
  if calls == 1 then return "not today" end
  coroutine.wrap(function() L4.sleep(1) vm:resume() end)()
end
local vm = vmm.start_vm{id = "debian", mem = 128, bootargs = "console=ttyAMA0", vcpus = 2,
  pfc = {suspend = suspend, shutdown = function(vm, reboot) print("shutdown:", reboot) end}}
print("over:", vm:wait())
"""
MONITOR = """
local vmm = require "vmm"
L4.start_cons{connect = "mon1"}
local vm = vmm.start_vm{id = 1, mem = 32, kernel = "rom/asks.bin", bootargs = "do=sleep", vcpus = 1}
while vm:state() ~= "suspended" do L4.msleep(10) end
print("it is suspended")
print("over:", vm:wait())
"""


def text_with(console, *patterns):
    """All that was printed, without colours, once these are in it, in whatever order."""
    for pattern in patterns:
        if not re.search(pattern, console.text()):
            console.expect(pattern)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.text())


def passed(console, wanted):
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed", timeout=180)
    failures = [line for line in console.text().splitlines() if "not ok" in line]
    assert int(verdict.group(1)) == wanted and int(verdict.group(2)) == 0, "\n".join(failures) + console.tail()


def test_a_power_manager_refuses_dies_never_answers_and_agrees(machine):
    """A refused suspend leaves a guest that runs on, with its timers as they were; one that is agreed to ends as it should."""
    console = machine(REFUSED, {"asks.bin": bare_guest("asks")})
    passed(console, 8 + 4 * 5 + 1)
    console.expect(r"over:\s+0")
    text = text_with(console, "is over: off", "nothing else follows from that")
    for why in ['"pfc" refuses it: the?battery is full', '"pfc" refuses it: the device failed', '"pfc" died before it answered',
                r'"pfc" did not answer within 2 s (--pfc-limit)']:
        assert text.count("warning: the guest does not suspend: " + why) == 1, why + console.tail()
    # What it is asked for, by whom, in which order.
    assert re.search(r"a client listens.*acquire SHUTDOWN: .*acquire SUSPEND: the VM runs.*acquire WAKEUP: .*release SUSPEND.*"
                     r"the vm asks to suspend: refuse.*acquire SUSPEND.*release WAKEUP.*release SUSPEND.*the vm asks to suspend: fail", text, re.DOTALL)
    # Who died comes back, and hears of the VM again before anything else.
    assert re.search(r"suspend: die.*a client listens.*acquire SUSPEND.*suspend: never", text, re.DOTALL)
    # Nobody is asked any more before the VM is over.
    assert re.search(r"release SHUTDOWN\n.*release SUSPEND\n.*the vm is over: off", text, re.DOTALL)
    assert 'the VM ends, but nothing else follows from that: "pfc" refuses it: nobody leaves' in text


def test_a_guest_that_woke_meanwhile_is_denied_until_the_power_manager_has_answered(machine):
    """And a guest that has no key for it cannot be asked to sleep or to turn itself off, which the one who asks hears."""
    console = machine(LATE, {"asks.bin": bare_guest("asks")})
    passed(console, 1 + 5)
    console.expect(r"over:\s+102")
    text = text_with(console, "is over: reboot", "has not answered to the time before", "refuse SHUTDOWN: ")
    assert 'the guest does not suspend: "pfc" has not answered to the time before' in text
    assert "the vm is over: reboot" in text and "nothing else follows" not in text
    assert re.search(r"refuse SUSPEND: \w.*refuse SHUTDOWN: \w", text, re.DOTALL), console.tail()


@pytest.mark.parametrize("cpus, word", [(1, "alarm"), (2, "alarm"), (1, "typed"), (2, "typed")])
def test_the_machine_does_not_sleep_between_a_guest_s_wake_up_and_its_lock(machine, cpus, word):
    """Who may put the machine to sleep does not look at its messages: the VM that its alarm or input woke waits for the lock SUSPEND."""
    console = machine(LOCKED % word, {"asks.bin": bare_guest("asks")}, cpus=cpus)
    if word == "typed":
        console.expect("hv: the machine sleeps")
        console.send("x")
    lock, end = "acquire SUSPEND: the VM runs", "over the lock"
    text = text_with(console, rf"the machine \w+( awake)? {end}")
    before, _, slept = text[:text.index(end)].rpartition("the vm asks to suspend: sleeps")
    assert before and lock not in slept and slept.endswith("the machine was awake "), console.tail()
    if lock not in text[text.index(end):]:
        console.expect(lock)


def test_two_guests_put_the_machine_to_sleep_and_wake_with_it(machine):
    """One wants the machine asleep while the other one naps: the nap's alarm wakes the machine, and that the first one, by -W."""
    console = machine(MACHINE, {"asks.bin": bare_guest("asks")})
    # Should the naps be over before, the machine sleeps until a minute has passed.
    console.expect("hv: the machine sleeps", timeout=300, silence=200)
    console.expect("it wakes with the machine", timeout=300, silence=200)
    assert "not ok" not in console.text(), console.tail()


def test_debian_runs_on_when_its_suspend_is_refused_and_sleeps_when_it_is_not(machine):
    console = machine(DEBIAN, guest_files())
    console.expect("guest: up, Linux 6", timeout=180)
    console.expect("guest# ")
    assert "write error" in console.command_output("echo mem > /sys/power/state", timeout=180)
    # Its second CPU is there again, and its timers tick.
    assert "0-1 again" in console.command_output("sleep 1; echo $(cat /sys/devices/system/cpu/online) again", timeout=180)
    assert "write error" not in console.command_output("echo mem > /sys/power/state", timeout=180)
    assert "failed 1 slept 1." in console.command_output("cd /sys/power/suspend_stats; echo failed $(cat fail) slept $(cat success).")
    console.send_line("poweroff -f")
    console.expect_in_order(r"shutdown:\s+false", r"over:\s+0")
    assert 'the guest does not suspend: "pfc" refuses it: not today' in console.text()


def test_the_monitor_wakes_a_vm_that_nothing_else_wakes(machine):
    console = machine(MONITOR, {"asks.bin": bare_guest("asks")})
    console.expect("it is suspended")
    console.send("\r")
    console.expect("monitor> ")
    console.send_line("suspend")
    console.expect("it sleeps already")
    console.send_line("resume")
    console.expect("it wakes")
    console.send("\x05.")  # leaves the monitor, whose prompt holds up what others print
    console.expect(r"over:\s+0")
