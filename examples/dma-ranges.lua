-- RAM where the guest's device tree wants it, and a guest that can read where devices find it: dma-ranges.dts.
-- In the guest: od -tx4 --endian=big /proc/device-tree/memory@20000000/dma-ranges
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 72 * 1024 * 1024)
local dma = L4.Env.user_factory:create(L4.Proto.Dma_space)
L4.Env.iommu:physical(dma)                     -- devices of this VM are behind no IOMMU

L4.default_loader:startv({caps = {dmaram = ram:m("rw"), dma = dma:m("rw")}},
                         "rom/uvmm", "-d", "rom/machine.dtb", "-d", "rom/dma-ranges.dtb")
