"""The machine sleeps with two Debian guests, data and devices come through it, and one guest turns the machine off."""
import hashlib
import os
import re

import pytest

from conftest import bare_guest
from test_pci_guests import SMMU, disk, pci_files

ROUNDS = int(os.environ.get("UVMM_MACHINE_SLEEPS", "2"))

# Two guests. The first has a disk and puts the machine to sleep. The second is asked by its key; it sets the alarm of its clock, a
# device of the machine, before it does what it is asked for, and that wakes all.
SCRIPT = """
local vmm = require "vmm"
L4.start_cons()
local busses = {disk = {"PCI/storage"}, clock = {"/pl031@9010000"}}
local io = vmm.start_io{busses = busses, power = {suspend_limit = "2m", shutdown_limit = "2m"}}
local function start(name, options, commands)
  options.id, options.mem, options.vbus, options.vcpus, options.log = name, 128, busses[options.bus], 1, {name, "green"}
  options.bus, options.bootargs = nil, 'console=ttyAMA0 quiet guest.run="' .. commands .. '"'
  return vmm.start_vm(options)
end
local two = start("two", {bus = "clock"}, [[%s]])
-- Typed when the second one is ready to be asked.
function go()
  start("one", {bus = "disk", pfc = io.pfc, ext_args = {"-W"}}, [[%s]])
end
"""
TWO = """
echo 'echo 0 > /sys/class/rtc/rtc0/wakealarm; echo +20 > /sys/class/rtc/rtc0/wakealarm' > /etc/before-sleep;
echo ready: two; while true; do sleep 1000; done
"""
# Should the second guest's alarm go off before the machine sleeps, on a slow host, the suspend is called off: then once more.
ONE = """
n=0; while [ ! -e /dev/nvme0n1 ] && [ $n -lt 60 ]; do sleep 1; n=$((n+1)); done;
dd if=/dev/nvme0n1 of=/tmp/kept bs=4096 count=64 2>/dev/null;
for i in $(seq %d); do echo mem > /sys/power/state; [ $(cat /sys/power/suspend_stats/success) -ge %d ] && break; done;
echo slept: $(cat /sys/power/suspend_stats/success) times;
echo boot: $(cat /proc/uptime); grep '^now at' /proc/timer_list;
echo 3 > /proc/sys/vm/drop_caches;
echo kept: $(sha256sum < /tmp/kept); echo disk: $(dd if=/dev/nvme0n1 bs=4096 count=64 2>/dev/null | sha256sum);
echo after sleep | dd of=/dev/nvme0n1 bs=4096 seek=200 conv=fsync,sync 2>/dev/null; sync; echo done: one
"""


def command(text):
    return " ".join(text.split("\n")).strip()


def test_two_debians_put_the_machine_to_sleep_and_one_turns_it_off(machine, tmp_path):
    path, drive = disk(tmp_path, "nvme1")
    content = path.read_bytes()[:64 * 4096]
    console = machine(SCRIPT % (command(TWO), command(ONE % (10 * ROUNDS, ROUNDS))), pci_files(), cpus=2, mem="768M", machine=SMMU,
                      extra=("-drive", drive, "-device", "nvme,drive=nvme1,serial=one,addr=2"))
    console.expect("ready: two", timeout=180)
    console.send("\x051")
    console.expect("ned> ")
    console.send_line("go()")
    console.expect("one: virtual machine with")
    console.send("\x05.")  # leaves ned: everybody's lines are shown again
    for _ in range(ROUNDS):
        console.expect("suspend: asked for by one", timeout=300, silence=120)
        console.expect("suspend: the machine is awake again", timeout=300, silence=120)
    console.expect(rf"slept: {ROUNDS} times", timeout=300, silence=120)
    boot = float(console.expect(r"boot: (\d+\.\d+)").group(1))
    monotonic = int(console.expect(r"now at (\d+) nsecs").group(1)) / 1e9
    assert boot - monotonic > ROUNDS  # seconds asleep, which only one of the clocks has
    digest = hashlib.sha256(content).hexdigest()
    console.expect(f"kept: {digest}")
    console.expect(f"disk: {digest}")
    console.expect("done: one")
    # The first one's power off is the machine's: the second one is asked by its key, and turns itself off.
    console.expect("shutdown: asked for by one", timeout=120)
    console.expect("shutdown: the machine is turned off", timeout=120)
    assert console.expect_end() == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.text())
    assert "two: uvmm: the guest turned the VM off" in text and "is not through" not in text, console.tail()
    assert "hv: the machine sleeps" in text
    assert path.read_bytes()[200 * 4096:].startswith(b"after sleep")
    for word in ("BUG", "stall", "WARNING", "warning: "):
        assert word not in text, console.tail()


# One guest that cannot be asked, as it has no driver for its key, one program that never answers, and the guest that wants it.
END = """
local vmm = require "vmm"
L4.start_cons()
local busses = {asks = {}, refuses = {}, silent = {}, looks = {}}
local io = vmm.start_io{busses = busses, power = {shutdown_limit = "1s"}}
local function hold(bus, commands)
  return L4.default_loader:start({caps = {vbus = busses[bus]}, log = {bus}}, "rom/holder " .. bus .. " " .. commands)
end
hold("silent", "listen shut wait")
vmm.start_vm{id = "refuses", mem = 16, kernel = "rom/ends.bin", bootargs = "do=spin", vbus = busses.refuses}
hold("looks", "listen quiet locks=3"):wait()
vmm.start_vm{id = "asks", mem = 16, kernel = "rom/ends.bin", bootargs = "do=wfi", vbus = busses.asks, pfc = io.pfc}
"""


@pytest.mark.parametrize("word, asked, done", [("off", "shutdown", "turned off"), ("reset", "reboot", "restarted")])
def test_a_guest_ends_the_machine_though_one_refuses_and_one_does_not_answer(machine, word, asked, done):
    console = machine(END.replace("do=wfi", f"do={word}"), {"ends.bin": bare_guest("ends")})
    console.expect(f"{asked}: asked for by asks")
    console.expect(f"{asked}: the machine is {done}")
    assert console.expect_end() == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.text())
    assert f"{asked}: refuses refuses: nothing in it waits for its power key" in text, console.tail()
    assert re.search(rf"{asked}: (?:silent|the client of bus silent) is not through: it runs", text), console.tail()
