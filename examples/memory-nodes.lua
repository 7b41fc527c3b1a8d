-- RAM from two dataspaces, where memory nodes of the guest's device tree want it: memory-nodes.dts.
-- In the guest: cat /proc/iomem
local function ram(mib)
  return L4.Env.user_factory:create(L4.Proto.Dataspace, mib * 1024 * 1024):m("rw")
end

L4.default_loader:startv({caps = {lowram = ram(80), highram = ram(32)}},
                         "rom/uvmm", "-d", "rom/machine.dtb", "-d", "rom/memory-nodes.dtb")
