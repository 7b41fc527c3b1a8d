"""Panics, faults of programs, and gdb: what they print resolves to names."""
import os
import subprocess
import time

import pytest

from conftest import BUILD, TOP


def resolved(console):
    done = subprocess.run([os.path.join(TOP, "tools", "backtrace"), BUILD], input=console.text(), text=True,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout


def test_a_panic_of_the_hypervisor_has_a_backtrace_that_resolves(machine):
    console = machine(rom=b"")
    console.expect("hv: panic on CPU 0: ")
    console.expect(r"hv: backtrace: 0x[^\n]*\n")
    assert "hv_main at main.c" in resolved(console)


@pytest.mark.parametrize("how, message, function", [
    ("read", "nothing may be read there", "read_through at crash.c"),
    ("write", "nothing may be written there", "write_to_code at crash.c"),
    ("execute", "no code may be executed there", "main at crash.c"),
    ("recurse", "nothing may be written there", "recurse at crash.c"),
    ("abort", "gave up", "main at crash.c"),
])
def test_a_fault_of_a_program_says_what_and_where(machine, how, message, function):
    console = machine(f'L4.default_loader:start({{log = {{"crash", "red"}}}}, "rom/crash {how}")\n')
    console.expect("fault: " + message)
    console.expect(r"backtrace: 0x[^\n]*\n")
    assert function in resolved(console)


def test_gdb_stops_at_the_first_instruction_with_names(tmp_path):
    commands = tmp_path / "commands"
    commands.write_text("info symbol $pc\nhbreak hv_main\ncontinue\nbt 1\nkill\nquit\n")
    done = subprocess.run(["make", "gdb", "PRESET=" + ("release" if BUILD == os.path.join(TOP, "build") else os.path.basename(BUILD))],
                          cwd=TOP, env=dict(os.environ, GDB_COMMANDS=str(commands), MAKEFLAGS=""), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert "image_start in section" in done.stdout and "#0  hv_main (" in done.stdout, done.stdout


def test_a_stack_of_the_hypervisor_that_is_used_up_is_said_so(machine, tmp_path):
    # gdb leaves little of the stack when a system call comes in; nothing else can make the hypervisor use all of it.
    socket = tmp_path / "gdb"
    console = machine("print(1)", extra=("-S", "-gdb", f"unix:{socket},server=on,wait=off"))
    commands = tmp_path / "commands"
    commands.write_text(f"target remote {socket}\nhbreak *trap_sync\ncontinue\ndelete\n"
                        "set $sp = *(unsigned long *)$x1 - 8192 + 32\ndetach\nquit\n")
    while not socket.exists():
        time.sleep(0.1)
    subprocess.run(["gdb-multiarch", "-nx", "-batch", "-x", str(commands), os.path.join(BUILD, "hv.elf")], stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=True)
    console.expect("hv: panic on CPU [0-9]+: end of the stack in the hypervisor: ESR 0x9600004[0-9a-f]")
    console.expect(r"hv: x30 [^\n]*\n")
