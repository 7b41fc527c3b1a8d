"""Debugging a guest: the hypervisor's part by a program that is a VMM (test/prog/vmdebug)."""
import re

import pytest


@pytest.mark.parametrize("cpu", ["cortex-a53", "max"])
def test_a_vmm_debugs_its_guest_and_nobody_else_notices(machine, cpu):
    console = machine('L4.default_loader:start({caps = {}, prio = 120}, "rom/vmdebug")', cpu=cpu)
    console.expect(r"vmdebug (ended with exit code \d+|died)")
    text = console.text()
    bad = re.findall(r"(?:not ok - |# class)[^\n]*", text)
    assert not bad and "# all is well" in text and text.count("ok - ") >= 24, "\n".join([*bad, console.tail()])
