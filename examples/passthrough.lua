-- Devices of the machine in a guest: its real-time clock and its GPIO controller, each where the machine has it. The guest
-- finds the time of day in /sys/class/rtc/rtc0. docs/devices.md tells the rules.
local vmm = require "vmm"

local busses = {board = {"/pl031@9010000", "arm,pl061"}}    -- by path, or by what it is compatible with
vmm.start_io(busses)                                        -- each name in it is a bus from now on

vmm.start_vm{
  id = "linux",
  mem = 128,
  fdt = {"rom/machine.dtb", "rom/gpio.dtb"},                -- the tree must have a node for each device
  ram_base = 0x40000000,
  vbus = busses.board,
}
