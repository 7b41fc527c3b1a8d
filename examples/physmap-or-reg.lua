-- l4vmm,physmap with a reg to fall back on: this VM has no DMA domain, so reg it is. physmap-or-reg.dts.
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 72 * 1024 * 1024)

L4.default_loader:startv({caps = {physram = ram:m("rw")}},
                         "rom/uvmm", "-d", "rom/machine.dtb", "-d", "rom/physmap-or-reg.dtb")
