"""DMA behind an SMMU, driven by test/prog/dma: what devices reach, and what they do not."""
import re

import pytest

# QEMU's edu does any DMA it is told to, each in a tenth of a second of the machine's time, which -icount does not wait for.
DEVICES = ("-device", "edu,dma_mask=0xffffffffffffffff,addr=3", "-device", "edu,dma_mask=0xffffffffffffffff,addr=4")
INSTRUCTIONS = ("-icount", "shift=0,sleep=off")
ECAM = 0x4010000000
SCRIPT = """
L4.default_loader:start({{caps = {{iommu = L4.Env.iommu, mmio = L4.Env.mmio}}, mem = 64 << 20}}, "rom/dma {:#x}")
"""



def run(machine, extra, **point):
    console = machine(SCRIPT.format(ECAM), extra=(*DEVICES, *extra), machine="virt,iommu=smmuv3", **point)
    console.expect(r"hv: SMMU 0 at 0x9050000: stage 1, every stream aborts")
    code = console.expect(r"dma (ended with exit code \d+|died)", timeout=240).group(1)
    text = console.text()
    bad = re.findall(r"not ok - [^\n]*", text)
    assert not bad and code == "ended with exit code 0", "\n".join([code, *bad, console.tail()])
    return text


@pytest.mark.parametrize("cpu, cpus, extra", [("cortex-a57", 1, INSTRUCTIONS), ("max", 4, ())])
def test_devices_reach_what_is_mapped_for_them_and_nothing_else(machine, cpu, cpus, extra):
    text = run(machine, extra, cpu=cpu, cpus=cpus)
    assert text.count("ok - ") > 30
