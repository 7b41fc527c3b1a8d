"""Every example boots to the guest's shell, or to what it is about, and so do VMs with the examples' device trees."""
import glob
import gzip
import os
import re

import pytest

from conftest import SHARED, TOP, guest_files

# The last one has a test of its own below.
EXAMPLES = sorted({os.path.basename(path) for path in glob.glob(os.path.join(TOP, "examples", "*.lua"))} - {"pfc.lua"})


# What those say that are about memory, before their guest starts: test_memory.py boots Linux with their trees.
FIRST_LINES = {
    "memory-nodes.lua": ["0040000000-0043ffffff +64 MiB  RAM, capability lowram", "0048000000-0048ffffff +16 MiB  RAM, capability lowram",
                         "0100000000-0101ffffff +32 MiB  RAM, capability highram"],
    "physmap.lua": [r"00(\w{8})-\w+ .*RAM, capability physram, DMA address 0x\1\b"],
    "physmap-or-reg.lua": [r"0080000000-00847fffff +72 MiB  RAM, capability physram\s"],
    # The same bus as passthrough.lua, which goes on to the shell.
    "buses-in-a-file.lua": ["board: /pl031@9010000: reg0", "board: /pl061@9030000: reg0", r"passed through, /pl061@9030000"],
    "dma-ranges.lua": [r"0020000000-\w+ .*RAM, capability dmaram, DMA address 0x\w+"],
}


def trees():
    """And files for io."""
    paths = glob.glob(os.path.join(SHARED, "guest", "*.dtb")) + glob.glob(os.path.join(TOP, "examples", "*.vbus"))
    return {os.path.basename(path): path for path in paths}


def devices(name):
    """What the example's machine has, as `make run` reads it."""
    with open(os.path.join(TOP, "examples", name), encoding="utf-8") as script:
        words = re.findall(r"^-- QEMU: (.*)$", script.read(), re.M)
    return " ".join(words).replace("=build/guest/", f"={SHARED}/guest/").split()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_boots_to_a_shell(machine, name):
    console = machine(files={**guest_files(), "pci-initrd": os.path.join(SHARED, "guest", "pci-initrd.cpio"), **trees(),
                             name: os.path.join(TOP, "examples", name)}, append="rom/" + name, extra=devices(name))
    for line in FIRST_LINES.get(name, ["guest# "]):
        console.expect(line, timeout=180)
    if name == "machine-power.lua":
        # The second guest is asked by its key: until its driver is there it refuses. What wakes the machine is the key typed.
        console.send_line("until echo mem > /sys/power/state; do sleep 1; done; echo slept: $?")
        console.expect("hv: the machine sleeps", timeout=400, silence=200)
        console.send("\r")
        console.expect_in_order("slept: 0", "guest# ")
        console.send_line("poweroff -f")
        console.expect("shutdown: the machine is turned off", timeout=180, silence=120)
        assert console.expect_end() == 0
    if name == "disk.lua":
        # A cpio archive [newc].
        assert "070701" in console.command_output("while [ ! -e /dev/nvme0n1 ]; do sleep 1; done; head -c 6 /dev/nvme0n1")


def test_the_example_of_a_power_manager_hears_of_sleep_and_end(machine):
    console = machine(files={**guest_files(), "pfc.lua": os.path.join(TOP, "examples", "pfc.lua")}, append="rom/pfc.lua")
    console.expect("guest# ", timeout=180)
    alarm = "/sys/class/rtc/rtc0/wakealarm"
    # One that goes off before the kernel is asleep refuses the suspend, as it should; then once more.
    for _ in range(10):
        console.command_output(f"echo 0 > {alarm}; echo +10 > {alarm}; echo mem > /sys/power/state", timeout=180)
        if "ned: linux sleeps, for the 1. time" in console.text():
            break
    else:
        pytest.fail("no suspend in ten attempts\n" + console.tail())
    console.send_line("reboot -f")
    console.expect_in_order("ned: linux restarts", "ned: linux: restart 1 of 5", "guest# ", timeout=180)
    console.send_line("poweroff -f")
    console.expect_in_order("ned: linux powers off", "linux ended: the guest turned it off")


@pytest.mark.parametrize("options, command, answer", [
    ("-d rom/machine.dtb -b 0x40000000", "cat /proc/device-tree/model", "Uvmm virtual machine"),
    ("-d rom/machine.dtb -d rom/second-uart.dtb -b 0x40000000", "ls /dev/ttyAMA*", "/dev/ttyAMA0"),
    ("-d rom/machine.dtb -d rom/reserved-memory.dtb -b 0x40000000", "ls /proc/device-tree/reserved-memory", "@"),
    ("-d rom/machine.dtb:limit=0x44000000 -b 0x40000000", "ls -d /proc/device-tree/chosen", "chosen"),
    ("-c guest.run=unused", "cat /proc/cmdline", "guest.run=unused"),
    ("-k rom/Image.gz", "uname -m", "aarch64"),
], ids=["machine", "second UART", "reserved memory", "limit", "command line", "gzip"])
def test_a_vm_with_options_boots_to_a_shell(machine, tmp_path, options, command, answer):
    files = {**guest_files(), **trees()}
    if "Image.gz" in options:
        packed = tmp_path / "Image.gz"
        with open(files["Image"], "rb") as image:
            packed.write_bytes(gzip.compress(image.read(), 1))
        files["Image.gz"] = str(packed)
    console = machine('local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 96 * 1024 * 1024)\n'
                      f'L4.default_loader:start({{caps = {{ram = ram:m("rw")}}}}, "rom/uvmm {options}")\n', files)
    console.expect("guest# ", timeout=180)
    assert answer in console.command_output(command)
