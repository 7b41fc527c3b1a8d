"""Guests that cannot start: broken kernels, RAM disks and device trees, too little memory. One sentence, and others go on."""
import gzip

import pytest

from conftest import guest_files

SCRIPT = """-- Starts a VM that cannot run, then sees that the rest does.
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, {mib} * 1024 * 1024)
local task = L4.default_loader:start({{caps = {{ram = ram:m("rw")}}}}, "rom/uvmm {options}")
print("ended with", task:wait())
print("ned goes on")
"""


def file(name):
    with open(guest_files()[name], "rb") as f:
        return f.read()


def check_refused(console, sentence):
    console.expect("uvmm: .*" + sentence)
    console.expect(r"ended with\s+1\b")
    console.expect("ned goes on")


def image():
    return file("Image")


@pytest.mark.parametrize("kernel, sentence", [
    (lambda: b"", "the kernel rom/bad is empty"),
    (lambda: b"\0" * 5000, "the kernel rom/bad is not bootable"),
    (lambda: b"garbage! " * 700, "the kernel rom/bad is not bootable"),
    (lambda: image()[:70000], "rom/bad is truncated: the kernel has"),
    (lambda: image()[:40], "the kernel rom/bad is not bootable"),
    (lambda: gzip.compress(image()[:1 << 20])[:-9], "rom/bad is (truncated|damaged)"),
    (lambda: gzip.compress(b"text in here " * 100), "rom/bad is gzip-compressed, but inside is"),
    (lambda: file("initrd"), "the kernel rom/bad is not bootable: it looks like a cpio archive"),
    (lambda: b"\x7fELF\2\1\1" + b"\0" * 20, "rom/bad is truncated: an ELF header"),
], ids=["empty", "zeros", "garbage", "truncated Image", "half a header", "truncated gzip", "gzip of text", "a RAM disk",
        "truncated ELF"])
def test_a_kernel_that_is_none_is_refused_with_what_it_looks_like(machine, kernel, sentence):
    console = machine(SCRIPT.format(mib=60, options="-k rom/bad"), {"bad": kernel()})
    check_refused(console, sentence)


@pytest.mark.parametrize("tree, sentence", [
    (b"", "the device tree rom/bad.dtb is empty"),
    (b"\0" * 200, "rom/bad.dtb"),
    (b"garbage! " * 50, "rom/bad.dtb"),
    (b"\xd0\x0d\xfe\xed" + (4000).to_bytes(4, "big") + b"\0" * 100, "rom/bad.dtb is truncated"),
], ids=["empty", "zeros", "garbage", "truncated"])
def test_a_device_tree_that_is_none_is_refused(machine, tree, sentence):
    console = machine(SCRIPT.format(mib=60, options="-d rom/bad.dtb"), {**guest_files(), "bad.dtb": tree})
    check_refused(console, sentence)


def test_an_empty_ram_disk_is_refused(machine):
    console = machine(SCRIPT.format(mib=60, options="-r rom/bad"), {**guest_files(), "bad": b""})
    check_refused(console, "the ramdisk rom/bad is empty")


def test_a_ram_disk_that_is_none_boots_to_what_the_kernel_says(machine):
    console = machine(SCRIPT.format(mib=96, options="-r rom/bad"), {**guest_files(), "bad": b"no archive " * 1000})
    console.expect("(Initramfs unpacking failed|Unable to mount root fs)", timeout=120)


@pytest.mark.parametrize("mib, sentence", [(16, "give the VM at least"), (33, "give the VM at least")])
def test_too_little_memory_says_how_much_more(machine, mib, sentence):
    console = machine(SCRIPT.format(mib=mib, options="-k rom/Image"), guest_files())
    check_refused(console, sentence)


def test_more_memory_than_the_machine_has_is_an_error_of_the_script(machine):
    console = machine(SCRIPT.format(mib=4096, options=""), guest_files(), mem="512M")
    console.expect(r"ned: error: rom/test.lua:2: .*MiB")


@pytest.mark.parametrize("options, sentence", [
    ("-k rom/none", "rom/none"), ("-d rom/none.dtb", "rom/none.dtb"), ("-r rom/none", "rom/none"),
    ("--kernal rom/Image", "kernal"), ("-b 0x123", "not page aligned"), ("-f explode", "explode"),
])
def test_a_wrong_option_or_missing_file_is_named(machine, options, sentence):
    console = machine(SCRIPT.format(mib=60, options=options), guest_files())
    check_refused(console, sentence)


def test_a_machine_with_too_little_memory_for_the_script_says_how_much_there_is(machine):
    console = machine(SCRIPT.format(mib=100, options=""), mem="64M")
    console.expect(r"ned: error: rom/test.lua:2: .*100 MiB.*left")


def test_a_guest_with_a_good_neighbour_that_is_broken_does_not_notice(machine):
    console = machine("""-- One VM that cannot start, one that can.
local vmm = require "vmm"
pcall(vmm.start_vm, {id = "broken", mem = 60, kernel = "rom/bad"})
vmm.start_vm{id = "good", mem = 96}
""", {**guest_files(), "bad": b"garbage! " * 700})
    console.expect("the kernel rom/bad is not bootable")
    console.expect("guest# ", timeout=180)
