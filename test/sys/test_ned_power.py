"""What ned serves: platform control by functions of a script, and a VM's ctl; restart policies beside them."""
from conftest import programs

PRELUDE = "local vmm = require 'vmm'\n"
CLIENT = 'L4.default_loader:startv({caps = {pfc = pfc, go = go}, name = "client"}, "rom/powerclient", %s)\n'


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
local before, open = L4.Info.slots(), false
local impatient = vmm.new_pfc{suspend = function() L4.msleep(500); print("nobody waits") end}
local go = vmm.new_pfc{shutdown = function() open = true end}
local pfc = impatient
""" + client("impatient") + """
L4.sleep(1)
local task
pfc = vmm.new_pfc{suspend = function() print("killed:", task:kill()); L4.msleep(10); return "to nobody" end}
task = """ + client("suspend") + """
task:wait()
pfc = vmm.new_pfc{suspend = function() while not open do L4.msleep(10) end end}
""" + client("many").replace("L4", "local crowd = L4", 1) + """
crowd:wait()
""" + client("flood", "suspend").replace("L4", "crowd = L4", 1) + """
crowd:wait()
collectgarbage()
print("slots:", L4.Info.slots() - before)
""")
    console.expect("impatient: error 110, depth 0, no text")
    console.expect("nobody waits")
    console.expect(r"killed:\s+killed")
    console.expect_in_order("many: 8 were told that it is busy", "off: error 16, depth 0, no text", "go: error 0, depth 0, no text",
                            "many: 16 went through")
    console.expect_in_order("flood: 2000 wrong calls were refused, 0 accepted", "suspend: error 0, depth 0, no text", r"slots:\s+\d\b")


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
