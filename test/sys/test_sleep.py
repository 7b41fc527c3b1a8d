"""The machine sleeps: test/prog/sleeper suspends it, beside a guest whose timer ticks on afterwards."""
import re

import pytest

from conftest import bare_guest

TIME_LIMIT = 240
SCRIPT = """
local vmm = require "vmm"
local ticks = vmm.start_vm{id = "ticker", mem = 4, kernel = "rom/ticker.bin", bootargs = "period=2000 ticks=2000", log = {"ticker"}}
L4.default_loader:start({caps = {platform = L4.Env.platform, icu = L4.Env.icu, mmio = L4.Env.mmio}, prio = 120, mem = 64 << 20, log = {"sleeper"}}, "rom/sleeper %d")
"""


def run(machine, depth, line, cpus, **more):
    console = machine(SCRIPT % depth, {"ticker.bin": bare_guest("ticker")}, cpus=cpus, **more)
    code = console.expect(r"sleeper (ended with exit code \d+|died)", timeout=TIME_LIMIT, silence=TIME_LIMIT).group(1)
    text = console.text()
    bad = re.findall(r"not ok - [^\n]*", text)
    assert not bad and code == "ended with exit code 0", "\n".join([code, *bad, console.tail()])
    assert text.count("ok - ") == 13
    # Said once, whatever it was.
    assert re.findall(r"hv: the machine sleeps[^\n]*", text) == [line]
    if "ticker: late by" not in text:
        console.expect("ticker: late by", timeout=TIME_LIMIT, silence=TIME_LIMIT)
    return console


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_without_help_of_firmware_all_cpus_wait(machine, cpus):
    run(machine, 1, "hv: the machine sleeps: all CPUs wait for an interrupt (the firmware has no PSCI SYSTEM_SUSPEND)", cpus)
