"""The guest of the examples, natively on QEMU: what our virtual machine is compared with."""
from conftest import guest_files


def test_debian_boots_natively_in_60_mib_to_a_shell_with_job_control(native):
    guest = guest_files()
    console = native(guest["Image"], initrd=guest["initrd"], mem="60M")
    console.expect("guest: up, Linux 6")
    console.expect("guest# ")
    # Who prints it has the terminal: the shell drops what is typed while it hands it over.
    console.send_line("sh -c 'echo begun; exec sleep 1000'")
    console.expect("\nbegun")
    console.send("\x03")
    console.expect("guest# ")
    assert "/dev/ttyAMA0" in console.command_output("tty")
    console.send_line("poweroff -f")
    assert console.expect_end() == 0


def test_commands_of_the_kernel_command_line_run_instead_of_the_shell(native):
    guest = guest_files()
    console = native(guest["Image"], initrd=guest["initrd"], append='guest.run="echo sum $((40 + 2))" quiet')
    console.expect("sum 42")
    assert console.expect_end() == 0
