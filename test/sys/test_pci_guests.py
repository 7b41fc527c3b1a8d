"""PCI devices of the machine in virtual machines: behind uvmm's bridge, with BARs that the guest places, INTx, and DMA."""
import hashlib
import os
import subprocess

import pytest

from conftest import SHARED, bare_guest, guest_files

START = """
local vmm = require "vmm"
"""
EDU = ("-device", "edu,addr=3,dma_mask=0xffffffffffff")
SMMU = "virt,iommu=smmuv3"
SIZE = 1 << 20
BLOCK = 4096

# What a guest does with its disk: what is there is summed up, and written back behind it in another order. Disks come up late.
USE_DISK = """n=0; while [ ! -e /dev/{disk} ] && [ $n -lt 60 ]; do sleep 1; n=$((n+1)); done;
for d in /sys/bus/pci/devices/*; do echo pci: ${{d##*/}} $(cat $d/vendor) $(cat $d/device) $(head -n 1 $d/resource) irq $(cat $d/irq); done;
echo sum: $(dd if=/dev/{disk} bs=4096 count=64 2>/dev/null | sha256sum);
dd if=/dev/{disk} of=/dev/{disk} bs=4096 count=64 seek=128 conv=fsync 2>/dev/null;
echo mark of {vm} | dd of=/dev/{disk} bs=4096 seek=200 conv=fsync,sync 2>/dev/null; sync;
grep -E '{disk}|virtio|nvme' /proc/interrupts; echo done: {vm}"""


def disk(tmp_path, name):
    """A disk with random content; returns its path and QEMU's arguments."""
    path = tmp_path / name
    path.write_bytes(os.urandom(SIZE))
    return path, f"if=none,id={name},format=raw,file={path}"


def pci_files():
    return {**guest_files(), "initrd": os.path.join(SHARED, "guest", "pci-initrd.cpio")}


def run(vm, name):
    return " ".join(USE_DISK.format(disk=name, vm=vm).split("\n"))


def check_disk(path, vm):
    """The guest read what is in the file, as its copy shows, and what it wrote is there."""
    before = path.read_bytes()

    def check():
        after = path.read_bytes()
        assert after[128 * BLOCK:192 * BLOCK] == before[:64 * BLOCK]
        assert after[200 * BLOCK:201 * BLOCK] == f"mark of {vm}\n".encode().ljust(BLOCK, b"\0")
        assert after[:128 * BLOCK] == before[:128 * BLOCK]
    return check


@pytest.mark.parametrize("kind", ["physical", "translating"])
def test_a_guest_drives_edu(machine, kind):
    """Configuration space in every width, a BAR that is sized, moved and misplaced, interrupts by INTx, and DMA. Without
    SMMU two devices are on one line. Behind one, the guest's RAM is where the machine has none, and what is not the VM's cannot be reached."""
    safe = kind == "translating"
    extra = EDU if safe else (*EDU, "-device", "edu,addr=7")
    how = 'ram_base = 0x90000000, bootargs = "dma rogue=0x50000000"' if safe else 'bootargs = "dma"'
    console = machine(START + f"""
local list = {{edu = {{"PCI/VEN_1234&DEV_11e8", unsafe_dma = {str(not safe).lower()}}}}}
vmm.start_io(list)
vmm.start_vm{{id = 1, mem = 16, vbus = list.edu, kernel = "rom/pci.bin", restart = {{on = "off", max = 1}}, {how}}}
""", files={"pci.bin": bare_guest("pci")}, machine=SMMU if safe else "virt", extra=extra)
    # It is there again for the VM's next life.
    for _ in range(2):
        console.expect(r"PCI bridge window")
        if safe:
            for direction in "write to", "read from":
                console.expect(rf"DMA blocked: /pcie@10000000/pci@00,03.0 \(vm1, bus edu\) wanted to {direction} 0x50000000")
        console.expect(r"verdict: \d+ passed, 0 failed")
        console.expect("the guest turned the VM off")
    text = console.text()
    assert "BAR 0 of /pcie@10000000/pci@00,03.0 is not at 0x" in text
    assert safe or "and both at once" in text


def test_a_guest_goes_on_while_nobody_serves_configuration_space(machine):
    """io is killed at ned's prompt when the guest looks, and started again when it has seen that nobody answers."""
    console = machine(START + """
local list = {edu = {"PCI/VEN_1234&DEV_11e8", unsafe_dma = true}}
core = require "core"
io = vmm.start_io(list, nil, {restart = {on = "killed", backoff = "60m"}})
vmm.start_vm{id = 1, mem = 16, vbus = list.edu, kernel = "rom/pci.bin", bootargs = "watch"}
""", files={"pci.bin": bare_guest("pci")}, extra=EDU, append="--prompt rom/test.lua")
    console.expect("pci: watching")
    console.send_line("core.destroy(io.slot)")
    console.expect("pci: nobody answers")
    console.send_line("io:restart()")
    console.expect(r"verdict: \d+ passed, 0 failed")
    assert "io does not answer: the configuration space of PCI devices reads as all ones for 5 s" in console.text()


def machines_tree(tmp_path):
    """QEMU's own tree, as a file: its bridge has MSIs, and INTx for all slots."""
    tree = tmp_path / "qemu.dtb"
    subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={tree}", "-cpu", "cortex-a57", "-display", "none", "-nic", "none"],
                   check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return str(tree)


def test_a_real_machines_tree_starts_with_and_without_pci_devices(machine, tmp_path):
    console = machine(START + """
local list = {edu = {"PCI/VEN_1234&DEV_11e8", unsafe_dma = true}}
vmm.start_io(list)
vmm.start_vm{id = 1, mem = 16, kernel = "rom/ends.bin", bootargs = "do=off", fdt = "rom/qemu.dtb"}
vmm.start_vm{id = 2, mem = 16, kernel = "rom/pci.bin", fdt = "rom/qemu.dtb", vbus = list.edu, ext_args = {"-v"}}
""", files={"pci.bin": bare_guest("pci"), "ends.bin": bare_guest("ends"), "qemu.dtb": machines_tree(tmp_path)}, extra=EDU)
    for _ in range(2):
        console.expect("the guest turned the VM off")
    text = console.text()
    assert "vm1: disabled: /pcie@10000000: the VM has no PCI device" in text
    assert "vm2: disabled: /pcie" not in text
    assert "PCI slot 03 is /pcie@10000000/pci@00,03.0, interrupt 38" in text
    assert "verdict: 26 passed, 0 failed" in text


def test_debian_uses_a_disk_without_smmu(machine, tmp_path):
    """NVMe with Debian's driver, under the tree of a real machine; l4vmm,physmap puts RAM where the device finds it. Data checked in the file."""
    path, drive = disk(tmp_path, "nvme1")
    console = machine(START + f"""
local list = {{disk = {{"PCI/storage", unsafe_dma = true}}}}
vmm.start_io(list)
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 96 << 20, L4.Mem_alloc_flags.Super_pages)
vmm.start_vm{{id = 1, mem = false, fdt = {{"rom/qemu.dtb", "rom/physmap.dtb"}}, ext_caps = {{physram = ram:m("rw")}}, vbus = list.disk,
  bootargs = [[console=ttyAMA0 guest.run="{run("vm1", "nvme0n1")}"]]}}
""", files={**pci_files(), "qemu.dtb": machines_tree(tmp_path), "physmap.dtb": os.path.join(SHARED, "guest", "physmap.dtb")},
                      extra=("-drive", drive, "-device", "nvme,drive=nvme1,serial=one,addr=2"))
    console.expect(r"00(\w{8})-\w+ .*RAM, capability physram, DMA address 0x\1\b")
    check, sums = check_disk(path, "vm1"), hashlib.sha256(path.read_bytes()[:64 * BLOCK]).hexdigest()
    console.expect(r"pci: 0000:00:02.0 0x1b36 0x0010 0x0000008\d+ 0x0000008\w+ 0x0*140204 irq [1-9]", timeout=180)
    console.expect(f"sum: {sums}")
    console.expect(r"GICv3 +37 Level +nvme")
    console.expect("done: vm1", timeout=60)
    console.expect("the guest turned the VM off")
    check()


def test_two_debians_use_their_disks_behind_the_smmu(machine, tmp_path):
    """Each VM has RAM where it likes, one where the machine has none; NVMe and virtio, neither touches the other's."""
    nvme, nvme_drive = disk(tmp_path, "nvme1")
    blk, blk_drive = disk(tmp_path, "blk1")
    console = machine(START + f"""
L4.start_cons()
local list = {{one = {{"PCI/ADR_00:02.0"}}, two = {{"PCI/ADR_00:03.0"}}}}
vmm.start_io(list)
vmm.start_vm{{id = 1, mem = 96, vcpus = 1, log = {{"vm1"}}, vbus = list.one, bootargs = [[console=ttyAMA0 quiet guest.run="{run("vm1", "nvme0n1")}"]]}}
vmm.start_vm{{id = 2, mem = 96, vcpus = 1, log = {{"vm2"}}, ram_base = 0x90000000, vbus = list.two,
  bootargs = [[console=ttyAMA0 quiet guest.run="{run("vm2", "vda")}"]]}}
""", files=pci_files(), machine=SMMU, extra=(
        "-drive", nvme_drive, "-device", "nvme,drive=nvme1,serial=one,addr=2", "-drive", blk_drive,
        "-device", "virtio-blk-pci,drive=blk1,addr=3,iommu_platform=on,disable-legacy=on"))
    checks = check_disk(nvme, "vm1"), check_disk(blk, "vm2")
    for _ in range(2):
        console.expect("the guest turned the VM off", timeout=240)
    for check in checks:
        check()
    assert "DMA blocked" not in console.text()
