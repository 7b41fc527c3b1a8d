"""A stock Debian kernel suspends to RAM for rounds, under load, woken by alarm, input, script and a line of the machine."""
import os
import re

import pytest

from conftest import TOP, bare_guest, guest_files
from test_cons import Port
from test_lines import LEVEL

ROUNDS = int(os.environ.get("UVMM_SUSPEND_ROUNDS", "5"))
LIMIT = 300  # for one step, on a machine that is slow and busy
LIFE = 0.5  # seconds of the ticker's life, at least
SCRIPT = """
vmm = require "vmm"
L4.start_cons{framed = true, show = false}
t = nil
local function line(port, text)
  return vmm.start_vm(vmm.table_override({log = {port}, mon = false}, text))
end
%s
"""
# The ticker lives, ends and begins again: each end says that all its ticks came.
FOUR = SCRIPT % """
line("linux", {id = "linux", mem = 128, vcpus = 4, bootargs = "console=ttyAMA0 quiet"})
line("ticker", {id = "ticker", mem = 4, vcpus = 1, prio = 20, kernel = "rom/ticker.bin", bootargs = "period=1000 ticks=500", restart = "off"})
"""
ONE = LEVEL + SCRIPT % """
line("linux", {id = "linux", mem = 128, vcpus = 1, bootargs = "console=ttyAMA0 quiet", vbus = busses.clock})
"""
BUSY = "nice -n 19 sh -c 'while :; do :; done' & "  # all the time that the shell leaves
RTC = "/sys/class/rtc/rtc0"


class Guest:
    """The shell of a Debian guest. What a command printed is told from its echo by a number that the shell calculates."""

    def __init__(self, port):
        self.port, self.number = port, 0
        port.expect(b"guest# ", LIMIT)
        self.run("dmesg -n 1")
        mono = "grep '^now at' /proc/timer_list"
        rtc = f"read r < {RTC}/since_epoch; echo rtc $r"
        self.run(f"moment() {{ {rtc}; {mono}; read b rest < /proc/uptime; echo boot $b; {mono}; {rtc}; }}")

    def start(self, command):
        self.number += 1
        self.port.send(f"{command}; echo end-$(({self.number}+0)).\r".encode())

    def finish(self):
        text = self.port.expect(f"end-{self.number}.".encode(), LIMIT).decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")

    def run(self, command):
        self.start(command)
        return self.finish()

    def number_of(self, file):
        return int(re.search(r"is-(\d+)\.", self.run(f"read n < {file}; echo is-$n.")).group(1))


class Moment:
    """The guest's clocks, each between two readings of others: what is said of their differences is true however slow it was."""

    def __init__(self, guest):
        for _ in range(5):  # a host that stands still for two seconds may lose a line of the console
            text = guest.run("moment")
            self.rtc = [int(value) for value in re.findall(r"^rtc (\d+)$", text, re.M)]
            self.mono = [int(value) / 1e9 for value in re.findall(r"^now at (\d+) nsecs$", text, re.M)]
            boot = re.search(r"^boot (\d+\.\d+)$", text, re.M)
            if len(self.rtc) == 2 and len(self.mono) == 2 and boot:
                break
        else:
            pytest.fail(f"the guest does not tell its clocks: {text!r}")
        self.boot = float(boot.group(1))

    def check_slept(self, before, least):
        """Since another moment CLOCK_BOOTTIME went as the RTC did, and CLOCK_MONOTONIC went on by less."""
        boot = self.boot - before.boot
        assert self.rtc[0] - before.rtc[1] - 1 <= boot <= self.rtc[1] - before.rtc[0] + 1.1, (vars(before), vars(self))
        most = (self.boot - self.mono[0]) - (before.boot - before.mono[1])
        assert most >= least, (vars(before), vars(self))


class Machine:
    def __init__(self, console, names):
        self.console, self.ports = console, {}
        for _ in names:
            found = console.expect(r"console-split: (\w+): \S+, port (\d+)")
            self.ports[found.group(1)] = Port(int(found.group(2)))

    def ask_ned(self, line, answer):
        ned = self.ports["ned"]
        ned.send(line.encode() + b"\r")
        ned.expect(answer, LIMIT)
        ned.expect(b"ned> ", LIMIT)

    def wait_until_suspended(self):
        self.ask_ned("while vmm.vms().linux:state() ~= 'suspended' do L4.msleep(50) end print('it ' .. 'sleeps')", b"it sleeps")

    def see_a_life_of_the_ticker(self):
        """It begins again only after all its ticks came. The first end may be one of a life that began before."""
        self.ask_ned("t = vmm.vms().ticker; for n = t.restarts + 2, t.restarts + 2 do while t.restarts < n do L4.msleep(50) end end print('it ' .. 'lived')",
                     b"it lived")


def start(machine, tmp_path, script, files, names):
    wrap = [f"{TOP}/tools/console-split", "--dir", str(tmp_path / "consoles")]
    for name in names:
        wrap += ["--tcp", f"{name}=0"]
    return Machine(machine(script, guest_files() | files, cpus=2, wrap=[*wrap, "--"]), names)


def by_alarm(guest):
    """An alarm that comes before the kernel is ready, at whatever moment, makes it refuse: nothing is slept through."""
    before = guest.number_of("/sys/power/suspend_stats/success")
    for seconds in (3, 6, 12, 24, 48, 48, 48):
        guest.run(f"read c < /sys/power/wakeup_count; echo 0 > {RTC}/wakealarm; echo +{seconds} > {RTC}/wakealarm; "
                  "echo $c > /sys/power/wakeup_count && echo mem > /sys/power/state")
        if guest.number_of("/sys/power/suspend_stats/success") == before + 1:
            return
    pytest.fail("no suspend in so many attempts: alarms come before the kernel sleeps")


def look_after(guest, cpus):
    assert guest.run("cat /sys/devices/system/cpu/online").count(f"0-{cpus - 1}" if cpus > 1 else "0") >= 1
    text = guest.run("dmesg | grep -c -e BUG -e stall -e 'Call trace'")
    assert "\n0\n" in text, guest.run("dmesg | tail -40")


def test_a_loaded_debian_with_four_cpus_sleeps_and_wakes_beside_a_vm_that_does_not_notice(machine, tmp_path):
    m = start(machine, tmp_path, FOUR, {"ticker.bin": bare_guest("ticker")}, ["linux", "ned"])
    guest = Guest(m.ports["linux"])
    assert "[deep]" in guest.run("cat /sys/power/mem_sleep")
    guest.run("echo enabled > /sys/class/tty/ttyAMA0/power/wakeup")
    guest.run(BUSY * 4 + "true")
    for number in range(ROUNDS):
        kind = ["alarm", "input", "script"][number % 3]
        before = Moment(guest)
        if kind == "alarm":
            by_alarm(guest)
            Moment(guest).check_slept(before, 0)
            continue
        guest.start("echo mem > /sys/power/state")
        m.wait_until_suspended()
        m.see_a_life_of_the_ticker()
        if kind == "input":
            m.ports["linux"].send(b"\r")
        else:
            m.ask_ned("vmm.vms().linux:resume() print('it is ' .. 'awake')", b"it is awake")
        guest.finish()
        Moment(guest).check_slept(before, LIFE)
    assert guest.number_of("/sys/power/suspend_stats/success") == ROUNDS
    look_after(guest, 4)
    m.see_a_life_of_the_ticker()


def test_a_loaded_debian_with_one_cpu_sleeps_until_the_machines_clock_wakes_it(machine, tmp_path):
    m = start(machine, tmp_path, ONE, {}, ["linux"])
    guest = Guest(m.ports["linux"])
    assert "9010000" in guest.run(f"readlink -f {RTC}/device")
    guest.run(BUSY + "true")
    for _ in range(ROUNDS):
        before = Moment(guest)
        by_alarm(guest)
        Moment(guest).check_slept(before, 0)
    assert guest.number_of("/sys/power/suspend_stats/success") == ROUNDS
    look_after(guest, 1)
