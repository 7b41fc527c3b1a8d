-- Runs the guest of `make bench` in a VM of 256 MiB, then turns the machine off.
local L4 = require "L4"
local ram = L4.Env.factory:create(L4.Proto.Dataspace, 256 * 1024 * 1024)
local options = {caps = {ram = ram:m("rw")}, log = {"vm"}}
L4.default_loader:startv(options, "rom/uvmm", "-k", "rom/guest", "-c", "quiet nokaslr", table.unpack(arg)):wait()
L4.Env.platform:system_shutdown()
