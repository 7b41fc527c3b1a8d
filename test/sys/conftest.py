"""The harness of the system tests: a machine in QEMU with a ROM made for the test, and its serial console."""
import os
import re
import struct
import subprocess
import sys
import time

import pexpect
import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("UVMM_BUILD", os.path.join(TOP, "build"))
SHARED = os.path.join(TOP, "build")  # what all presets share: guests, Debian's files
# Emulation on a busy machine of two cores: generous limits, which only a failing test reaches.
TIME_LIMIT = 60
SILENCE_LIMIT = 40
# Where the test firmware looks for the hypervisor and the tree, and is told so.
HV_AT, TREE_AT, WORDS_AT = 0x40200000, 0x47e00000, 0x40100000
LOSES_SMMU, LOSES_LINES, REFUSES, KEEPS_CPUS, TIMER_STOPS = 1, 2, 4, 8, 16  # how it is; the last one only the tree says
# After one of these nothing good comes any more: a test that waits for something else need not wait.
# cons may tear Linux' "pid_max: default: 32768", and goes on behind a "~".
FATAL = r"(?:hv: panic|ned:(?:\x1b\[0m)? error:|(?<!~\x1b\[0m )(?<!~ )\bfault: )[^\n]*\n"


class Console:
    """A running QEMU: what it prints can be waited for, what is sent is typed."""

    def __init__(self, command, log_path):
        self.command = command
        self.log_path = log_path
        self.log = open(log_path, "w", encoding="utf-8", errors="replace", newline="")
        self.child = pexpect.spawn(command[0], command[1:], timeout=TIME_LIMIT, encoding="utf-8", codec_errors="replace",
                                   echo=False, dimensions=(24, 200))
        self.child.logfile_read = self.log

    def expect(self, pattern, timeout=TIME_LIMIT, silence=SILENCE_LIMIT):
        """Wait for a regular expression; returns its match. The test fails if it does not come."""
        end, last_heard, heard = time.monotonic() + timeout, time.monotonic(), ""
        while True:
            found = self.child.expect([pattern, FATAL, pexpect.TIMEOUT, pexpect.EOF], timeout=min(2, timeout))
            now = time.monotonic()
            if found != 2 or now > end or now > last_heard + silence:
                break
            if self.child.before != heard:
                last_heard, heard = now, self.child.before
        if found == 1 and re.search(pattern, self.child.match.group()):
            return re.search(pattern, self.child.match.group())
        if found:
            what = ["did not get there", f"printed nothing like that in {timeout} s, or nothing for {silence} s", "ended"][found - 1]
            pytest.fail(f"waited for {pattern!r}; the machine {what}\n{self.tail()}", pytrace=False)
        return self.child.match

    def expect_in_order(self, *patterns, timeout=TIME_LIMIT):
        for pattern in patterns:
            self.expect(pattern, timeout)

    def send(self, text):
        self.child.send(text)

    def send_line(self, text):
        self.child.send(text + "\r")

    def command_output(self, line, prompt="guest# ", timeout=TIME_LIMIT):
        """Type a line at a shell and return what it prints up to the next prompt, without the echo."""
        self.send_line(line)
        self.expect(re.escape(prompt), timeout)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.child.before).replace("\r", "")
        return text.split("\n", 1)[1] if "\n" in text else ""

    def expect_end(self, timeout=TIME_LIMIT):
        """Wait until QEMU ends by itself (the machine was switched off); returns its exit status."""
        if self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=timeout):
            pytest.fail(f"the machine did not switch off in {timeout} s\n{self.tail()}", pytrace=False)
        self.child.close()
        return self.child.exitstatus

    def text(self):
        """Everything printed so far (and read by expect)."""
        self.log.flush()
        with open(self.log_path, encoding="utf-8", errors="replace", newline="") as f:
            return f.read().replace("\r", "")

    def tail(self, lines=40):
        self.log.flush()
        return "--- last lines of the console\n" + "\n".join(self.text().splitlines()[-lines:])

    def close(self):
        self.child.close(force=True)
        self.log.close()


def programs():
    """What the build made for the ROM: everything that has a NAME.elf beside it, but the hypervisor."""
    return {name[:-4]: os.path.join(BUILD, name[:-4]) for name in sorted(os.listdir(BUILD))
            if name.endswith(".elf") and name != "hv.elf" and os.path.exists(os.path.join(BUILD, name[:-4]))}


def make_rom(path, files):
    """Make a ROM of {name: path, or bytes, or text to be put into a file}."""
    entries = []
    for name, content in files.items():
        if isinstance(content, (bytes, str)) and not (isinstance(content, str) and os.path.exists(content)):
            source = os.path.join(os.path.dirname(path), "rom-" + name.replace("/", "_"))
            with open(source, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
            content = source
        entries.append(f"{name}={content}")
    subprocess.run([os.path.join(TOP, "tools", "mkrom"), path, *entries], check=True)


def guest_files():
    """Debian's kernel and the initial RAM disk, under uvmm's default names."""
    return {"Image": os.path.join(SHARED, "debian", "Image"), "initrd": os.path.join(SHARED, "guest", "initrd.cpio")}


def bare_guest(name):
    """A bare-metal guest of test/guest, or bench."""
    return os.path.join(SHARED, "guest", name + ".bin")


def example(name):
    return os.path.join(TOP, "examples", name)


def behind_firmware(command, rom_path, folder, flags):
    """The command that starts QEMU with hypervisor and ROM where the test firmware (test/firmware) finds them, instead of QEMU's own loader.
    flags: what the firmware does, as its main.c has them."""
    machine = command.index("-M") + 1
    command[machine] += ",secure=on"
    tree, words = os.path.join(folder, "machine.dtb"), os.path.join(folder, "words")
    dump = list(command)
    dump[machine] += ",dumpdtb=" + tree
    subprocess.run(dump, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIME_LIMIT)
    initrd = subprocess.run(["fdtget", "-t", "x", tree, "/chosen", "linux,initrd-start"], check=True, capture_output=True, text=True).stdout
    if flags & TIMER_STOPS:
        subprocess.run(["fdtput", "-d", tree, "/timer", "always-on"], check=True)
    with open(words, "wb") as f:
        f.write(struct.pack("<3Q", HV_AT, TREE_AT, flags))
    for option in ("-kernel", "-append", "-initrd"):
        at = command.index(option)
        del command[at:at + 2]
    command += ["-bios", os.path.join(SHARED, "guest", "firmware.bin")]
    for name, at in ((os.path.join(BUILD, "hv.bin"), HV_AT), (tree, TREE_AT), (words, WORDS_AT), (rom_path, int(initrd.split()[-1], 16))):
        command += ["-device", f"loader,file={name},addr={at:#x},force-raw=on"]
    return command


@pytest.fixture(name="point")
def _point(request):
    """The host machine a test runs on if it says nothing: --cpu, --cpus, --mem."""
    option = request.config.getoption
    return {"cpu": option("--cpu"), "cpus": option("--cpus"), "mem": option("--mem")}


@pytest.fixture(name="machine")
def _machine(tmp_path, point):
    """machine(script, files) starts QEMU with our hypervisor and a ROM of the script, the programs and the files.

    script: Lua text, or the path of a file, or None. files: {name in the ROM: path, bytes or text}; a value of None
    leaves out what would be there otherwise. rom: an archive made by the test instead; b"" for none.
    firmware: flags for the test firmware, which QEMU starts then. append: the boot arguments, rom/SCRIPT if not given. wrap: a command that starts QEMU with what follows it. The other arguments choose the host machine.
    """
    consoles = []

    def start(script=None, files=None, *, rom=None, append=None, cpu=None, cpus=None, mem=None, machine="virt", extra=(), wrap=(), firmware=None):
        contents = dict(programs())
        if script is not None:
            contents["test.lua"] = script
        contents.update(files or {})
        if rom is None:
            rom_path = str(tmp_path / f"rom{len(consoles)}.cpio")
            make_rom(rom_path, {name: content for name, content in contents.items() if content is not None})
        else:
            rom_path = str(tmp_path / f"raw{len(consoles)}.cpio")
            with open(rom_path, "wb") as f:
                f.write(rom)
        cpu = cpu or point["cpu"]
        command = ["qemu-system-aarch64", "-M", f"{machine},virtualization=on,gic-version=3", "-accel", "tcg",
                   "-cpu", "max,pauth-impdef=on" if cpu == "max" else cpu,
                   "-smp", str(cpus or point["cpus"]), "-m", str(mem or point["mem"]), "-nographic", "-nic", "none",
                   "-no-reboot", "-kernel", os.path.join(BUILD, "hv.bin"),
                   "-append", append if append is not None else "rom/test.lua", *extra]
        if rom != b"":
            command += ["-initrd", rom_path]
        if firmware is not None:
            command = behind_firmware(command, rom_path, str(tmp_path), firmware)
        console = Console([*wrap, *command], str(tmp_path / f"console{len(consoles)}.txt"))
        consoles.append(console)
        return console

    yield start
    for console in consoles:
        console.close()


@pytest.fixture(name="native")
def _native(tmp_path):
    """native(kernel, ...) boots something at EL1 on QEMU itself, for comparison."""
    consoles = []

    def start(kernel, *, initrd=None, append="", cpu="cortex-a57", cpus=1, mem="256M", extra=()):
        command = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-accel", "tcg", "-cpu", cpu, "-smp", str(cpus),
                   "-m", str(mem), "-nographic", "-nic", "none", "-no-reboot", "-kernel", kernel, "-append", append, *extra]
        if initrd:
            command += ["-initrd", initrd]
        console = Console(command, str(tmp_path / f"native{len(consoles)}.txt"))
        consoles.append(console)
        return console

    yield start
    for console in consoles:
        console.close()


def pytest_addoption(parser):
    parser.addoption("--cpu", default="cortex-a57", help="host CPU: cortex-a53, cortex-a57, cortex-a72 or max")
    parser.addoption("--cpus", default="2", help="host CPUs: 1, 2 or 4")
    parser.addoption("--mem", default="1G", help="host memory: 512M to 8G")


def pytest_terminal_summary(terminalreporter):
    """Leave the sum for tools/sum-results."""
    count = {key: len(terminalreporter.stats.get(key, ())) for key in ("passed", "failed", "error")}
    folder = os.path.join(SHARED, "results")
    os.makedirs(folder, exist_ok=True)
    preset = os.path.basename(BUILD)
    name = "sys" if preset == "build" else "sys-" + preset
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(f"{count['passed']} {count['failed'] + count['error']}\n")


sys.path.insert(0, os.path.dirname(__file__))
