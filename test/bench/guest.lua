-- Runs the guest of `make bench` in a VM of 256 MiB, then turns the machine off. Arguments go to uvmm, "only=NAME" to the guest.
local L4 = require "L4"
local ram = L4.Env.factory:create(L4.Proto.Dataspace, 256 * 1024 * 1024)
local options = {caps = {ram = ram:m("rw")}, log = {"vm"}}
local bootargs, arguments = {"quiet nokaslr"}, {}
for _, argument in ipairs(arg) do
  table.insert(argument:find "^only=" and bootargs or arguments, argument)
end
L4.default_loader:startv(options, "rom/uvmm", "-k", "rom/guest", "-c", table.concat(bootargs, " "), table.unpack(arguments)):wait()
L4.Env.platform:system_shutdown()
