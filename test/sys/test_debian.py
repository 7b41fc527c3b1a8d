"""Debian's kernel in a VM: six points of the matrix of host machines, the shell, and what dmesg says."""
import re

import pytest

from conftest import guest_files

SHORTEST = """-- The two lines of the user guide.
local ramds = L4.Env.user_factory:create(L4.Proto.Dataspace, 60 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ramds:m("rw")}}, "rom/uvmm")
"""
POINTS = [("cortex-a53", 1, "512M"), ("cortex-a53", 4, "2G"), ("cortex-a57", 2, "1G"),
          ("cortex-a72", 1, "8G"), ("cortex-a72", 4, "512M"), ("max", 2, "2G")]


def boot(machine, script=SHORTEST, **point):
    console = machine(script, guest_files(), **point)
    console.expect("guest: up, Linux 6", timeout=180)
    console.expect("guest# ")
    return console


@pytest.mark.parametrize("cpu, cpus, mem", POINTS)
def test_debian_boots_from_the_two_line_script_to_a_shell(machine, cpu, cpus, mem):
    console = boot(machine, cpu=cpu, cpus=cpus, mem=mem)
    assert console.command_output("echo $((6 * 7))").strip().startswith("42")


def warnings_of(console):
    """Lines of dmesg of level warn and err, without time stamps and with numbers made equal."""
    text = console.command_output("dmesg -r | grep -E '^<[0-4]>'")
    return {re.sub(r"0x[0-9a-f]+|\d+", "N", re.sub(r"^<\d>\[ *[\d.]+\] ", "", line.split("| ")[-1])).strip()
            for line in text.splitlines() if "<" in line}


# A host that had no time for the machine for long.
SLOW_HOST = {"hrtimer: interrupt took N ns"}


def test_the_kernel_warns_of_nothing_that_it_does_not_warn_of_natively(machine, native):
    ours = boot(machine)
    guest = guest_files()
    theirs = native(guest["Image"], initrd=guest["initrd"], mem="60M", append="console=ttyAMA0")
    theirs.expect("guest# ")
    assert warnings_of(ours) - warnings_of(theirs) - SLOW_HOST == set()


def test_typing_at_the_shell_is_fluent_and_control_c_works(machine):
    console = boot(machine)
    line = "echo " + "the quick brown fox " * 8
    assert "the quick brown fox" in console.command_output(line)
    # Who prints it has the terminal: the shell drops what is typed while it hands it over.
    console.send_line("sh -c 'echo begun; exec sleep 1000'")
    console.expect("\nbegun")
    console.send("\x03")
    console.expect("guest# ")
    assert "/dev/ttyAMA0" in console.command_output("tty")
