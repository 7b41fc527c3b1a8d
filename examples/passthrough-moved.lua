-- Two guests with a device each. The first one's clock is at another address and interrupt than the machine's; the second
-- one's tree has a clock as well, which is uvmm's own, and a GPIO controller.
local vmm = require "vmm"

L4.start_cons{connect = "clock"}               -- their consoles are told apart; docs/cons.md has the keys

local busses = {clock = {"/pl031@9010000"}, gpio = {"/pl061@9030000"}}
vmm.start_io(busses)

vmm.start_vm{id = "clock", mem = 96, fdt = {"rom/machine.dtb", "rom/clock-elsewhere.dtb"}, ram_base = 0x40000000, vbus = busses.clock,
  log = {"clock", "green"}}
vmm.start_vm{id = "gpio", mem = 96, fdt = {"rom/machine.dtb", "rom/gpio.dtb"}, ram_base = 0x40000000, vbus = busses.gpio,
  log = {"gpio", "yellow"}}
