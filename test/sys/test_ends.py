"""Every way in which a VM can end: ned tells it apart, the script sees it, and the last one may turn the machine off."""
import pytest

from conftest import bare_guest, guest_files

PRELUDE = """
local vmm = require "vmm"
local core = require "core"
local function start(how, more)
  return vmm.start_vm(vmm.table_override({id = "v", mem = 4, kernel = "rom/ends.bin", bootargs = "do=" .. how, ext_args = {"-q"}}, more or {}))
end
local function show(how, vm)
  print(how .. ":", vm:wait())
end
"""


def ends(machine, script, files=None, **more):
    return machine(PRELUDE + script, {"ends.bin": bare_guest("ends"), **(files or {})}, **more)


def test_what_a_guest_does_to_end_is_told_apart(machine):
    console = ends(machine, """
show("off", start("off"))
show("reset", start("reset"))
show("fault", start("fault", {ext_args = {"-q", "--fault-mode=halt"}}))
show("panic", start("panic"))
show("cpu-off", start("cpu-off"))
show("halt", start("halt"))
show("no kernel", start("off", {kernel = "rom/test.lua"}))
""")
    for how, code, state, word, sentence in (
            ("off", 0, "stopped", "off", "the guest turned it off"),
            ("reset", 102, "reset", "reset", "the guest asked for a restart"),
            ("fault", 2, "failed", "guest-fault", "the guest did what it cannot go on after"),
            ("panic", 3, "failed", "panic", "the guest's kernel panicked"),
            ("cpu-off", 5, "stopped", "cpus-off", "the guest turned its last CPU off"),
            ("halt", 4, "failed", "halted", "halted: all CPUs of the guest are in loops that nothing can end"),
            ("no kernel", 1, "failed", "error", "its uvmm gave up")):
        console.expect(rf"ned: v ended: {sentence} \({word}, exit code {code}\)")
        console.expect(rf"{how}:\s+{code}\s+exit\s+{state}\s+{word}\b")


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_vm_that_never_stops_by_itself_is_stopped_or_killed(machine, cpus):
    console = ends(machine, """
local spins = start("spin")
coroutine.wrap(function() show("stop", spins) end)()
L4.sleep(1)
spins:stop()
spins = start("spin")
L4.sleep(1)
-- Somebody else who holds its task destroys it; vm:stop() is not asked.
core.destroy(spins.task.slot)
show("kill", spins)
""", cpus=cpus)
    console.expect_in_order(r"ned: v ended: stopped by the script \(stopped\)", r"stop:\s+nil\s+killed\s+stopped\s+stopped",
                            r"ned: v ended: its uvmm was killed from outside \(killed\)",
                            r"kill:\s+nil\s+killed\s+failed\s+killed")


def test_a_fault_of_uvmm_itself_is_told_apart_and_its_neighbour_goes_on(machine):
    """Its RAM is taken away while it copies the kernel there. Where it is then is a matter of luck: several tries."""
    console = ends(machine, """
local neighbour = vmm.start_vm{id = "n", mem = 4, kernel = "rom/ends.bin", ext_args = {"-q"}}
local vm
for try = 1, 40 do
  local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 96 << 20)
  vm = start("off", {mem = ram, kernel = "rom/big.bin"})
  L4.msleep(10 * try)
  ram:destroy()
  L4.msleep(50)
  vm:stop()
  if vm:reason() == "fault" then break end
end
show("fault", vm)
print("neighbour:", neighbour:state())
""", {"big.bin": open(bare_guest("ends"), "rb").read() + bytes(48 << 20)})
    console.expect("v: fault: ")
    console.expect(r"ned: v ended: its uvmm died of a fault \(fault, pc 0x[0-9a-f]+, address 0x[0-9a-f]+, esr 0x[0-9a-f]+\)")
    console.expect(r"fault:\s+nil\s+fault\s+failed\s+fault")
    console.expect(r"neighbour:\s+running")


def test_the_end_of_the_last_vm_turns_the_machine_off_when_the_script_says_so(machine):
    """A restart is no end, a server is no VM, and a VM that ends first is not the last."""
    console = ends(machine, """
vmm.when_all_ended("off")
L4.default_loader:start({}, "rom/ned --execute L4.sleep(100000)")
start("off", {id = "first"})
start("reset", {id = "second", restart = {on = "reset", max = 2}})
""")
    console.expect_in_order("first ended: the guest turned it off", "second: restart 2 of 2")
    console.expect(r"second is not restarted: it was restarted 2 times and then ran [\d.]+ m?s again; option restart allows max = 2")
    console.expect("all VMs have ended")
    assert console.expect_end() == 0


def test_debian_turned_off_turns_the_machine_off(machine):
    console = machine("local vmm = require 'vmm'\nvmm.when_all_ended('off')\nvmm.start_vm{id = 'debian', mem = 96}\n", guest_files())
    console.expect("guest# ")
    console.send_line("poweroff -f")
    console.expect(r"debian ended: the guest turned it off \(off, exit code 0\)")
    assert console.expect_end() == 0


@pytest.mark.parametrize("vcpus", [1, 2])
def test_debian_that_halts_is_told_apart_and_one_that_is_only_quiet_goes_on(machine, vcpus):
    console = machine(f"""
local vmm = require 'vmm'
local function vm(id, how)
  return vmm.start_vm{{id = id, mem = 96, bootargs = 'console=ttyAMA0 guest.run="' .. how .. '"', ext_args = {{"-n", "{vcpus}"}}}}
end
local quiet = vm("quiet", "sleep 1000")
vm("halts", "halt -f"):wait()
L4.sleep(2)
print("quiet: " .. quiet:state())
""", guest_files(), cpus=2)
    console.expect("reboot: System halted", timeout=180)
    console.expect(r"halts: the guest has halted: CPU \d at pc 0x[0-9a-f]+")
    console.expect(r"halts ended: halted: all CPUs of the guest are in loops that nothing can end \(halted, exit code 4\)")
    console.expect("quiet: running")
