-- The same devices as in passthrough.lua, described for io in a file, in the language of L4Re's io: rom/board.vbus.
local vmm = require "vmm"

local busses = {board = true}                               -- true: rom/board.vbus says what is on it
vmm.start_io(busses, "-v")

vmm.start_vm{
  id = "linux",
  mem = 128,
  fdt = {"rom/machine.dtb", "rom/gpio.dtb"},
  ram_base = 0x40000000,
  vbus = busses.board,
}
