"""io on the machine: devices of the host device tree on buses, what it refuses, and clients that use them, also while io dies."""
import re

START = """
local vmm = require "vmm"
"""
CLOCK = "/pl031@9010000"


def test_a_client_uses_a_device_while_io_dies_and_comes_back(machine):
    console = machine(START + """
local list = {clock = {"/pl031@9010000"}}
local io = vmm.start_io(list)
local client = L4.default_loader:start({caps = {vbus = list.clock}, log = {"first"}}, "rom/busclient clock 9")
L4.sleep(3)
require("ned.report").say("io goes")
io:restart()
client:wait()
L4.default_loader:start({caps = {vbus = list.clock}, log = {"second"}}, "rom/busclient clock 2"):wait()
L4.Env.platform:system_shutdown(0)
""")
    console.expect("clock: /pl031@9010000: reg0 0x9010000..0x9010fff, irq0 interrupt 34 level, no DMA")
    console.expect("1 devices, DMA kind 0")
    console.expect(r"device 0: /pl031@9010000 \(arm,pl031\)")
    console.expect("reg0: type 2 flags 0 base 9010000 size 1000")
    console.expect("irq0: type 1 flags 1 base 22 size 1")
    console.expect("peripheral 0x31")
    console.expect("alarm 1, /pl031@9010000")
    console.expect("io goes")
    console.expect("alarm 9, /pl031@9010000")
    console.expect("second.*peripheral 0x31")
    console.expect("second.*alarm 2, ")
    assert console.expect_end() == 0
    assert "still in use" not in console.text()
