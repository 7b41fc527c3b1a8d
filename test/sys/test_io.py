"""io on the machine: devices of the host device tree on buses, what it refuses, and clients that use them, also while io dies."""
START = """
local vmm = require "vmm"
"""
BUS = """
local hw = Io.system_bus()
Io.add_vbusses {
  clock = Io.Vi.System_bus(function()
    CLOCK = wrap(hw:match("arm,pl031"))
  end),
}
"""
HARDWARE = """
Io.hw_add_devices(function()
  TIMER = Io.Hw.Device(function()
    compatible = "maker,timer";
    Resource.irq0 = Io.Res.irq(100, Io.Resource.Irq_type_raising_edge);
  end)
end)
"""


def test_a_client_uses_a_device_while_io_dies_and_comes_back(machine):
    console = machine(START + """
local list = {clock = true}
local io = vmm.start_io(list, "-v")
local client = L4.default_loader:start({caps = {vbus = list.clock}, log = {"first"}}, "rom/busclient clock back")
repeat
  L4.sleep(1)
  local other = L4.default_loader:start({caps = {vbus = list.clock}, log = {"other"}}, "rom/busclient")
until other:wait() == 1
require("ned.report").say("io goes")
io:restart()
client:wait()
L4.default_loader:start({caps = {vbus = list.clock}, log = {"second"}}, "rom/busclient clock 2"):wait()
L4.Env.platform:system_shutdown(0)
""", {"clock.vbus": BUS})
    console.expect("clock: /pl031@9010000: reg0 0x9010000..0x9010fff, irq0 interrupt 34 level, no DMA")
    console.expect("1 devices, DMA kind 0")
    console.expect(r"device 0: /pl031@9010000 \(arm,pl031\)")
    console.expect("reg0: type 2 flags 0 base 9010000 size 1000")
    console.expect("irq0: type 1 flags 1 base 22 size 1")
    console.expect("peripheral 0x31")
    console.expect("other: the bus cannot be opened: somebody else has it")
    console.expect("io goes")
    console.expect(r"first: io is back[\r\n]")
    for _ in range(3):
        console.expect("first: alarm [0-9]+, /pl031@9010000")
    console.expect("second.*peripheral 0x31")
    console.expect("second.*alarm 2, ")
    assert console.expect_end() == 0
    assert "still in use" not in console.text()


def test_what_a_script_asks_for_and_cannot_have_is_told_with_names(machine):
    console = machine(START + r"""
local function try(list, cmdline)
  local code = vmm.start_io(list, cmdline):wait()
  require("ned.report").say("code %s", tostring(code))
end
try{a = {"/pl031@9010000"}, b = {"arm,pl031"}}
try{a = {"/pl031@901000"}}
try{a = {"/pl011@9000000"}}
try{a = {"PCI/CC_zz"}}
try({a = {"X"}}, {"-e", "Io.hw_add_devices(function() X = Io.Hw.Device(function() Resource.irq0 = Io.Res.irq(900) end) end)"})
try({a = {"X"}}, {"-e", "Io.hw_add_devices(function() X = Io.Hw.Device(function() Resource.reg0 = Io.Res.mmio(0x40000000, 0x40000fff) end) end)"})
try({a = {"X"}}, {"-e", "Io.hw_add_devices(function() X = Io.Hw.Device(function() Resource.reg0 = Io.Res.mmio(0x8000000, 0x8000fff) end) end)"})
try({}, "rom/wrong.io")
try({}, "-e Io.add_vbus('lost',{'arm,pl031'})")
local list = {net = {"/virtio_mmio@a000000", "/pl031@9010000"}}
local io = vmm.start_io(list, "rom/hw.io")
L4.default_loader:start({caps = {vbus = list.net}, log = {"client"}}, "rom/busclient"):wait()
L4.Env.platform:system_shutdown(0)
""", {"wrong.io": "local x = 1\nIo.add_vbuses{}\n", "hw.io": HARDWARE})
    for line in (r"-e:1: /pl031@9010000 is on bus 'a' \(-e:1\) and cannot be on bus 'b' \(-e:1\) as well",
                 r"-e:1: bus 'a': the machine has no device '/pl031@901000'; did you mean '/pl031@9010000'\?",
                 r"-e:1: /pl011@9000000 cannot be on bus 'a': it is the hypervisor's console",
                 r"PCI/CC_zz",
                 r"-e:1: Io.Res.irq\(900\): the machine has no such interrupt to give; it has 32 to \d+",
                 r"-e:1: X: reg0 0x40000000..0x40000fff is RAM of the machine",
                 r"a: X: reg0 0x8000000..0x8000fff: these registers are the hypervisor's own",
                 r"rom/wrong.io:2: Io has no 'add_vbuses'; did you mean 'add_vbusses'\?",
                 r"bus 'lost' \(-e:1\): capability 'lost', its gate, is missing"):
        console.expect(line)
        console.expect("ned: code 1")
    console.expect("net: /virtio_mmio@a000000 refused: it does DMA .* unsafe_dma = true for the bus")
    console.expect("net: /pl031@9010000: reg0")
    console.expect("client: 1 devices, DMA kind 0")
    console.expect("client: that is all")
    assert console.expect_end() == 0


def test_a_bus_without_smmu_has_physical_dma_if_the_script_says_so_and_nothing_is_left_of_it(machine):
    console = machine(START + """
local list = {net = {"/virtio_mmio@a003e00", unsafe_dma = true}, none = {"/pl031@9010000"}}
vmm.start_io(list)
for i = 1, 2 do
  local client = L4.default_loader:start({caps = {vbus = list.net}, log = {"client" .. i}}, "rom/busclient dma")
  assert(client:wait() == 0)
end
L4.default_loader:start({caps = {vbus = list.none}, log = {"other"}}, "rom/busclient dma"):wait()
L4.Env.platform:system_shutdown(0)
""")
    console.expect("net: /virtio_mmio@a003e00: reg0 0xa003e00..0xa003fff, irq0 interrupt 79 edge, DMA to physical addresses")
    console.expect("its page of registers is also that of /virtio_mmio@a003c00")
    for client in ("client1", "client2"):
        console.expect(f"{client}: 1 devices, DMA kind 2")
        assert int(console.expect(rf"{client}: devices reach memory at 0x([0-9a-f]+)[\r\n]").group(1), 16) >= 0x40000000
        console.expect(f"{client}: DMA is as it should be")
    console.expect("other: DMA is as it should be")
    assert console.expect_end() == 0
    assert "still in use" not in console.text()
