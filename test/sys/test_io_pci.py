"""PCI functions of the machine behind io: found, given addresses, filtered, used by a client, quiet when it is gone."""
import pytest

START = """
local vmm = require "vmm"
"""
EDU = ("-device", "edu,addr=3,dma_mask=0xffffffffffff")
ROUNDS = 30  # each at least 200 ms, as edu takes its time: io goes in the middle of them
PATH = "/pcie@10000000/pci@"


def disk(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(bytes(1 << 20))
    return f"if=none,id={name},format=raw,file={path}"


def test_functions_are_found_and_have_addresses(machine, tmp_path):
    """Also behind a switch and behind a bridge to conventional PCI; with names, lines and streams; the next client finds them as
    the first did."""
    console = machine(START + """
local list = {all = {"PCI/storage", "PCI/network", "PCI/VEN_1234&DEV_11e8"}}
vmm.start_io(list)
for round = 1, 2 do
  L4.default_loader:start({caps = {vbus = list.all}, log = {"client" .. round}}, "rom/pciclient nodma"):wait()
end
L4.Env.platform:system_shutdown(0)
""", machine="virt,iommu=smmuv3", extra=(
        "-drive", disk(tmp_path, "d1"), "-device", "virtio-blk-pci,drive=d1,addr=1,iommu_platform=on,disable-legacy=on",
        "-drive", disk(tmp_path, "d2"), "-device", "nvme,drive=d2,serial=x,addr=2", *EDU,
        "-device", "pcie-root-port,id=rp,addr=4,chassis=1", "-device", "x3130-upstream,id=up,bus=rp",
        "-device", "xio3130-downstream,id=down,bus=up,chassis=2,slot=1", "-device", "virtio-net-pci,bus=down,romfile=",
        "-device", "pcie-pci-bridge,id=br,addr=5", "-device", "e1000,bus=br,addr=3,romfile=", "-device", "e1000,addr=6,romfile="))
    console.expect(rf"all: {PATH}00,01.0: bar1 0x\w+000..0x\w+fff, bar4 0x80\w+..0x80\w+, irq0 interrupt 36 level, DMA through SMMU 0 stream 0x8\r")
    console.expect(rf"all: {PATH}00,02.0: bar0 0x80\w+..0x80\w+, irq0 interrupt 37 level, DMA through SMMU 0 stream 0x10\r")
    console.expect(rf"all: {PATH}03,00.0: bar1 0x1\w+000..0x1\w+fff, bar4 0x80\w+..0x80\w+, irq0 interrupt 35 level, DMA through SMMU 0 stream 0x300\r")
    console.expect(rf"all: {PATH}04,03.0: bar0 0x1\w+0000..0x1\w+ffff, irq0 interrupt 35 level, DMA through SMMU 0 stream 0x400\r")
    console.expect(rf"all: {PATH}00,06.0: bar0 0x1\w+0000..0x1\w+ffff, irq0 interrupt 37 level, DMA through SMMU 0 stream 0x30\r")
    console.expect(rf"all: {PATH}00,03.0: bar0 0x1\w+00000..0x1\w+fffff, irq0 interrupt 38 level, DMA through SMMU 0 stream 0x18\r")
    for _ in range(2):
        # Virtio: five of its own. NVMe: Express and power. None has MSI or MSI-X.
        console.expect(r"00,01.0: 10421af4 bar0 00000000 capabilities 09 09 09 09 09 command")
        console.expect(r"00,02.0: 00101b36 bar0 \w+ capabilities (01 )?10( 01)? command")
        console.expect(r"03,00.0: 10411af4 bar0 00000000 capabilities [0-9 ]*command")
        console.expect(r"04,03.0: 100e8086 bar0 1\w+ capabilities command")
        console.expect(r"00,06.0: 100e8086 bar0 1\w+ capabilities command")
        console.expect(r"00,03.0: 11e81234 bar0 1\w+ capabilities command")
        console.expect("edu: registers and interrupt")
        console.expect("all is well")
    assert console.expect_end() == 0
    assert "wrong" not in console.text()


@pytest.mark.parametrize("kind", ["physical", "translating"])
def test_edu_moves_data_while_io_comes_back_and_is_quiet_afterwards(machine, kind):
    unsafe = ", unsafe_dma = true" if kind == "physical" else ""
    console = machine(START + f"""
local list = {{edu = {{"PCI/VEN_1234&DEV_11e8"{unsafe}}}}}
local io = vmm.start_io(list)
local first = L4.default_loader:start({{caps = {{vbus = list.edu}}, log = {{"first"}}}}, "rom/pciclient run {ROUNDS}")
""" + """
L4.sleep(2)
require("ned.report").say("io goes")
io:restart()
first:wait()
L4.default_loader:start({caps = {vbus = list.edu}, log = {"second"}}, "rom/pciclient"):wait()
L4.Env.platform:system_shutdown(0)
""", machine="virt" if kind == "physical" else "virt,iommu=smmuv3", extra=EDU)
    console.expect("first: .*00,03.0: 11e81234 .* command 0[04]02")
    console.expect(rf"first: edu: round {ROUNDS}\r")
    assert "io goes" in console.text()
    console.expect("first: all is well")
    # Bus mastering and interrupts are off, as the next client finds it.
    console.expect("second: .*00,03.0: 11e81234 .* command 0402")
    console.expect("second: edu: DMA there and back")
    if kind == "translating":
        # Device, who has it, and address.
        console.expect(rf"io:.* DMA blocked: {PATH}00,03.0 \(second, bus edu\) wanted to write to 0x30100000: nothing of its VM is there")
        console.expect("second: edu: DMA astray")
    console.expect("second: all is well")
    assert console.expect_end() == 0
    assert "wrong" not in console.text()


def test_what_a_client_left_running_is_quiet_before_the_next_one_has_it_even_if_nobody_told_io(machine):
    """io does not see that the first one ends, and then is another io, which knows of no client."""
    console = machine(START + """
local list = {edu = {"PCI/VEN_1234&DEV_11e8", unsafe_dma = true}}
local io = vmm.start_io(list)
local sign = L4.Env.user_factory:create(L4.Proto.Irq_sender)
L4.default_loader:start({caps = {vbus = list.edu, sign = sign:m("rw")}, log = {"first"}}, "rom/pciclient"):wait()
io:restart()
L4.default_loader:start({caps = {vbus = list.edu}, log = {"second"}}, "rom/pciclient nodma"):wait()
L4.Env.platform:system_shutdown(0)
""", extra=EDU)
    console.expect("first: edu: DMA there and back")
    console.expect("first: all is well")
    console.expect("second: .*00,03.0: 11e81234 .* command 0402")
    console.expect("second: all is well")
    assert console.expect_end() == 0


def test_one_line_on_two_buses_is_refused(machine):
    """Slots 2 and 6 share interrupt 37."""
    console = machine(START + """
local list = {one = {"PCI/ADR_00:02.0", unsafe_dma = true}, two = {"PCI/ADR_00:06.0", unsafe_dma = true}}
vmm.start_io(list)
""", extra=("-device", "edu,addr=2", "-device", "edu,addr=6"))
    console.expect(rf"{PATH}00,0[26].0 on bus '\w+' and {PATH}00,0[26].0 on bus '\w+' \([^)]*\) share interrupt 37; "
                   "put them on one bus, or one of them into a slot with another line")
