"""Debugging a guest: the hypervisor's part by a program that is a VMM (test/prog/vmdebug), then uvmm's GDB stub and monitor
on the bare-metal guest test/guest/debugged. The machine's only UART is their line: the guest and everybody else is silent."""
import re
import socket
import subprocess
import time

import pytest
from conftest import SHARED, TOP, bare_guest, guest_files

TIME_LIMIT = 60
LOAD = 0x40000000  # where the guest is
ELF = f"{SHARED}/guest/debugged.elf"


@pytest.mark.parametrize("cpu", ["cortex-a53", "max"])
def test_a_vmm_debugs_its_guest_and_nobody_else_notices(machine, cpu):
    console = machine('L4.default_loader:start({caps = {}, prio = 120}, "rom/vmdebug")', cpu=cpu)
    console.expect(r"vmdebug (ended with exit code \d+|died)")
    text = console.text()
    bad = re.findall(r"(?:not ok - |# class)[^\n]*", text)
    assert not bad and "# all is well" in text and text.count("ok - ") > 25, "\n".join([*bad, console.tail()])


SCRIPT = """
local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 16 << 20)
L4.default_loader:startv({caps = {ram = ram:m("rw"), %s = L4.Env.log}, mem = 32 << 20}, "rom/uvmm", "-k", "rom/guest",
                         "-d", "rom/quiet.dtb", "-b", "0x40000000", "-q")
"""


def quiet_tree(cpus):
    """The example's device tree with that many CPUs and no UART."""
    with open(f"{TOP}/examples/machine.dts", encoding="utf-8") as f:
        text = f.read()
    cpu = re.search(r"\t\tcpu@0 \{.*?\};\n", text, re.S).group()
    text = text.replace(cpu, "".join(cpu.replace("cpu@0", f"cpu@{i}").replace("<0>", f"<{i}>") for i in range(cpus)))
    text = text.replace("0x080a0000 0x0 0x20000", f"0x080a0000 0x0 {0x20000 * cpus:#x}")
    text = text.replace("uart: pl011@9000000 {", 'uart: pl011@9000000 {\n\t\tstatus = "disabled";')
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), capture_output=True, check=True).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(machine, capability, guest=bare_guest("debugged"), **point):
    """A VM of two vCPUs, and the TCP port that leads to that capability of it."""
    port = free_port()
    machine(SCRIPT % capability, {"guest": guest, "quiet.dtb": quiet_tree(2)},
            extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"), **point)
    return port


def gdb(port, *commands, wait=1, symbols=ELF, load=LOAD, limit=TIME_LIMIT):
    """Run gdb on the VM; each command's output, in order. A pause first, so that the guest is on its way."""
    script = ["set pagination off", "set confirm off", "set remotetimeout 20", "set architecture aarch64",
              f"symbol-file {symbols} -o {load:#x}", f"shell sleep {wait}", f"target remote 127.0.0.1:{port}"]
    for i, command in enumerate(commands):
        script += [f"echo \\n=={i}==\\n", command]
    script += ["echo \\n==end==\\n", "detach"]
    arguments = [word for command in script for word in ("-ex", command)]
    deadline = time.monotonic() + TIME_LIMIT
    while True:  # QEMU may not listen yet
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    try:
        run = subprocess.run(["gdb-multiarch", "-nx", "-batch", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as expired:
        pytest.fail(f"gdb did not get through\n{(expired.stdout or b'').decode()}")
    parts = re.split(r"\n==(?:\d+|end)==\n", run.stdout)
    assert len(parts) == len(commands) + 2, run.stdout
    return parts[1:-1]


@pytest.mark.parametrize("cpu", ["cortex-a57", "max"])
def test_gdb_breaks_steps_and_watches(machine, cpu):
    port = start(machine, "gdb", cpu=cpu)
    out = gdb(port, "break round_add", "continue", "bt", "delete", "stepi", "stepi", "printf \"%lx\\n\", $x2", "stepi 3",
              "info symbol $pc", "stepi", "info symbol $pc", "tbreak leaf_load", "continue", "stepi 2", "stepi", "info symbol $pc")
    assert re.search(r"Thread [12] hit Breakpoint 1.*round_add \(\)", out[1])
    assert "work_for_ever" in out[2]
    assert out[6].strip() == "abcd1235"
    assert out[8].startswith("round_call"), out[8]
    assert out[10].startswith("leaf_begin")
    assert "Temporary breakpoint" in out[12] and "leaf_load" in out[12]
    assert out[15].startswith("leaf_load + 8") or "round_after" in out[15]


def test_gdb_counts_hits_with_two_vcpus_and_a_ticking_timer(machine):
    port = start(machine, "gdb")
    out = gdb(port, "break round_add", "ignore 1 19", "set $r = counted[0].rounds + counted[1].rounds", "set $t = ticks", "continue",
              "info breakpoints", "printf \"%d\\n\", counted[0].rounds + counted[1].rounds - $r", "delete",
              "hbreak leaf_load", "ignore 2 4", "continue", "info breakpoints", "delete", "tbreak tick", "continue", "bt 1")
    hits = int(re.search(r"already hit (\d+) times", out[5]).group(1))
    assert hits == 20
    # Each round was hit once; the two that were on their way at the beginning and at the end make the difference.
    assert 18 <= int(out[6]) <= 22
    assert "already hit 5 times" in out[11]
    assert "Temporary breakpoint" in out[14] and "tick" in out[15], out[14:]


def test_gdb_watches_memory(machine):
    port = start(machine, "gdb")
    out = gdb(port, "watch counted[0].rounds", "continue", "continue", "info symbol $pc", "delete",
              "rwatch counted[1].marker", "continue", "info symbol $pc", "thread", "delete", "awatch ticks", "continue")
    for text in out[1:3]:
        old, new = map(int, re.search(r"Old value = (\d+)\nNew value = (\d+)", text).groups())
        assert new == old + 1
    assert out[3].startswith("round_call")  # the instruction behind the store
    assert str(0x6d61726b00000001) in out[6] and out[7].startswith("leaf_load + 4")
    assert "thread is 2" in out[8]
    assert "watchpoint" in out[11] and "ticks" in out[11]


def test_gdb_sees_registers_memory_and_vcpus(machine):
    port = start(machine, "gdb")
    out = gdb(port, "info threads", "p $v3.b.u[0]", "p $v31.q.u[0]", "p/x $fpcr", "p/x $sctlr_el1 & 1", "info symbol $vbar_el1",
              "thread 2", "set $x25 = 0x5566778899", "thread 1", "p/x $x25", "thread 2", "p/x $x25", "thread 1",
              "set $v7.d.u[1] = 0x1122334455667788", "stepi", "p/x $v7.d.u[1]", "p $v7.b.u[0]", "x/2i round_begin", "set var counted[0].marker = 77", "p counted[0].marker",
              "x/1wx 0x1000", "p/x $mair_el1 != 0", "monitor cpu list", "maint packet T9")
    assert out[0].count("vCPU") == 2
    assert [out[i].split("=")[1].strip() for i in (1, 3, 4)] == ["67", "0x800000", "0x1"]
    assert int(out[2].split("=")[1]) == int("5f" * 16, 16)
    assert "vectors" in out[5]
    assert "0x5566778899" not in out[9] and "0x5566778899" in out[11]
    assert "0x1122334455667788" in out[15] and "71" in out[16]
    assert "stp" in out[17] and "x29, x30" in out[17]
    assert "77" in out[19]
    assert "Cannot access memory" in out[20]
    assert "vCPU 1: MPIDR 0x1, stands at EL1" in out[22]
    assert "E16" in out[23]


def test_gdb_interrupts_detaches_and_comes_back(machine):
    port = start(machine, "gdb")
    first = gdb(port, "break round_add", "printf \"%d\\n\", counted[0].rounds")
    second = gdb(port, "info breakpoints", "printf \"%d\\n\", counted[0].rounds", "python import threading",
                 "python threading.Timer(1.5, lambda: gdb.post_event(lambda: gdb.execute('interrupt'))).start()",
                 "continue", "info threads")
    # It went on after the first one left, without breakpoints.
    assert int(second[1]) > int(first[1])
    assert "SIGINT" in second[4], second[4]
    assert "vCPU 1" in second[5]


class Line:
    """The monitor's line."""

    def __init__(self, port):
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        self.socket.settimeout(TIME_LIMIT)

    def ask(self, text, end="\n"):
        self.socket.sendall((text + end).encode())
        reply = b""
        while not reply.endswith(b"\x04"):
            part = self.socket.recv(4096)
            assert part, reply
            reply += part
        return reply[:-1].decode(errors="replace").replace("\r", "")


def test_the_monitor_looks_and_stops(machine):
    line = Line(start(machine, "mon"))
    line.ask("")
    for command in ("help", "verbose", "dev", "dt", "ram", "cpu", "gic", "exits", "stop", "continue", "step", "where"):
        assert re.search(rf"^{command} ", line.ask("help"), re.M)
    assert line.ask("st", "\t").split() == ["stop", "step"]
    assert "compatible = \"arm,gic-v3\";" in line.ask("dt")
    assert "RAM" in line.ask("dev memmap") and "GICD" in line.ask("dev memmap")
    time.sleep(1)
    assert "it was stopped" in line.ask("stop")
    listed = line.ask("cpu list")
    assert listed == line.ask("cpu list") and listed.count("stands at EL1") == 2  # nothing moves
    before = re.search(r"vCPU 1: .* pc (0x\w+)", listed).group(1)
    after = re.search(r"vCPU 1 stands at (0x\w+): it was stepped", line.ask("step 1")).group(1)
    assert before != after
    assert re.search(r"vCPU 0: .* pc (0x\w+)", listed).group() in line.ask("cpu list")
    assert re.search(r"#2 ", line.ask("where 0"))
    assert re.search(r"PPI 11 +27 +enabled", line.ask("gic"))
    assert "v3             " + "43" * 16 in line.ask("cpu 0 regs")
    line.ask("ram write 0x40f00000 q 0x1122334455667788")
    assert "1122334455667788" in line.ask("ram dump 0x40f00000 1 q")
    assert "it runs" in line.ask("continue")
    exits = [int(re.search(r"^mmio +(\d+)", line.ask("exits"), re.M).group(1)) for _ in range(2)]
    assert exits[0] >= 0 and "runs at EL1" in line.ask("cpu list")


# ---- Debian's kernel: docs/debugging.md as a test ----

SYMBOLS = ["do_sys_openat2", "__arm64_sys_openat", "invoke_syscall.*", "el0_svc_common.*", "do_el0_svc", "el0_svc", "el0t_64_sync.*",
           "ret_to_user", "schedule", "__schedule", "jiffies", "linux_banner", "vfs_open", "do_filp_open", "path_openat", "_text", "_etext",
           "_stext", "kthread", "ret_from_fork", "strncpy_from_user", "getname_flags.*", "getname", "do_idle", "default_idle_call", "cpu_do_idle"]
BUSY_INIT = """#!/bin/busybox sh
/bin/busybox mkdir /proc
/bin/busybox mount -t proc proc /proc
while true; do /bin/busybox true < /proc/uptime; done &
while true; do read -r line < /proc/uptime; done
"""


def kernel_symbols(machine, tmp_path):
    """A symbol file of Debian's kernel, from what the kernel itself says."""
    console = machine("""
        local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 << 20)
        L4.default_loader:startv({caps = {ram = ram:m("rw")}}, "rom/uvmm", "-c", "console=ttyAMA0 nokaslr")""", guest_files())
    console.expect("guest# ", timeout=180)
    text = console.command_output(f"grep -E ' ({'|'.join(SYMBOLS)})$' /proc/kallsyms", timeout=60)
    console.close()
    (tmp_path / "kallsyms").write_text(text)
    subprocess.run([f"{TOP}/tools/kallsyms-elf", tmp_path / "kallsyms", tmp_path / "kernel.sym"], check=True)
    return str(tmp_path / "kernel.sym")


def test_gdb_debugs_a_stock_debian_kernel(machine, tmp_path):
    symbols = kernel_symbols(machine, tmp_path)
    (tmp_path / "init").write_text(BUSY_INIT)
    (tmp_path / "init").chmod(0o755)
    subprocess.run([f"{TOP}/tools/mkrom", "--compact", tmp_path / "initrd", "bin/", f"bin/busybox={SHARED}/debian/busybox", "bin/sh@busybox", "dev/",
                    f"init={tmp_path}/init"], check=True)
    port = free_port()
    machine("""
        local ram = L4.Env.user_factory:create(L4.Proto.Dataspace, 64 << 20)
        L4.default_loader:startv({caps = {ram = ram:m("rw"), gdb = L4.Env.log}, mem = 32 << 20}, "rom/uvmm", "-k", "rom/Image",
            "-r", "rom/initrd", "-d", "rom/quiet.dtb", "-b", "0x40000000", "-q", "-c", "nokaslr nowatchdog")""",
            {"Image": guest_files()["Image"], "initrd": str(tmp_path / "initrd"), "quiet.dtb": quiet_tree(2)},
            extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"))
    out = gdb(port, "break do_sys_openat2", "continue", "bt", "info threads", "delete", "stepi 4", "info symbol $pc",
              "rwatch -l *(char *) $x1", "continue", "bt", "delete", "stepi", "hbreak __schedule", "continue", "bt 3",
              "delete", "thread 1", "bt", "thread 2", "bt", "tbreak strncpy_from_user", "continue", "finish", "info symbol $pc",
              "printf \"%lx\\n\", $ttbr1_el1 & 1", "monitor exits", "monitor dev memmap", wait=12, symbols=symbols, load=0, limit=180)
    assert re.search(r"hit Breakpoint 1, 0x\w+ in do_sys_openat2 \(\)", out[1]), out[1]
    # From the break to the vector, through the kernel's frames.
    assert re.search(r"do_sys_openat2.*__arm64_sys_openat.*invoke_syscall.*do_el0_svc.*el0t_64_sync", out[2], re.S), out[2]
    assert out[3].count("vCPU") == 2
    assert out[6].startswith("do_sys_openat2 + 20")
    # The kernel reads the name that the program gave it, in the program's memory.
    assert "Value = 47 '/'" in out[8] and re.search(r"strncpy_from_user.*getname.*do_sys_openat2", out[9], re.S), out[9]
    assert "__schedule" in out[13] and "schedule" in out[14]
    assert "#0" in out[17] and "#0" in out[19]
    assert "hit Temporary breakpoint" in out[21] and "getname" in out[22] and "getname" in out[23], out[21:24]
    assert re.search(r"^debug +\d+ +\d+", out[25], re.M)
    assert "GICR" in out[26]


# ---- many channels on the machine's one line: console, monitor and debugger of a VM at once ----

FRAMED = """
local vmm = require "vmm"
L4.start_cons{framed = true, show = false}
vmm.start_vm{id = 1, mem = 64, kernel = "rom/Image", rd = "rom/initrd", bootargs = "console=ttyAMA0 nokaslr nowatchdog", gdb = true,
             log = {"vm1", "green"}}
"""


class Port(Line):
    """A channel on a TCP port, which also waits for what the guest prints."""

    def expect(self, text):
        heard = b""
        while text not in heard:
            part = self.socket.recv(4096)
            assert part, heard
            heard += part
        return heard.decode(errors="replace").replace("\r", "")


def test_console_monitor_and_gdb_share_the_line_through_cons(machine, tmp_path):
    wrap = [f"{TOP}/tools/console-split", "--dir", str(tmp_path / "consoles"), "--tcp", "vm1=0", "--tcp", "mon1=0", "--tcp", "gdb1=0", "--"]
    console = machine(FRAMED, guest_files(), wrap=wrap)
    ports = {}
    for _ in range(3):
        found = console.expect(r"console-split: (vm1|mon1|gdb1): \S+, port (\d+)")
        ports[found.group(1)] = int(found.group(2))
    guest, monitor = Port(ports["vm1"]), Port(ports["mon1"])
    guest.socket.settimeout(180)
    guest.expect(b"guest# ")
    guest.socket.sendall(f"grep -E ' ({'|'.join(SYMBOLS)})$' /proc/kallsyms\r".encode())
    (tmp_path / "kallsyms").write_text(guest.expect(b"guest# "))
    subprocess.run([f"{TOP}/tools/kallsyms-elf", tmp_path / "kallsyms", tmp_path / "kernel.sym"], check=True)
    guest.socket.sendall(b"while true; do read -r line < /proc/uptime; done\r")
    # The guest stands in a system call; the monitor sees the same VM as GDB does.
    out = gdb(ports["gdb1"], "break do_sys_openat2", "continue", "bt", "monitor stop", "delete",
              wait=1, symbols=str(tmp_path / "kernel.sym"), load=0, limit=180)
    assert re.search(r"do_sys_openat2.*el0_svc", out[2], re.S), out
    assert "it stands already" in out[3]
    assert "runs at EL" in monitor.ask("cpu list")
    assert "it was stopped" in monitor.ask("stop")
    assert "it runs" in monitor.ask("continue")
    # It goes on, and takes keys.
    guest.socket.sendall(b"\x03")
    guest.expect(b"guest# ")
    guest.socket.sendall(b"echo all-$((6*7))\r")
    guest.expect(b"all-42")
    # A person's Enter brings a prompt.
    monitor.socket.sendall(b"\r")
    monitor.expect(b"monitor> ")
    monitor.socket.sendall(b"exi\t\r")
    assert "exits" in monitor.expect(b"serror")
