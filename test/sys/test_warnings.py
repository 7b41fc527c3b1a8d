"""uvmm's lines: a default boot has no warning, each disabled node is listed once with its reason, each line names its VM."""
import os
import re

import pytest

from conftest import SHARED, TOP, guest_files

# A line of a program's own: its tag, perhaps in colour; what the guest prints has none.
OWN = re.compile(r"^(?:\x1b\[\d+m)?([\w-]+):(?:\x1b\[0m)? (.*)$")
# What only uvmm says, whatever stands before it.
UVMM_SAYS = re.compile(r"RAM, capability|GICv3 (?:re)?distributor|\bdisabled: /|where nothing is")


def own_lines(console):
    return [match.groups() for match in map(OWN.match, console.text().splitlines()) if match]


def marked(console):
    return [line for line in own_lines(console) if re.match(r"(?:warning|error)\b", line[1])]


def check_names(console, tags):
    for line in console.text().splitlines():
        if UVMM_SAYS.search(line):
            match = OWN.match(line)
            assert match and match.group(1) in tags, line


@pytest.mark.parametrize("name, tag", [("first-light.lua", "uvmm"), ("linux.lua", "linux")])
def test_a_default_boot_prints_no_warning_and_each_line_names_the_vm(machine, name, tag):
    console = machine(files={**guest_files(), name: os.path.join(TOP, "examples", name)}, append="rom/" + name)
    console.expect("guest# ", timeout=180)
    assert marked(console) == []
    assert any(UVMM_SAYS.search(line) for line in console.text().splitlines())
    check_names(console, {tag})


def test_each_disabled_node_is_listed_once_with_its_reason(machine):
    trees = {name: os.path.join(SHARED, "guest", name) for name in ("machine.dtb", "second-uart.dtb")}
    console = machine("""-- Two VMs whose second UART has no capability for its characters; the console server keeps lines apart.
local vmm = require "vmm"
L4.start_cons()
for _, id in ipairs{"one", "two"} do
  vmm.start_vm{id = id, mem = 96, fdt = {"rom/machine.dtb", "rom/second-uart.dtb"}, ram_base = 0x40000000}
end
""", {**guest_files(), **trees})
    for _ in range(2):
        console.expect("guest# ", timeout=240)
    for tag in ("one", "two"):
        disabled = [text for name, text in own_lines(console) if name == tag and "disabled: /" in text]
        assert len(disabled) == 1, disabled
        assert re.search(r"disabled: /\S+: there is no capability \"\S+\" for its characters: add it to caps", disabled[0])
    check_names(console, {"one", "two"})
