"""The machine sleeps: test/prog/sleeper suspends it, beside a guest whose timer ticks on afterwards."""
import re

import pytest

from conftest import KEEPS_CPUS, LOSES_LINES, LOSES_SMMU, REFUSES, TIMER_STOPS, bare_guest

TIME_LIMIT = 240
SCRIPT = """
local vmm = require "vmm"
local ticks = vmm.start_vm{id = "ticker", mem = 4, kernel = "rom/ticker.bin", bootargs = "period=2000 ticks=2000", log = {"ticker"}}
local sleeper = L4.default_loader:start({caps = {platform = L4.Env.platform, icu = L4.Env.icu, mmio = L4.Env.mmio}, prio = 120, mem = 64 << 20,
  log = {"sleeper"}}, "rom/sleeper %s")
"""
# What test/prog/dma does needs an SMMU that works.
THEN_DMA = """
sleeper:exit_handler(function()
  L4.default_loader:start({caps = {iommu = L4.Env.iommu, mmio = L4.Env.mmio}, mem = 64 << 20, log = {"dma"}}, "rom/dma 0x4010000000")
end)
"""
EDU = ("-device", "edu,dma_mask=0xffffffffffffffff,addr=3", "-device", "edu,dma_mask=0xffffffffffffffff,addr=4")
IDLE = "all CPUs wait for an interrupt "
FIRMWARE = "firmware is asked to turn off what it can (PSCI SYSTEM_SUSPEND)"


def wait_for(console, pattern):
    """It may have come while something else was waited for."""
    return re.search(pattern, console.text()) or console.expect(pattern, timeout=TIME_LIMIT, silence=TIME_LIMIT)


def end_of(console, program):
    return wait_for(console, program + r" (ended with exit code \d+|died)").group(1)


def run(start, depth, said, more_script="", **more):
    """The depths that are expected, and what the console says of each when it is so for the first time."""
    console = start(SCRIPT % depth + more_script, {"ticker.bin": bare_guest("ticker")}, **more)
    code = end_of(console, "sleeper")
    text = console.text()
    bad = re.findall(r"not ok - [^\n]*", text)
    assert not bad and code == "ended with exit code 0", "\n".join([code, *bad, console.tail()])
    assert text.count("sleeper: ok - ") == 14
    assert re.findall(r"hv: the machine sleeps: ([^\n]*)", text) == said
    wait_for(console, "ticker: late by")
    return console


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_without_help_of_firmware_all_cpus_wait(machine, cpus):
    run(machine, "1", [IDLE + "(the firmware has no PSCI SYSTEM_SUSPEND)"], cpus=cpus)


@pytest.mark.parametrize("cpus, loses", [(1, LOSES_LINES), (2, 0), (2, LOSES_LINES)])
def test_firmware_turns_off_what_it_can(machine, cpus, loses):
    run(machine, "2", [FIRMWARE], cpus=cpus, firmware=loses)


def test_an_smmu_that_was_off_confines_devices_again(machine):
    console = run(machine, "2", [FIRMWARE], THEN_DMA, cpus=2, machine="virt,iommu=smmuv3", extra=EDU, firmware=LOSES_LINES | LOSES_SMMU)
    end_of(console, "dma")
    # Its books may be wrong: what the other program had comes back while it keeps them.
    bad = re.findall(r"not ok - (?!everything is given back)[^\n]*", console.text())
    assert not bad and console.text().count("dma: ok - ") > 30, "\n".join([*bad, console.tail()])


@pytest.mark.parametrize("refuses", [REFUSES, KEEPS_CPUS])
def test_when_firmware_refuses_all_cpus_wait(machine, refuses):
    run(machine, "1", [FIRMWARE, IDLE + "(firmware refuses, PSCI error -3)"], cpus=2, firmware=refuses)


def test_a_timer_that_may_stop_is_not_relied_on(machine):
    run(machine, "1 2", [IDLE + "(a deadline is to wake it, whose timer may stop)", FIRMWARE], cpus=2,
        firmware=TIMER_STOPS)
