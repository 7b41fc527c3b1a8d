"""A guest that does everything wrong: it gets the architecture's answer or the fault mode's, and nobody else notices."""
import re

import pytest

from conftest import bare_guest

FILES = {"wild.bin": bare_guest("wild"), "matrix.bin": bare_guest("matrix")}
# Interrupts first: later sections leave the interrupt controller as they like.
SECTIONS = "lost-cpu storm decode sysregs calls tables stray"
# Beside it on the same CPUs, a guest that checks its own VM.
SCRIPT = """-- The wild guest, and a good one; the console server keeps their lines apart.
local vmm = require "vmm"
L4.start_cons()
vmm.start_vm{{id = "good", mem = 32, kernel = "rom/matrix.bin", ext_args = {{"-n", "1"}}}}
vmm.start_vm{{id = "wild", mem = 32, kernel = "rom/wild.bin", bootargs = "{mode} {words}", ext_args = {{"-f", "{mode}", "-n", "{vcpus}"}}}}
"""
ENDS = {"load": "where nothing is", "store": "where nothing is", "fetch": "executes at 0xa000000", "pair": "where nothing is",
        "exclusive": "exclusive or atomic", "zero": "in a way it does not take", "size": "in a way it does not take",
        "walk": "page tables lead to 0xa000000", "vectors": "executes at 0xa000200"}


def expect_ends(console, *names):
    """The guests turn themselves off, with verdicts in which no check failed; how many passed."""
    for _ in names:
        console.expect(rf"({'|'.join(names)}) ended: the guest turned it off \(off, exit code 0\)", timeout=300)
    text = console.text()
    assert "not ok" not in text
    verdicts = re.findall(r"verdict: (\d+) passed, 0 failed", text)
    assert len(verdicts) == len(names), text[-3000:]
    return sum(map(int, verdicts))


@pytest.mark.parametrize("mode, vcpus, cpus, cpu", [
    ("ignore", 1, 1, "cortex-a53"), ("ignore", 2, 2, "max"), ("inject", 2, 1, "max"), ("inject", 1, 2, "cortex-a57"),
])
def test_a_wild_guest_gets_its_answers_and_its_neighbour_notices_nothing(machine, mode, vcpus, cpus, cpu):
    console = machine(SCRIPT.format(mode=mode, words=SECTIONS, vcpus=vcpus), FILES, cpu=cpu, cpus=cpus)
    assert expect_ends(console, "good", "wild") > 230
    told = [line for line in console.text().splitlines() if "wild: " in line and "warning: " in line]
    untold = sum(int(number) for number in re.findall(r"(\d+) more like it were not told", console.text()))
    assert 10 < len(told) < 200 and untold > 2000, (len(told), untold)


def test_what_the_mode_halt_does_not_let_pass_ends_the_vm_with_a_sentence(machine):
    console = machine("""-- One VM after the other.
local vmm = require "vmm"
for word in ("%s"):gmatch "%%a+" do
  local vm = vmm.start_vm{id = word, mem = 32, kernel = "rom/wild.bin", bootargs = "end=" .. word, ext_args = {"-f", "halt", "-n", "1"}}
  vm:wait()
end
""" % " ".join(ENDS), FILES, cpus=1)
    for word, sentence in ENDS.items():
        console.expect(rf"{word}: .*warning: CPU 0 at 0x\w+: the guest.*{sentence}")
        console.expect(rf"ned: {word} ended: the guest did what it cannot go on after \(guest-fault, exit code 2\)")
    assert "still here" not in console.text()


def test_a_panic_told_to_the_device_ends_the_vm_as_one(machine):
    console = machine(SCRIPT.format(mode="inject", words="end=panic", vcpus=1), FILES, cpus=1)
    console.expect(r"wild ended: the guest's kernel panicked \(panic, exit code 3\)")
    expect_ends(console, "good")


@pytest.mark.parametrize("mode", ["ignore", "inject"])
def test_a_loop_of_exceptions_is_told_and_its_neighbour_notices_nothing(machine, mode):
    console = machine(SCRIPT.format(mode=mode, words="end=vectors", vcpus=1), FILES, cpus=1)
    console.expect("wild: .*warning: CPU 0 at 0xa000200: the guest faults in its own exception vector at 0xa000200, again and again")
    console.expect(r"wild ended: halted: all CPUs of the guest are in loops that nothing can end \(halted, exit code 4\)")
    assert expect_ends(console, "good") > 100
    assert "still here" not in console.text()
