"""Devices of the machine in guests: at their own address and at another one, for two VMs, over restarts, and while io dies."""
import os
import re
import subprocess
import time

from conftest import SHARED, bare_guest, guest_files

TREES = {name: os.path.join(SHARED, "guest", name) for name in ("machine.dtb", "clock-elsewhere.dtb", "gpio.dtb")}
START = """
local vmm = require "vmm"
local busses = %s
local io = vmm.start_io(busses)
local function start(id, bus, options)
  local all = {id = id, mem = 16, ram_base = 0x40000000, fdt = "rom/machine.dtb", vbus = bus}
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  return vmm.start_vm(all)
end
"""
OFF = "L4.Env.platform:system_shutdown(0)\n"
# Nodes for a guest whose bus has clock and GPIO controller.
ODD_NODES = """/dts-v1/; /plugin/;
&{/} {
	nic@a100000 {
		compatible = "acme,nic";
		reg = <0x0 0x0a100000 0x0 0x1000>;
		interrupts = <0 2 1>, <0 60 4>;
	};
	forced@c000000 {
		compatible = "acme,forced";
		reg = <0x0 0x0c000000 0x0 0x1000>;
		l4vmm,force-enable;
	};
};
"""


def bare(machine, script):
    return machine(START % '{clock = {"/pl031@9010000"}, gpio = {"arm,pl061"}}' + script + OFF, {"Image": bare_guest("passed"), **TREES})


def guest_lines(text, name):
    """What the guest of that name said; cons puts the name before its lines."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return re.findall(rf"^{name}: passed: (.*)$", plain, re.MULTILINE)


def clock(lines):
    """Address, interrupt and time that the guest saw."""
    found = [re.match(r"clock at (\S+), id 0x31, interrupt (\d+), time (\d+)$", line) for line in lines]
    return [(match[1], match[2], int(match[3])) for match in found if match][0]


def test_two_vms_have_a_device_each_and_it_works_where_their_trees_have_it(machine):
    console = bare(machine, """
L4.start_cons{}
start("same", busses.clock):wait()
start("moved", busses.clock, {fdt = {"rom/machine.dtb", "rom/clock-elsewhere.dtb"}}):wait()
local both = {start("one", busses.clock, {fdt = {"rom/machine.dtb", "rom/gpio.dtb"}}),
              start("two", busses.gpio, {fdt = {"rom/machine.dtb", "rom/gpio.dtb"}})}
both[1]:wait()
both[2]:wait()
""")
    assert console.expect_end() == 0
    text = console.text()
    assert re.search(r"same: uvmm: 0009010000-0009010fff +4 KiB  passed through, /pl031@9010000\n", text)
    assert re.search(r"moved: uvmm: 000b000000-000b000fff +4 KiB  passed through, /rtc@b000000, at 0x9010000\n", text)
    assert re.search(r"two: uvmm: 0009030000-0009030fff +4 KiB  passed through, /pl061@9030000\n", text)
    # What is not on the bus is uvmm's own.
    assert not re.search(r"one: uvmm: .*passed through, /pl061|two: uvmm: .*passed through, /pl031|disabled: ", text)
    for name, address, interrupt in ("same", "0x9010000", "34"), ("moved", "0xb000000", "72"), ("one", "0x9010000", "34"):
        lines = guest_lines(text, name)
        assert clock(lines)[:2] == (address, interrupt)
        assert abs(clock(lines)[2] - time.time()) < 86400
        assert "the alarm came" in lines
    for name in "one", "two":
        assert "gpio at 0x9030000, id 0x61, directions 0xa5" in guest_lines(text, name)
    # Its clock is uvmm's, which starts at 1970.
    assert clock(guest_lines(text, "two"))[2] < 86400


def test_a_restarted_vm_has_its_device_again_as_it_was_and_vms_go_on_while_io_dies(machine):
    console = bare(machine, """
start("twice", busses.clock, {bootargs = "do=restart", restart = {on = {"reset"}, max = 1}}):wait()
local vm = start("long", busses.clock, {bootargs = "do=alarms"})
L4.sleep(3)
io:restart()
vm:wait()
start("after", busses.clock):wait()
""")
    console.expect_in_order("passed: first life", "passed: second life", "passed: the old alarm came", "passed: the new alarm came")
    console.expect_in_order("passed: alarms", "passed: 8 alarms came", "passed: the alarm came")
    assert console.expect_end() == 0
    assert "did not come" not in console.text() and "warning" not in console.text()


def test_a_vm_says_what_is_wrong_with_its_bus_and_that_io_is_back(machine):
    console = bare(machine, """
local first = start("first", busses.clock, {bootargs = "do=hold"})
start("second", busses.clock):wait()
first:stop()
start("third", L4.default_loader:new_channel():m("rw")):wait()
start("fourth", busses.clock):wait()
start("fifth", busses.clock, {bootargs = "do=hold", ext_args = {"-D", "dev=info"}})
while true do
  L4.sleep(2)
  io:restart()
end
""")
    console.expect("passed: holding")
    console.expect('second: error: the capability "vbus": its bus has another client; give each VM a bus of its own')
    console.expect(r'third: error: the capability "vbus": nobody serves it \(.*\); look for errors of io')
    console.expect("passed: the alarm came")
    console.expect("fifth: io came back, and takes this VM as the client of its bus again")


def compile_tree(path, source):
    subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", path], input=source.encode(), check=True)
    return str(path)


def test_devices_that_share_a_page_go_together(machine, tmp_path):
    def node(address, line, rest=""):
        return (f"virtio_mmio@{address:x} {{ compatible = \"virtio,mmio\"; reg = <0 {address:#x} 0 0x200>;"
                f" interrupts = <0 {line} 1>; {rest} }};\n")
    nodes = (node(0xa000000, 16) + node(0xa000200, 17) + node(0xb000400, 60, 'l4vmm,vbus-dev = "virtio_mmio@a000400";')
             + node(0xb001400, 61, 'l4vmm,vbus-dev = "virtio_mmio@a000600";') + node(0xa001000, 24))
    tree = compile_tree(tmp_path / "page.dtb", "/dts-v1/; /plugin/; &{/} {" + nodes + "};")
    console = machine(START % '{page = {"/virtio_mmio@a000*", unsafe_dma = true}}' + """
start("vm", busses.page, {fdt = {"rom/machine.dtb", "rom/page.dtb"}}):wait()
""" + OFF, {"Image": bare_guest("passed"), **TREES, "page.dtb": tree})
    assert console.expect_end() == 0
    text = console.text()
    assert sorted(re.findall(r"passed: transport at (\S+), magic 0x74726976\n", text)) == ["0xa000000", "0xa000200", "0xb000400"]
    assert "vm: disabled: /virtio_mmio@b001400: reg entry 0, at 0xb001400, must be at 0x600 in its page, where reg0 of /virtio_mmio@a000600 is" in text
    assert "vm: disabled: /virtio_mmio@a001000: reg entry 0, 0xa001000-0xa0011ff, is not on the bus, whose /virtio_mmio@a000000 has" in text


def test_debian_uses_devices_that_are_passed_through_and_what_is_missing_is_told(machine, tmp_path):
    console = machine(START % '{all = {"/pl031@9010000", "/pl061@9030000"}}' + """
start("linux", busses.all, {mem = 96, vcpus = 1, fdt = {"rom/machine.dtb", "rom/clock-elsewhere.dtb", "rom/gpio.dtb", "rom/odd.dtb"}})
""", {**guest_files(), **TREES, "odd.dtb": compile_tree(tmp_path / "odd.dtb", ODD_NODES)})
    console.expect("guest# ", timeout=180)
    text = console.text()
    assert "linux: disabled: /nic@a100000: reg entry 0, 0xa100000-0xa100fff, is on no device of the bus; interrupt 0 of the node, 34, is edge " \
           "there and level on the bus, as irq0 of /pl031@9010000; interrupt 1 of the node, 92, is no line of the bus\n" in text
    assert text.index("linux: disabled: ") > text.rindex("linux: 00")  # below the memory map
    assert "linux: warning: /forced@c000000 stays enabled, as it says l4vmm,force-enable, but reg entry 0" in text
    answer = console.command_output
    assert answer("cat /sys/class/rtc/rtc0/name").startswith("rtc-pl031 b000000.rtc")
    assert abs(int(answer("cat /sys/class/rtc/rtc0/since_epoch")) - time.time()) < 86400
    assert "9030000.pl061" in answer("cat /sys/class/gpio/gpiochip*/label")
    assert "disabled" in answer("cat /proc/device-tree/nic@a100000/status")
    assert "cannot" not in answer("ls /proc/device-tree/forced@c000000/reg || echo cannot")
    answer("echo +2 > /sys/class/rtc/rtc0/wakealarm")
    answer("until grep -q '[1-9] *GICv3 .*rtc-pl031' /proc/interrupts; do sleep 1; done", timeout=120)
    assert re.search(r"[1-9]\d* +GICv3 +72 Level +rtc-pl031", answer("grep rtc /proc/interrupts"))
    assert re.search(r"0b000000-0b000fff : rtc@b000000\n", answer("cat /proc/iomem"))
