#!/usr/bin/python3
"""Writes the kernels and device trees beside it: one fault each, named for it. Tests expect them; fuzzers start there.

usage: make.py   (the files are committed; run it after changing this list)
"""
import gzip
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FDT_BEGIN, FDT_END_NODE, FDT_PROP, FDT_END = 1, 2, 3, 9


def image(text_offset=0, image_size=0x10000, flags=0xA, body=b"\x1f\x20\x03\xd5" * 16, pe=None):
    """An arm64 Image: the header, an optional PE header that promises `pe` bytes of file, and nops."""
    code0 = 0x91005A4D if pe is not None else 0x14000010
    head = struct.pack("<IIQQQQQQ4sI", code0, 0x14000010, text_offset, image_size, flags, 0, 0, 0, b"ARM\x64",
                       64 if pe is not None else 0)
    if pe is None:
        return head + body
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0xAA64, 1, 0, 0, 0, 0, 0)
    section = b".text\0\0\0" + struct.pack("<IIII", image_size, 0x40, pe - 0x40, 0x40) + bytes(16)
    return head + coff + section + body


def elf(segments=((0x40000000, 16, 32),), entry=0x40000000, machine=183, kind=2, bits=2, order=1, phentsize=56, phnum=None):
    """An ELF file; a segment is (physical address, file size, memory size), its virtual address the same."""
    count = len(segments) if phnum is None else phnum
    head = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, phentsize, count, 0, 0, 0)
    offset = 64 + 56 * len(segments)
    table = body = b""
    for address, file_size, mem_size in segments:
        table += struct.pack("<IIQQQQQQ", 1, 5, offset + len(body), address, address, file_size, mem_size, 4)
        body += b"\x55" * min(file_size, 64)
    return head + table + body


def node(name, *inside):
    text = name.encode() + b"\0"
    return struct.pack(">I", FDT_BEGIN) + text + bytes(-len(text) % 4) + b"".join(inside) + struct.pack(">I", FDT_END_NODE)


def dtb(structure, strings=b"", **header):
    structure += struct.pack(">I", FDT_END)
    reserve = bytes(16)
    at_struct = 40 + len(reserve)
    at_strings = at_struct + len(structure)
    total = at_strings + len(strings)
    field = {"magic": 0xD00DFEED, "total": total, "struct": at_struct, "strings": at_strings, "reserve": 40, "version": 17,
             "compatible": 16, "cpu": 0, "strings_size": len(strings), "struct_size": len(structure)}
    field.update(header)
    return struct.pack(">10I", *field.values()) + reserve + structure + strings


def deep(levels):
    inner = b""
    for level in range(levels):
        inner = node(f"n{level}", inner)
    return node("", inner)


def patch(data, offset, new):
    return data[:offset] + new + data[offset + len(new):]


# Larger than what is inflated to look at the header.
LARGE_GZIP = gzip.compress(image(image_size=0x40000, body=bytes(0x30000)), mtime=0)
GOOD_GZIP = gzip.compress(image(body=bytes(range(256)) * 8), mtime=0)

FILES = {
    "good-image.bin": image(),
    "good-image-text-offset.bin": image(text_offset=0x80000),
    "good-image-pe.bin": image(pe=64 + 24 + 40 + 64),
    "good-image.gz": GOOD_GZIP,
    "good-elf.bin": elf(),
    "kernel-empty.bin": b"",
    "kernel-bzimage.bin": b"MZ" + bytes(0x1FC) + b"\x55\xaa\xeb\x6aHdrS" + bytes(64),
    "kernel-pe.bin": b"MZ" + bytes(126),
    "kernel-zboot.bin": b"MZ\0\0zimg" + bytes(120),
    "kernel-zimage32.bin": bytes(0x24) + b"\x18\x28\x6f\x01" + bytes(64),
    "kernel-riscv.bin": bytes(56) + b"RSC\x05" + bytes(8),
    "kernel-uimage.bin": b"\x27\x05\x19\x56" + bytes(60),
    "kernel-xz.bin": b"\xfd7zXZ\0" + bytes(32),
    "kernel-zstd.bin": b"\x28\xb5\x2f\xfd" + bytes(32),
    "kernel-lz4.bin": b"\x02\x21\x4c\x18" + bytes(32),
    "kernel-cpio.bin": b"070701" + b"0" * 104,
    "kernel-dtb.bin": dtb(node("")),
    "kernel-text.bin": b"this is no kernel\n",
    "kernel-zeros.bin": bytes(128),
    "kernel-garbage.bin": bytes((i * 151 + 7) % 256 for i in range(128)),
    "image-one-byte-short.bin": image(body=b"")[:63],
    "image-big-endian.bin": image(flags=1),
    "image-size-0.bin": image(image_size=0),
    "image-size-huge.bin": image(image_size=0xFFFFFFFFFFFF0000),
    "image-text-offset.bin": image(text_offset=0x123456789000),
    "image-truncated.bin": image(pe=0x8000),
    "gzip-of-text.gz": gzip.compress(b"hello\n", mtime=0),
    "gzip-of-elf.gz": gzip.compress(elf(), mtime=0),
    "gzip-of-nothing.gz": gzip.compress(b"", mtime=0),
    "gzip-header-only.gz": GOOD_GZIP[:10],
    "gzip-truncated.gz": GOOD_GZIP[:60],
    "gzip-bad-crc.gz": patch(GOOD_GZIP, len(GOOD_GZIP) - 8, b"\0\0\0\0"),
    "gzip-bad-data.gz": patch(GOOD_GZIP, 10, b"\xff\xff\xff\xff"),
    "gzip-more-behind.gz": GOOD_GZIP + struct.pack("<I", 2112) * 2,
    "gzip-wrong-size.gz": patch(GOOD_GZIP, len(GOOD_GZIP) - 4, struct.pack("<I", 2111)),
    "gzip-size-too-small.gz": patch(LARGE_GZIP, len(LARGE_GZIP) - 4, struct.pack("<I", 100)),
    "gzip-size-too-large.gz": patch(LARGE_GZIP, len(LARGE_GZIP) - 4, struct.pack("<I", 0xF0000000)),
    "elf-header-short.bin": elf()[:40],
    "elf-32-bit.bin": elf(bits=1, machine=40),
    "elf-x86.bin": elf(machine=62),
    "elf-big-endian.bin": elf(order=2),
    "elf-object.bin": elf(kind=1),
    "elf-phentsize.bin": elf(phentsize=32),
    "elf-headers-behind-end.bin": elf(phnum=100),
    "elf-segment-behind-end.bin": elf(segments=((0x40000000, 0x1000, 0x1000),)),
    "elf-file-above-memory.bin": elf(segments=((0x40000000, 32, 16),)),
    "elf-wraps.bin": elf(segments=((0xFFFFFFFFFFFFF000, 16, 0x2000),)),
    "elf-overlap.bin": elf(segments=((0x40000000, 16, 0x2000), (0x40001000, 16, 16))),
    "elf-nothing-to-load.bin": elf(segments=()),
    "elf-entry-outside.bin": elf(entry=0x1234),
    "elf-many-segments.bin": elf(segments=[(0x40000000 + i * 0x1000, 1, 1) for i in range(40)]),
    "good.dtb": dtb(node("", node("chosen"))),
    "dtb-empty.dtb": b"",
    "dtb-four-bytes.dtb": b"\xd0\x0d\xfe\xed",
    "dtb-wrong-magic.dtb": dtb(node(""), magic=0xD00DFEEE),
    "dtb-truncated.dtb": dtb(node("", node("chosen")))[:-8],
    "dtb-version-9.dtb": dtb(node(""), version=99, compatible=99),
    "dtb-struct-outside.dtb": dtb(node(""), struct=0x7FFFFFF0),
    "dtb-strings-outside.dtb": dtb(node(""), strings_size=0x7FFFFFF0),
    "dtb-root-not-closed.dtb": dtb(struct.pack(">II", FDT_BEGIN, 0)),
    "dtb-two-roots.dtb": dtb(node("") + node("")),
    "dtb-root-named.dtb": dtb(node("tree")),
    "dtb-property-behind-end.dtb": dtb(struct.pack(">II", FDT_BEGIN, 0) + struct.pack(">III", FDT_PROP, 0xFFFFFF, 0)),
    "dtb-property-no-name.dtb": dtb(node("", struct.pack(">III", FDT_PROP, 0, 0x5000))),
    "dtb-unknown-tag.dtb": dtb(node("", struct.pack(">I", 77))),
    "dtb-deep.dtb": dtb(deep(40)),
}


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    for name, data in FILES.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
