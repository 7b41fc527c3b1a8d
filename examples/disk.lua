-- A disk of the machine in a guest: an NVMe device behind PCI and the SMMU, with Debian's own driver. In the guest, `head -c 110 /dev/nvme0n1`
-- shows what is on it; what is written there is gone with QEMU. docs/devices.md tells the rules, docs/io.md how devices are named.
-- QEMU: -machine iommu=smmuv3 -device nvme,drive=disk,serial=example
-- QEMU: -drive if=none,id=disk,format=raw,snapshot=on,file=build/guest/initrd.cpio
local vmm = require "vmm"

local busses = {disk = {"PCI/storage"}}  -- all functions of that class; without an SMMU: {"PCI/storage", unsafe_dma = true}
vmm.start_io(busses)

vmm.start_vm{
  id = "linux",
  mem = 128,
  rd = "rom/pci-initrd",                 -- with the drivers, which are modules in Debian's kernel
  bootargs = "console=ttyAMA0",
  vbus = busses.disk,
}
