"""A guest's kernel that panics is told apart from one that restarts."""
from conftest import guest_files

SCRIPT = """-- A Linux guest, and what became of it.
local vmm = require "vmm"
vmm.start_vm{{id = "vm", mem = 96, bootargs = "console=ttyAMA0 {args}"}}
"""


def check_end(machine, args, command, word):
    console = machine(SCRIPT.format(args=args), guest_files(), cpus=1)
    console.expect("guest# ", timeout=180)
    console.send_line(command)
    console.expect(rf"ned: vm ended: .*\({word}, exit code")


def test_a_debian_kernel_that_panics_says_so_by_a_warm_reset(machine):
    check_end(machine, "panic=1 reboot=panic_warm", "echo c > /proc/sysrq-trigger", "panic")


def test_a_restart_is_no_panic_with_the_same_command_line(machine):
    check_end(machine, "panic=1 reboot=panic_warm", "reboot -f", "reset")
