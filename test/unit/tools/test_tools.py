"""Tests of tools/: archives, checks that must fail when they should, and sums."""
import os
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def run(*command, cwd=TOP, **more):
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


def tool(name, *arguments, **more):
    return run(os.path.join(TOP, "tools", name), *arguments, **more)


def newc_entries(data):
    """Read an archive field by field: name, mode, mtime, content. [CPIO newc]"""
    at, entries = 0, []
    while True:
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + 110 + field[11]
        assert data[name_end - 1] == 0
        name = data[at + 110:name_end - 1].rstrip(b"\0").decode()
        content_at = (name_end + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries.append((name, field[1], field[5], data[content_at:content_at + field[6]]))
        at = (content_at + field[6] + 3) & ~3


def test_mkrom_writes_what_it_was_given_in_that_order(tmp_path):
    (tmp_path / "b").write_bytes(b"12345")
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "a").chmod(0o755)
    out = tmp_path / "rom"
    assert tool("mkrom", str(out), f"ned={tmp_path}/b", "bin/", "bin/sh@busybox", f"x={tmp_path}/a").returncode == 0
    assert newc_entries(out.read_bytes()) == [("ned", 0o100644, 0, b"12345"), ("bin", 0o40755, 0, b""),
                                              ("bin/sh", 0o120777, 0, b"busybox"), ("x", 0o100755, 0, b"")]


def test_mkrom_lets_programs_begin_at_a_page(tmp_path):
    (tmp_path / "text").write_bytes(b"12345")
    programs = [b"\x7fELF" + bytes([i]) * 5000 for i in (1, 2)]
    for i, content in enumerate(programs):
        (tmp_path / f"p{i}").write_bytes(content)
    out = tmp_path / "rom"
    entries = [f"t={tmp_path}/text", f"p0={tmp_path}/p0", f"p1={tmp_path}/p1", f"t2={tmp_path}/text"]
    assert tool("mkrom", str(out), *entries).returncode == 0
    data = out.read_bytes()
    assert [entry[3] for entry in newc_entries(data)] == [b"12345", *programs, b"12345"]
    assert [data.index(content) % 4096 for content in programs] == [0, 0]
    assert tool("mkrom", "--compact", str(out), *entries).returncode == 0
    assert newc_entries(out.read_bytes()) == newc_entries(data) and out.stat().st_size < 11000


def test_mkrom_gives_the_same_bytes_for_the_same_input_at_another_time(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"x" * 7)
    tool("mkrom", str(tmp_path / "1"), f"f={file}")
    os.utime(file, (1, 1))
    tool("mkrom", str(tmp_path / "2"), f"f={file}")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize("entry, complaint", [
    ("f=/there/is/none", "No such file"), ("nothing", "is none of"), ("=README", "README"),
])
def test_mkrom_says_what_is_wrong_with_an_entry(tmp_path, entry, complaint):
    done = tool("mkrom", str(tmp_path / "rom"), entry)
    assert done.returncode != 0 and complaint in done.stdout and "Traceback" not in done.stdout


def test_mkrom_refuses_a_name_given_twice(tmp_path):
    done = tool("mkrom", str(tmp_path / "rom"), "a/", "a@b")
    assert done.returncode != 0 and "'a'" in done.stdout


@pytest.fixture(name="tree")
def _tree(tmp_path):
    """A small tree of its own with the tools, for checks that must fail."""
    shutil.copytree(os.path.join(TOP, "tools"), tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/specs.md").write_text("| tag |\n|---|\n| ARM | x |\n| CPIO | x |\n| LINUX-BOOT | x |\n")
    run("git", "init", "-q", ".", cwd=tmp_path)

    def put(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return tmp_path
    return put


@pytest.mark.parametrize("path, include", [
    ("hv/core/a.c", '"arch/aarch64/sysreg.h"'), ("hv/core/a.c", '"call/call.h"'),
    ("user/uvmm/model/a.c", "<l4/rt.h>"), ("user/uvmm/guest/a.h", '"host/run.h"'),
    ("user/uvmm/cpu/a.c", "<l4/syscall.h>"), ("user/ned/a.c", '"core/space.h"'), ("lib/a.c", '"guest/mem.h"'),
])
def test_check_layers_refuses_an_include_that_reaches_too_far(tree, path, include):
    top = tree(path, f"/* A file. */\n#include {include}\n")
    done = run("tools/check-layers", cwd=top)
    assert done.returncode != 0 and path in done.stdout


def test_check_layers_accepts_what_is_allowed(tree):
    tree("hv/core/a.c", '/* A file. */\n#include "arch.h"\n#include "arch_lr.h"\n#include <l4/abi.h>\n')
    top = tree("user/uvmm/host/a.c", '/* A file. */\n#include "model/bus.h"\n#include <l4/rt.h>\n')
    done = run("tools/check-layers", cwd=top)
    assert done.returncode == 0, done.stdout


def test_check_specs_finds_a_tag_that_has_no_document(tree):
    top = tree("hv/core/a.c", "/* A file. [ARM HCR_EL2] [GIK GICD_CTLR] */\nint a[SIZE];\n")
    done = run("tools/check-specs", cwd=top)
    assert done.returncode != 0 and "a.c:1: [GIK]" in done.stdout and "SIZE" not in done.stdout


def test_check_first_lines_wants_a_sentence_first(tree):
    tree("lib/good.c", "/* Something. */\n")
    top = tree("lib/bad.c", "#include <a.h>\n")
    done = run("tools/check-first-lines", cwd=top)
    assert done.returncode != 0 and "lib/bad.c" in done.stdout and "good" not in done.stdout


def test_results_of_units_and_steps_are_summed_and_a_failure_shows_in_the_exit_code(tree):
    top = tree("tap", "#!/bin/sh\necho ok 1 - a\necho not ok 2 - b\necho ok 3 - c\nexit 1\n")
    tree("dies", "#!/bin/sh\necho ok 1 - a\nkill -SEGV $$\n")
    for name in ("tap", "dies"):
        (top / name).chmod(0o755)
    run("tools/run-units", "unit-x", "tap", "dies", "was-never-built", cwd=top)
    run("tools/step", "check-good", "true", cwd=top)
    done = run("tools/sum-results", "unit", "check", cwd=top)
    assert done.stdout == "4 passed, 3 failed\n" and done.returncode != 0
    assert run("tools/sum-results", "check", cwd=top).returncode == 0
    assert run("tools/sum-results", "nothing", cwd=top).returncode != 0


def test_backtrace_puts_a_name_to_an_address(tmp_path):
    source = tmp_path / "hv.c"
    source.write_text("int reaches_for_the_moon(void)\n{\n\treturn 1;\n}\n")
    done = run("aarch64-linux-gnu-gcc", "-g", "-nostdlib", "-static", "-Wl,-Ttext=0x400000", "-Wl,-e,0", "-o",
               str(tmp_path / "hv.elf"), str(source))
    assert done.returncode == 0, done.stdout
    done = tool("backtrace", str(tmp_path), input="\x1b[31mhv:\x1b[0m backtrace: 0x400000 0x12345678\nnothing here 0x400000\n")
    assert done.stdout.count("reaches_for_the_moon") == 1 and "hv.c:3" in done.stdout


def test_kallsyms_elf_makes_symbols_that_binutils_read(tmp_path):
    text = tmp_path / "kallsyms"
    text.write_text("guest# cat /proc/kallsyms\r\nffff800008010000 T _text\r\nffff800008010000 t $x\nffff800008010100 t bar\t[mod]\n"
                    "ffff800009000000 D jiffies\n0000000000000000 T hidden\nnoise\n")
    out = tmp_path / "symbols"
    assert "3 symbols" in tool("kallsyms-elf", str(text), str(out)).stdout
    names = run("aarch64-linux-gnu-nm", "-S", "-n", str(out)).stdout.splitlines()
    assert names == ["ffff800008010000 0000000000000100 T _text", "ffff800008010100 0000000000100000 t bar",
                     "ffff800009000000 0000000000001000 B jiffies"]
    text.write_text("0000000000000000 T _text\n")
    run_of_zeros = tool("kallsyms-elf", str(text), str(out))
    assert run_of_zeros.returncode and "read by root" in run_of_zeros.stdout
