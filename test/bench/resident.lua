-- Says who has the machine's memory while a VM of 256 MiB runs, then turns the machine off. Argument "servers": beside cons and io.
-- Lines: "part NAME BYTES".
local L4 = require "L4"
local vmm = require "vmm"
if ... == "servers" then
  L4.start_cons()
  vmm.start_io({bus = {}})
end
local ram = L4.Env.factory:create(L4.Proto.Dataspace, 256 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm"}, name = "uvmm"}, "rom/uvmm", "-k", "rom/guest", "-c", "only=wait")
L4.sleep(0.3)
local memory = L4.Info.memory()
for _, name in ipairs{"hypervisor", "ned", "rom", "free"} do
  print("part " .. name .. " " .. memory[name])
end
for _, program in ipairs(memory.factories) do
  print("part " .. program.name .. " " .. program.used)
end
L4.sleep(0.1)
L4.Env.platform:system_shutdown()
