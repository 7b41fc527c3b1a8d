"""A guest's characters: input and output at once, with a second CPU that looks; what a look and a character cost."""
import re

from conftest import bare_guest
from test_lateness import INSTRUCTIONS

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
TIMES = 40
START = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm", "green"}}, "rom/uvmm", "-k", "rom/guest.bin", "-n", "%d"):wait()
L4.Env.platform:system_shutdown(0)
"""


def test_what_is_typed_is_complete_while_the_guest_prints(machine):
    console = machine(START % 2, {"guest.bin": bare_guest("chars")}, cpus=2)
    console.expect("chars: ready")
    for _ in range(TIMES // 8):
        console.send(ALPHABET * 8)
    console.send(".")
    assert int(console.expect(r"chars: took (\d+)").group(1)) == TIMES * len(ALPHABET)
    console.expect(r"verdict: 7 passed, 0 failed")
    assert console.expect_end() == 0
    assert ALPHABET * TIMES in console.text()


def test_the_same_without_a_hypervisor(native):
    console = native(bare_guest("chars"), cpus=2)
    console.expect("chars: ready")
    console.send(ALPHABET * 8 + ".")
    console.expect(r"verdict: (\d) passed, 0 failed")
    assert console.expect_end() == 0


def test_a_look_at_the_uart_is_no_exit_and_a_character_is_one(machine):
    """One tick of the counter is one instruction; the way to uvmm and back is some hundred."""
    console = machine(START % 1, {"guest.bin": bare_guest("bench")}, cpu="cortex-a57,cntfrq=1000000000", cpus=1, extra=INSTRUCTIONS)
    console.expect("verdict: 1 passed, 0 failed")
    figures = {name: (int(median), int(most)) for name, median, most in
               re.findall(r"figure (\w+) count 256 avg \d+ med (\d+) min \d+ max (\d+)", console.text())}
    assert figures["uart_read"][0] < 20, "reading UARTFR is an exit"
    assert 100 < figures["uart_putc"][0] < figures["uart_write"][0] + 100, "a character is more than one exit"
    assert figures["uart_putc"][1] < 2 * figures["uart_putc"][0], "who prints waits for who writes"
