"""The machine's own power through io: who holds it awake, who is asked, what the caller is told; off and reboot."""
import re

START = """
local vmm = require "vmm"
local list = {a = {}, b = {}, c = {}, caller = {}}
local io = vmm.start_io{busses = list, power = {suspend_limit = "%s", shutdown_limit = "%s"}}
local function start(name, bus, commands)
  return L4.default_loader:start({name = name, caps = {vbus = list[bus], pfc = io.pfc}, log = {name}},
                                 "rom/holder " .. name .. " " .. commands)
end
-- Waits until there are so many locks, then does that.
local function call(locks, what)
  start("asks", "caller", "listen quiet locks=" .. locks .. " " .. what):wait()
end
"""
# One that is never reached, and one that is waited for.
LONG, SHORT = "10m", "300ms"
# ned tells io their names; a program may be there before io is.
VM1, VM2 = "(?:vm1|the client of bus a)", "(?:vm2|the client of bus b)"


def expect_all(console, *patterns):
    """In any order."""
    left = list(patterns)
    while left:
        found = console.expect("|".join(left)).group()
        left = [pattern for pattern in left if not re.fullmatch(pattern, found)]


def test_a_suspend_that_somebody_does_not_want_is_called_off_and_says_who(machine):
    console = machine(START % (LONG, LONG) + """
local vm1 = start("vm1", "a", "listen hold event refuse wait")
call(1, "suspend")
vm1:kill()
vm1 = start("vm1", "a", "listen hold event free hold event")
start("vm2", "b", "listen wake quiet event wait")
start("vm3", "c", "listen hold wait")
call(3, "suspend")
vm1:kill()
L4.default_loader:start({log = {"none"}, caps = {pfc = io.pfc, vbus = list.a}}, "rom/holder x free hold event refuse locks"):wait()
""")
    console.expect("vm1: event suspend 0")
    console.expect(f"suspend: called off: {VM1} refuses: it is busy")
    console.expect(f"asks: answer: .*lacks the right: {VM1} refuses: it is busy")
    # Released and taken again; and who does not listen has nothing to say.
    off = "the waiting was broken off"
    expect_all(console, f"asks: answer: {off}: {VM1} is awake again: it runs", "vm2: event wakeup 0", f"none: released: {off}",
               f"none: acquired: {off}", f"none: event: {off}", f"none: refused: {off}", "none: no more locks")


def test_a_suspend_that_nobody_answers_is_called_off_at_the_limit(machine):
    console = machine(START % (SHORT, SHORT) + """
start("vm1", "a", "listen hold wait")
start("vm2", "b", "listen wake quiet event wait")
call(2, "locks suspend")
-- Another io, which has no power, and what nobody should call at this one.
local plain = {a = {}}
vmm.start_io(plain)
L4.default_loader:start({caps = {vbus = plain.a}, log = {"plain"}}, "rom/holder plain listen hold locks"):wait()
L4.default_loader:start({caps = {pfc = io.pfc, ctl = list.c}, log = {"bad"}}, "rom/powerclient flood flood-ctl"):wait()
call(2, "locks")
L4.Env.platform:system_shutdown(0)
""")
    console.expect(f"asks: lock suspend: {VM1}: it runs")
    console.expect(f"asks: lock wakeup: {VM2}: it runs")
    console.expect(f"suspend: {VM1} holds the machine awake: it runs")
    console.expect(f"asks: answer: .*: {VM1} holds the machine awake: it runs")
    console.expect("plain: lock suspend: (?:plain|the client of bus a): it runs")
    console.expect("bad: flood: 2000 wrong calls were refused, 0 accepted")
    console.expect("bad: flood-ctl: 2000 wrong calls were refused, 0 accepted")
    console.expect(f"asks: lock suspend: {VM1}: it runs")
    assert console.expect_end() == 0


def test_the_machine_sleeps_when_nobody_holds_it_awake_and_holders_of_wakeup_hear_of_it(machine):
    console = machine(START % (LONG, LONG) + """
start("vm1", "a", "listen hold wake serve")
start("vm2", "b", "listen wake quiet serve")
start("vm3", "c", "listen hold event")
start("clock", "caller", "ticks")
call(4, "sleep locks")
""")
    # vm3 is asked, and dies.
    expect_all(console, "vm1: event suspend 0", "vm3: event suspend 0", "suspend: the machine is awake again",
               "asks: answer: good, depth 1", "vm1: event wakeup 1", "vm2: event wakeup 1", f"asks: lock wakeup: {VM1}: it runs",
               f"asks: lock wakeup: {VM2}: it runs", "asks: no more locks")
    assert "lock suspend" not in console.text()


def test_who_has_not_come_back_to_a_new_io_is_waited_for(machine):
    console = machine(START % (SHORT, SHORT) + """
local vm1 = start("vm1", "a", "listen hold wait")
start("vm2", "b", "listen wake quiet again listen wake hold event free serve")
start("clock", "caller", "ticks")
call(2, "ready")
io:restart()
start("asks", "caller", "listen quiet locks=2 suspend"):wait()
vm1:kill()
start("asks", "caller", "listen quiet sleep"):wait()
L4.Env.platform:system_shutdown(0)
""")
    console.expect("asks: ready")
    console.expect(f"asks: answer: .*: {VM1} was not heard of since io was started again")
    console.expect("asks: answer: good, depth 1")
    assert console.expect_end() == 0


def test_a_suspend_ends_with_io_and_who_goes_to_sleep_for_it_is_woken(machine):
    console = machine(START % (LONG, LONG) + """
start("vm1", "a", "listen hold event again listen hold wake free event wait")
local asked = start("vm2", "b", "listen hold event")
start("asks", "caller", "listen quiet locks=2 suspend wait")
asked:wait() -- It ends when it is asked; vm1 keeps the suspend waiting.
io:restart()
""")
    console.expect("vm2: event suspend 0")
    expect_all(console, "asks: answer: the server dropped the call without a reply: ", "vm1: event wakeup 0")


def test_the_machine_is_turned_off_although_somebody_refuses(machine):
    console = machine(START % (LONG, LONG) + """
start("vm1", "a", "listen shut event refuse wait")
start("vm3", "c", "listen hold event suspend wait")
call(2, "off")
""")
    console.expect("shutdown: asked for by asks")
    console.expect(f"shutdown: {VM1} refuses: it is busy")
    console.expect("shutdown: the machine is turned off")
    assert console.expect_end() == 0
    assert "vm1: event shutdown 0" in console.text()


def test_the_machine_is_turned_off_although_somebody_does_not_answer(machine):
    console = machine(START % (LONG, SHORT) + """
start("vm2", "b", "listen shut wait")
call(1, "off")
""")
    console.expect(f"shutdown: {VM2} is not through: it runs")
    console.expect("shutdown: the machine is turned off")
    assert console.expect_end() == 0


def test_the_machine_is_restarted_when_all_are_through(machine):
    console = machine(START % (LONG, LONG) + """
start("vm1", "a", "listen shut serve")
start("vm2", "b", "listen shut hold event suspend reboot open wait")
call(3, "reboot")
""")
    console.expect("reboot: asked for by asks")
    console.expect("vm2: event shutdown 1")
    console.expect("vm2: answer: .*: the machine is being turned off")
    console.expect("vm2: answer: good")
    console.expect("reboot: the machine is restarted")
    assert console.expect_end() == 0
    assert "vm1: event shutdown 1" in console.text() and "is not through" not in console.text()
