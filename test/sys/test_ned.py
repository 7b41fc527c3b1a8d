"""ned on the machine: scripts, programs, their ends, and what it says when something is wrong."""
import os

import pytest

from conftest import TOP, bare_guest, guest_files

PRELUDE = "local vmm = require 'vmm'\n"


def test_a_script_runs_with_lua_its_arguments_and_the_rom(machine):
    console = machine(files={
        "args.lua": "local m = require 'mine'\nprint('arguments', arg[0], arg[1], (...), m.answer, 7 / 2, #_VERSION)\n"
                    "for line in io.lines('rom/notes.txt') do print('line ' .. line) end\n"
                    "print(pcall(io.open, 'rom/none'))\n",
        "mine.lua": "return {answer = 42}\n",
        "notes.txt": "one\ntwo\n",
    }, append="rom/args.lua x y")
    console.expect(r"arguments\s+rom/args.lua\s+x\s+x\s+42\s+3.5\s+7")
    console.expect_in_order("line one", "line two", r"true\s+nil\s+rom/none")
    console.expect("the script is through and started nothing")


def test_an_error_in_a_module_of_neds_own_says_file_and_line(machine):
    """Such modules are compiled when ned is built, and their names of locals dropped."""
    file = "user/ned/lua/ned/loop.lua"
    with open(os.path.join(TOP, file), encoding="utf-8") as f:
        line = next(number for number, text in enumerate(f, 1) if "handlers[badge] = nil" in text)
    console = machine("print(pcall(require('ned.loop').remove_handler))\n")
    console.expect(rf"false\s+{file}:{line}: ")


def test_coroutines_wait_without_stopping_each_other(machine):
    console = machine("""
local function sleeper(name, ms)
  coroutine.wrap(function()
    L4.msleep(ms)
    print(name)
  end)()
end
sleeper("third", 300)
sleeper("second", 200)
sleeper("first", 100)
L4.sleep(0.4)
print("last")
""")
    console.expect_in_order("first", "second", "third", "last")


def test_the_runtime_keeps_its_promises(machine):
    console = machine('L4.default_loader:start({}, "rom/selftest")\n', {"selftest.txt": "first\nend\n"})
    code = console.expect(r"selftest ended with exit code (\d+)").group(1)
    assert "not ok" not in console.text() and console.text().count("ok - ") >= 15, console.text()
    assert code == "0"


def test_exit_codes_handlers_and_kills_are_seen(machine):
    console = machine("""
local a = L4.default_loader:start({}, "rom/selftest 17")
a:exit_handler(function(code) print("handler " .. code) end)
print("a:", a:wait())
local b = L4.default_loader:start({}, "rom/crash read")
print("b:", b:wait())
local c = L4.default_loader:start({}, "rom/ned --execute L4.sleep(100)")
L4.msleep(100)
print("c:", c:state(), c:kill(), c:state())
""")
    console.expect("handler 17")
    console.expect(r"a:\s+17\s+exit")
    console.expect("crash: fault: nothing may be read there")
    console.expect("crash died of a fault: pc 0x[0-9a-f]+, address 0x")
    console.expect(r"b:\s+nil\s+fault")
    console.expect(r"c:\s+running\s+killed\s+zombie")
    console.expect("the script is through and everything it started has ended")


def test_nothing_is_left_of_programs_that_ended_or_could_not_start(machine):
    console = machine("""
local factory = L4.Env.user_factory
local start = require("ned.loader").start
local function round(i)
  local task = start(L4.default_loader, {}, {"rom/selftest", tostring(i)})
  if i % 3 == 0 then task:kill() else task:wait() end
end
local function used()
  collectgarbage() collectgarbage()
  return factory:info().used
end
for i = 1, 30 do round(i) end
local before = used()
for quota = 16384, 400 << 10, 16384 do
  local ok, task = pcall(start, L4.default_loader, {mem = quota}, {"rom/selftest", "0"})
  if ok then task:wait() end
end
for i = 1, 300 do round(i) end
print("left over: " .. used() - before)
""")
    console.expect(r"left over: (-?\d+)")
    # ned's own heap may have grown by one piece.
    assert abs(int(console.child.match.group(1))) <= 0x201000, console.tail(3)


def test_every_byte_of_the_machine_has_an_owner(machine):
    console = machine("""
local function told()
  collectgarbage() collectgarbage()
  return L4.Info.memory()
end
local before = told()
local payer = L4.Env.factory:create(L4.Proto.Factory, 8 << 20)
local ram = L4.Env.factory:create(L4.Proto.Dataspace, 64 << 20)
local task = L4.default_loader:start({mem = payer, caps = {cons = L4.default_loader:new_channel():svr(), ram = ram:m("rw")}, name = "holds"}, "rom/cons")
L4.sleep(0.2)
local now = told()
local sum = now.hypervisor + now.ned + now.rom + now.ram + now.free
for _, payer in ipairs(now.factories) do sum = sum + payer.used end
print("sum:", sum == now.machine and now.machine == before.machine)
-- Code and constants of neither ned nor cons were copied: 400 and 60 KiB.
print("in the ROM:", now.ned < 1 << 20, payer:info().used < 320 << 10)
print("its own:", now.factories[1].name, now.factories[1].used == payer:info().used, now.ram == 64 << 20)
-- The hypervisor keeps a page for each size of small objects that is not full.
print("nobody's: " .. now.hypervisor - before.hypervisor)
print(now)
""")
    console.expect(r"sum:\s+true")
    console.expect(r"in the ROM:\s+true\s+true")
    console.expect(r"its own:\s+holds\s+true\s+true")
    assert abs(int(console.expect(r"nobody's: (-?\d+)").group(1))) <= 8 * 4096
    console.expect(r"holds +\d.* of 8 MiB")


def test_a_program_has_no_capability_that_was_not_given(machine):
    console = machine('L4.default_loader:start({}, "rom/uvmm")\n', {"Image": bare_guest("ends")})
    console.expect('the VM has no RAM: there is no capability "ram"; add it')
    console.expect("uvmm ended with exit code 1")


@pytest.mark.parametrize("script, sentence", [
    ("local x = = 1\n", r"rom/test.lua:1: unexpected symbol near '='"),
    ('local ramds = 1\nL4.default_loader::startv({caps = {ram = ramds}}, "rom/uvmm")\n',
     r"rom/test.lua:2: .*write ':' to call a method, L4.default_loader:startv\(...\)"),
    ('L4.default_loader.startv({}, "rom/uvmm")\n', "rom/test.lua:1: call startv with ':'"),
    (PRELUDE + "vmm.start_vm{id = 1, mem_algin = 21}\n",
     r"rom/test.lua:2: start_vm '1': unknown option 'mem_algin' \(= 21\); did you mean 'mem_align'\?"),
    (PRELUDE + "vmm.start_vm{id = 'a', kernel = 'rom/uvm'}\n", r"start_vm 'a': kernel = \"rom/uvm\": the ROM has no such file; did you mean 'rom/uvmm'"),
    (PRELUDE + "vmm.start_vm{mem = 4096}\n", "no memory for a dataspace of 4 GiB in one piece aligned to 2 MiB: factory has .* left .* largest free piece is"),
    ('L4.default_loader:start({}, "rom/umm")\n', r"rom/umm cannot be started: the ROM has no such file; did you mean 'rom/uvmm'\?"),
    ('L4.default_loader:start({}, "rom/test.lua")\n', "rom/test.lua cannot be started: the file is no ELF file"),
    ('L4.default_loader:start({mem = 65536}, "rom/uvmm")\n', "the quota or the memory is used up .*its factory has"),
    ('L4.default_loader:start({caps = {ram = L4.Env.rma}}, "rom/uvmm")\n', "L4.Env has no 'rma'"),
    ("print(L4.Env.user_factory:create(L4.Proto.Datspace))\n", "L4.Proto has no 'Datspace'; did you mean 'Dataspace'"),
    ("error({msg = 'a table', code = 5})\n", "error: a table"),
    ("tonumbr(1)\n", "global 'tonumbr' is not defined; did you mean 'tonumber'"),
], ids=["syntax", "double colon", "dot", "unknown option", "missing kernel", "too little memory", "missing program", "no program",
        "small quota", "missing capability", "unknown proto", "error table", "unknown global"])
def test_a_broken_script_gets_one_clear_sentence(machine, script, sentence):
    console = machine(script)
    console.expect("ned: error: .*" + sentence if not sentence.startswith("error") else sentence)
    console.expect("nothing had been started")


@pytest.mark.parametrize("append, sentence", [
    ("rom/none.lua", "rom/none.lua: the ROM has no such file"),
    ("", r"rom/ned.lua: the ROM has no such file"),
    ("--wait-and-exti rom/test.lua", r"unknown option '--wait-and-exti'; did you mean '--wait-and-exit'\?"),
], ids=["missing script", "no script", "unknown option"])
def test_wrong_boot_arguments_get_one_clear_sentence(machine, append, sentence):
    console = machine("print('runs')\n", append=append)
    console.expect("ned: .*" + sentence)


def test_what_runs_goes_on_when_the_script_fails(machine):
    console = machine("""
local t = L4.default_loader:start({}, "rom/ned --execute L4.sleep(100)")
error("no further")
""")
    console.expect("ned: error: rom/test.lua:3: no further")
    console.expect("still running: ned")


@pytest.mark.parametrize("script, append", [
    ("L4.Env.platform:system_shutdown(0)\n", "rom/test.lua"),
    ('L4.default_loader:start({}, "rom/selftest 3")\n', "--wait-and-exit rom/test.lua"),
], ids=["by the script", "by --wait-and-exit"])
def test_the_machine_is_turned_off(machine, script, append):
    assert machine(script, append=append).expect_end() == 0


def test_a_guest_that_turns_itself_off_or_restarts_is_told_apart(machine):
    for command, state in (("poweroff -f", "stopped"), ("reboot -f", "reset")):
        console = machine("local vm = (require 'vmm').start_vm{id = 'guest', mem = 96}\n"
                          "local code, reason, state = vm:wait()\nprint('over:', code, reason, state)\n", guest_files())
        console.expect("guest# ")
        console.send_line(command)
        console.expect(r"over:\s+\d+\s+exit\s+" + state)


def test_a_stopped_vm_gives_everything_back_and_another_goes_on(machine):
    console = machine("""
local vmm = require "vmm"
local function used()
  collectgarbage() collectgarbage()
  return L4.Env.user_factory:info().used
end
local stays = vmm.start_vm{id = "stays", mem = 64}
local before = used()
for i = 1, 3 do
  local goes = vmm.start_vm{id = "goes" .. i, mem = 128}
  L4.sleep(1)
  print(goes:state(), goes:stop(), stays:state(), "left over: " .. used() - before)
end
""", guest_files())
    for _ in range(3):
        left = console.expect(r"running\s+stopped\s+running\s+left over: (-?\d+)").group(1)
        assert abs(int(left)) <= 0x201000
