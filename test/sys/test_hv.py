"""The hypervisor by itself: its banner, and what it says about a ROM that is none."""
import os

import pytest

from conftest import BUILD, make_rom


def test_the_banner_names_version_machine_cpus_and_memory(machine):
    console = machine(rom=b"", cpu="cortex-a53", cpus=2, mem="1G")
    console.expect(r"hv: Uvmm \S+ on .*: 2 CPUs \(arm,cortex-a53\), 1024 MiB of memory, \d+ MiB free")


def good_rom(tmp_path, **files):
    path = str(tmp_path / "good.cpio")
    make_rom(path, files)
    with open(path, "rb") as f:
        return f.read()


@pytest.mark.parametrize("rom, sentence", [
    (b"", "there is no ROM: pass a cpio archive as the initial RAM disk"),
    (b"\0" * 4096, "no cpio archive of the newc format"),
    (b"\x7fELF" + b"garbage " * 1000, "no cpio archive of the newc format"),
], ids=["none", "zeros", "garbage"])
def test_a_rom_that_is_no_archive_gets_one_sentence(machine, rom, sentence):
    console = machine(rom=rom)
    console.expect(sentence)


def test_a_rom_that_is_cut_off_gets_one_sentence(machine, tmp_path):
    rom = good_rom(tmp_path, other=b"x" * 5000, ned=os.path.join(BUILD, "ned"))
    console = machine(rom=rom[:40000])
    console.expect("or it is cut off")


def test_a_rom_without_ned_names_it(machine, tmp_path):
    console = machine(rom=good_rom(tmp_path, other=b"hello"))
    console.expect("the ROM holds no program 'ned'")


@pytest.mark.parametrize("ned", [b"", b"hello", b"\x7fELF\2\1\1" + b"\0" * 200], ids=["empty", "text", "header only"])
def test_a_ned_that_is_no_program_gets_one_sentence(machine, tmp_path, ned):
    console = machine(rom=good_rom(tmp_path, ned=ned))
    console.expect("the program 'ned' in the ROM is no AArch64 ELF program")
