"""What ned serves: platform control by functions of a script, and a VM's ctl; restart policies beside them."""
import re

from conftest import bare_guest, guest_files, programs
from test_cons import PROMPT, at_ned

PRELUDE = "local vmm = require 'vmm'\n"
CLIENT = 'L4.default_loader:startv({caps = {pfc = pfc, go = go}, name = "client"}, "rom/powerclient", %s)\n'


def expect_all(console, *patterns):
    """In any order: what comes over several channels of cons is not ordered."""
    missing = list(patterns)
    while missing:
        console.expect("|".join(missing), timeout=300)
        missing = [pattern for pattern in missing if not re.search(pattern, console.text(), re.DOTALL)]


def client(*words):
    return CLIENT % ", ".join(f'"{word}"' for word in words)


def test_what_a_function_says_reaches_the_caller_and_its_errors_the_console(machine):
    console = machine(PRELUDE + """
local answers = {
  function() end, function() return 2 end, function() return false end, function() return "the door is open" end,
  function() error("no power") end, function() L4.msleep(50); return "after a while" end,
}
local pfc = vmm.new_pfc{
  suspend = function(name, extras) return table.remove(answers, 1)() end,
  shutdown = function(name, reboot) print("shutdown of", name, reboot); return not reboot or "not again" end,
}
local go
""" + client(*["suspend"] * 6, "off", "reboot"))
    console.expect_in_order(
        "suspend: error 0, depth 0, no text", "suspend: error 0, depth 2, no text", "suspend: error 1, depth 0, the script refuses it",
        "suspend: error 1, depth 0, the door is open",
        r"ned: pfc of client: pfc: the function for 'suspend' failed: rom/test.lua:5: no power",
        r"suspend: error 5, depth 0, rom/test.lua:5: no power", "suspend: error 1, depth 0, after a while",
        r"shutdown of\s+client\s+false", "off: error 0, depth 0, no text", r"shutdown of\s+client\s+true",
        "reboot: error 1, depth 0, not again", "client ended with exit code 0")


def test_callers_that_give_up_die_or_come_in_crowds_do_not_hurt_ned(machine):
    """Also those whose task ends while the script works for them, and those who call what nobody should."""
    console = machine(PRELUDE + """
local before, asked, open = L4.Info.slots(), false, false
local function wait() while not open do L4.msleep(10) end end
local pfc = vmm.new_pfc{suspend = function() asked = true; wait(); print("nobody waits") end}
local go = vmm.new_pfc{suspend = function() return asked and 1 or 0 end, shutdown = function() open = true end}
local task = """ + client("impatient") + """
task:wait()
pfc = vmm.new_pfc{suspend = function() print("killed:", task:kill()); L4.msleep(10); return "to nobody" end}
task = """ + client("suspend") + """
task:wait()
open = false
pfc = vmm.new_pfc{suspend = wait}
""" + client("many").replace("L4", "local crowd = L4", 1) + """
crowd:wait()
""" + client("flood", "suspend").replace("L4", "crowd = L4", 1) + """
crowd:wait()
collectgarbage() collectgarbage()
print("slots:", L4.Info.slots() - before < 16)
""")
    console.expect("impatient: error 110, depth 0, no text")
    console.expect("nobody waits")
    console.expect(r"killed:\s+killed")
    console.expect_in_order("many: 8 were told that it is busy", "off: error 16, depth 0, no text", "go: error 0, depth 0, no text",
                            "many: 16 went through")
    console.expect_in_order("flood: 2000 wrong calls were refused, 0 accepted", "suspend: error 0, depth 0, no text", r"slots:\s+true")


def test_a_vm_whose_uvmm_floods_its_gates_is_one_that_can_be_stopped(machine):
    """In uvmm's place is a program that calls at its ctl and its pfc what nobody should."""
    console = machine(PRELUDE + """
local vm = vmm.start_vm{id = "v", mem = 4, kernel = "rom/test.lua", ext_args = {"flood", "flood-ctl"}, pfc = function() print("called") end}
vm:exit_handler(function(code)
  print("over:", code)
  print(pcall(vm.suspend, vm))
end)
""", {"uvmm": programs()["powerclient"]})
    console.expect("flood: 2000 wrong calls were refused, 0 accepted")
    console.expect("flood-ctl: 2000 wrong calls were refused, 0 accepted")
    console.expect(r"over:\s+0")
    console.expect(r"v:suspend\(\): it does not run: it is stopped")
    assert "called" not in console.text()


def test_a_script_asks_a_power_manager_while_ned_serves_others(machine):
    """Here the power manager is ned's own; one that asks another on the way is told that there is one call at a time."""
    console = machine(PRELUDE + """
local inner = vmm.new_pfc{suspend = function(name) print("asked by", name); L4.msleep(20); return "not tonight" end}
local outer = vmm.new_pfc{
  suspend = function(name, extras) return inner:system_suspend(extras) end,
  shutdown = function(name, reboot) print("shutdown by", name, reboot) end,
}
local agreeable = vmm.new_pfc(function(name, event, argument) return event == "suspend" and argument end)
print("depth:", agreeable:system_suspend(2))
print("inner:", pcall(inner.system_suspend, inner))
print("outer:", pcall(outer.system_suspend, outer))
outer:system_shutdown(true)
local never = vmm.new_pfc{suspend = function() L4.sleep(3600) end}
print("late:", pcall(never.system_suspend, never, 0, "50ms"))
""")
    console.expect_in_order(r"depth:\s+2", r"asked by\s+ned", r"inner:\s+false\s+rom/test.lua:\d+: .*: suspend: not tonight",
                            r"outer:\s+false\s+.*: suspend: .*the call before it has no answer yet", r"shutdown by\s+ned\s+true",
                            r"late:\s+false\s+.*: suspend: the deadline passed")


# A bare-metal guest drives no key.
NO_KEY = "(its device tree has no|nothing in it waits for its) "
VM = PRELUDE + """
L4.start_cons(%s)
vm = vmm.start_vm{id = "v", mem = 8, kernel = "rom/ends.bin", %s}
function asleep() while vm:state() ~= "suspended" do L4.msleep(20) end end
"""


def start(machine, options, after="", cons=""):
    return machine(VM % (cons, options) + after, {"ends.bin": bare_guest("ends")})


def test_a_script_wakes_a_vm_asks_its_guest_and_ends_it_while_it_sleeps(machine):
    """This guest sleeps as soon as it is up, nothing of its own wakes it, and it drives no keys."""
    console = start(machine, 'bootargs = "do=z"', """
asleep(); print("one:", vm:state(), vm, vm:locks())
print("two:", vm:resume("300s"), vm:locks())
print("three:", pcall(vm.suspend, vm, "300s"))
print("four:", pcall(vm.poweroff, vm, "300s"))
print("five:", vm:state())
vm:restart(); asleep(); print("six:", vm.restarts, vm:suspend(), vm:locks())
vm:restart(); asleep(); print("seven:", vm.restarts, vm:stop(), vm:locks(), pcall(vm.resume, vm))
vm:restart(); asleep(); print("eight:", vm.restarts, vm:resume("300s"))
""".replace(", vm:restarts_now()", ""))
    console.expect(r"one:\s+suspended\s+VM 'v' \(suspended\)\s+shutdown \(\w[^()]*\)")
    console.expect(r"two:\s+running\s+suspend \(\w[^()]*\), shutdown \(\w[^()]*\)")
    console.expect(r"three:\s+false\s+rom/test.lua:\d+: v:suspend\(\): " + NO_KEY)
    console.expect(r"four:\s+false\s+rom/test.lua:\d+: v:poweroff\(\): " + NO_KEY)
    console.expect(r"five:\s+running")
    console.expect(r"six:\s+1\s+suspended\s+shutdown \(")
    console.expect(r"seven:\s+2\s+stopped\s+none\s+false\s+.*v:resume\(\): it does not run: it is stopped")
    console.expect(r"eight:\s+3\s+running")


def test_the_prompt_wakes_a_vm_and_hears_why_its_guest_does_not_sleep(machine):
    console = start(machine, 'bootargs = "do=z"', "asleep(); print('asleep now')", cons='{connect = "ned"}')
    console.expect("asleep now")
    for line, answer in [("vm:state()", "suspended"), ("vm:resume('300s')", "running"), ("vm:locks()", r"suspend \(.*shutdown \("),
                         ("vm:suspend('300s')", r"v:suspend\(\): " + NO_KEY)]:
        at_ned(console, line, answer)


def test_a_refused_suspend_fails_in_the_guest_and_one_that_waits_can_be_broken_off(machine):
    console = start(machine, """bootargs = "do=z", restart = "reset", pfc = function(vm, event)
  if event == "shutdown" then return end
  if vm.restarts == 0 then return "somebody is at the door" end
  if vm.restarts == 1 then error("a slip") end
  print("thinks:", vm:state()); print("broken off:", vm:resume("300s"), vm:state())
end""", cons='{connect = "v"}')
    expect_all(console, "the guest does not suspend: [^\n]*somebody is at the door", "ends: could not sleep, -3")
    console.send("r")
    expect_all(console, r"v: pfc: the function for 'suspend' failed: rom/test.lua:\d+: a slip", "ends: could not sleep, -6")
    console.send("r")
    expect_all(console, r"thinks:\s+running", r"broken off:\s+running\s+running", "ends: woke up")


def test_a_function_hears_of_ends_and_the_restart_policy_goes_on_from_there(machine):
    """Whatever it says: no guest is held up by it. The row of restarts is limited, and each comes later than the one before."""
    console = start(machine, """bootargs = "do=r", restart = {on = {"reset", "crash"}, max = 3, backoff = "100ms"},
  pfc = {shutdown = function(vm, reboot)
    print("hears:", reboot, vm.restarts, vm:state())
    if vm.restarts == 1 then return "the door is open" end
    if vm.restarts == 2 then error("a slip") end
    L4.msleep(50)
  end}""", "vm:exit_handler(function(code) print('over:', code, vm:state(), vm:reason(), vm.restarts) end)\n")
    console.expect_in_order(
        r"hears:\s+true\s+0\s+running", "the guest asked for a restart", "v: restart 1 of 3 in 100 ms",
        r"hears:\s+true\s+1", "v: restart 2 of 3 in 200 ms",
        r"hears:\s+true\s+2", r"v: pfc: the function for 'shutdown' failed: rom/test.lua:\d+: a slip", "v: restart 3 of 3 in 400 ms",
        r"hears:\s+true\s+3", "v is not restarted: it was restarted 3 times", r"over:\s+102\s+reset\s+reset\s+3")
    told = "the VM ends, but nothing else follows from that: [^\n]*the door is open"
    if not re.search(told, console.text()):
        console.expect(told)


def test_a_guest_whose_pfc_is_the_machine_turns_it_off(machine):
    console = start(machine, 'bootargs = "do=o", pfc = L4.Env.platform')
    assert console.expect_end() == 0
    assert "ends: up" in console.text()


def test_a_script_suspends_the_machine_through_io_when_its_vms_agree(machine):
    console = machine(PRELUDE + """
L4.start_cons()
local list = {bus = {}}
local io = vmm.start_io{busses = list, power = true}
local vm = vmm.start_vm{id = "v", mem = 8, kernel = "rom/ends.bin", bootargs = "do=z", vbus = list.bus}
while vm:state() ~= "suspended" do L4.msleep(20) end
print("awake:", vm:resume("300s"), pcall(io.pfc.system_suspend, io.pfc))
vm:restart()
while vm:state() ~= "suspended" do L4.msleep(20) end
print("depth:", io.pfc:system_suspend())
print("still:", vm:state())
""", {"ends.bin": bare_guest("ends")})
    console.expect(r"awake:\s+running\s+false\s+.*suspend: .*" + NO_KEY)
    console.expect("hv: the machine sleeps")
    console.send("x")
    console.expect(r"depth:\s+[12]\s")
    console.expect(r"still:\s+suspended")


def test_stock_debian_is_asked_from_the_prompt_to_sleep_and_to_power_off(machine):
    """By the keys that its kernel drives. Who handles them may be there only after the shell: asked again then."""
    console = machine(PRELUDE + """
L4.start_cons{connect = "debian"}
vm = vmm.start_vm{id = "debian", mem = 128, vcpus = 2, bootargs = "console=ttyAMA0 quiet"}
function ask(method)
  for i = 1, 20 do
    local ok, answer = pcall(vm[method], vm, "20s")
    if ok or i == 20 then return "finally " .. answer end
  end
end
""", guest_files())
    console.expect("guest# ", timeout=240)
    console.send("\x051")
    console.expect(PROMPT)
    for line, answer in [("ask('suspend')", "finally suspended"), ("vm:locks()", r"shutdown \("), ("vm:resume('300s')", "running"),
                         ("ask('suspend')", "finally suspended"), ("vm:resume('300s')", "running"), ("ask('poweroff')", "finally stopped")]:
        console.send_line(line)
        console.expect(answer, timeout=420, silence=420)
        console.expect(PROMPT)
