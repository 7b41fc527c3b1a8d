-- RAM at its host-physical address: physmap.dts. Only a VM with a DMA domain may know that address.
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 72 * 1024 * 1024)
local dma = L4.Env.user_factory:create(L4.Proto.Dma_space)
L4.Env.iommu:physical(dma)                     -- devices of this VM are behind no IOMMU

L4.default_loader:startv({caps = {physram = ram:m("rw"), dma = dma:m("rw")}},
                         "rom/uvmm", "-d", "rom/machine.dtb", "-d", "rom/physmap.dtb")
