"""VMs that begin again as the script says: in place, from zero, as often as allowed."""
import os
import re

from conftest import bare_guest, guest_files

DEBIAN_ROUNDS = int(os.environ.get("UVMM_DEBIAN_ROUNDS", "5"))
UP = r"ends: up, \d+ CPUs, (\d+) pages with another guest's secret"


def start(machine, options, after="", **more):
    script = """
local vmm = require "vmm"
local vm = vmm.start_vm{id = "v", mem = 8, kernel = "rom/ends.bin", ext_args = {"-q"}, %s}
vm:exit_handler(function(code) print("over:", code, vm:state(), vm.restarts) end)
%s
""" % (options, after)
    return machine(script, {"ends.bin": bare_guest("ends")}, **more)


def test_a_guest_that_restarts_finds_no_trace_of_the_one_before(machine):
    """It writes a secret into each page of its RAM and looks for one at its start."""
    console = start(machine, 'restart = "reset"')
    for i in range(1, 4):
        assert console.expect(UP).group(1) == "0"
        console.send("r")
        console.expect(rf"ned: v: restart {i}\b")
    console.expect(UP)
    console.send("o")
    console.expect(r"over:\s+0\s+stopped\s+3")


def test_the_script_restarts_a_vm_in_place_and_after_its_end(machine):
    console = start(machine, 'bootargs = "do=spin"', """
L4.sleep(1)
vm:restart()
L4.sleep(1)
vm:stop()
vm:restart()
print("again:", vm:state(), vm.restarts)
""")
    console.expect_in_order(r"over:\s+nil\s+stopped\s+1", r"again:\s+running\s+2")
    console.expect(UP)
    assert set(re.findall(UP, console.text())) == {"0"}


def test_crashes_are_restarted_later_and_later_and_not_for_ever(machine):
    console = start(machine, 'bootargs = "do=fault", restart = {on = "crash", max = 2, backoff = "200ms"}, ext_args = {"-q", "-f", "halt"}')
    console.expect_in_order(r"\(guest-fault, exit code 2\)", r"v: restart 1 of 2 in 200 ms", UP, r"v: restart 2 of 2 in 400 ms", UP,
                            "v is not restarted: it was restarted 2 times", r"over:\s+2\s+failed\s+2")


def test_a_function_of_the_script_decides(machine):
    console = start(machine, """bootargs = "do=reset", restart = function(vm, reason, code)
  print("asked:", reason, code, vm.restarts)
  L4.msleep(10)
  return vm.restarts < 2 and "50ms"
end""")
    for i in range(3):
        console.expect(rf"asked:\s+reset\s+102\s+{i}")
    console.expect(r"over:\s+102\s+reset\s+2")


def test_a_program_is_restarted_too(machine):
    console = machine("""
local t = L4.default_loader:start({restart = {on = "error", max = 2, backoff = 0}}, "rom/crash exit 7")
t:restart_handler(function(task) print("again", task.restarts) end)
print("over:", t:wait())
""")
    for i in (1, 2):
        console.expect_in_order("crash ended with exit code 7", rf"again\s+{i}", "crash: ends with 7")
    console.expect(r"over:\s+7\s+exit\s+error")


def test_debian_reboots_in_place_again_and_again(machine):
    console = machine("""
local vmm = require "vmm"
local vm = vmm.start_vm{id = "debian", mem = 96, bootargs = "console=ttyAMA0 panic=1 quiet", restart = "reset"}
vm:exit_handler(function() print("over:", vm:reason(), vm.restarts) end)
""", guest_files())
    for i in range(1, DEBIAN_ROUNDS + 1):
        console.expect("guest# ")
        console.send_line("reboot -f")
        console.expect(rf"debian: restart {i}\b")
    console.expect("guest# ")
    console.send_line("poweroff -f")
    console.expect(rf"over:\s+off\s+{DEBIAN_ROUNDS}")


def test_debian_that_panics_is_restarted_as_a_crash(machine):
    console = machine("""
local vmm = require "vmm"
local vm = vmm.start_vm{id = "debian", mem = 96, bootargs = "console=ttyAMA0 panic=1 reboot=panic_warm quiet",
                        restart = {on = "crash", max = 1, backoff = "500ms"}}
vm:exit_handler(function() print("over:", vm:reason(), vm.restarts) end)
""", guest_files())
    for what in (r"debian: restart 1 of 1 in 500 ms", r"over:\s+panic\s+1"):
        console.expect("guest# ")
        console.send_line("mount -t proc proc /proc; echo c > /proc/sysrq-trigger")
        console.expect_in_order("sysrq triggered crash", r"debian ended: the guest's kernel panicked \(panic, exit code 3\)", what)
