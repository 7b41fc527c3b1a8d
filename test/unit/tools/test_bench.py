"""Tests of tools/bench and tools/bench-plot from end to end, with a QEMU that answers from a list of consoles instead of running."""
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def tool(name):
    """tools/NAME as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(TOP, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def figure(name, value):
    return f"figure {name} count 256 avg {value} med {value} min {value} max {value}\n"


GUEST = ("bench: counter 1000000000 Hz, first instruction at 20000000, 1 CPUs\n" +
         "".join(figure(name, 300 + i) for i, name in enumerate((
             "hvc_psci_version", "idreg_read", "gicd_read", "gicd_write", "uart_read", "uart_write", "uart_putc", "timer_irq", "timer_wfi", "sgi_self"))))
CONSOLES = {  # by script
    "guest.lua": GUEST,
    "ipc.lua": figure("ipc_call_reply", 390) + figure("ipc_payload", 600),
    "ops.lua": figure("map_page", 900) + "growth map_page 1 900\ngrowth map_page 50 950\n",
    "resident.lua": "part hypervisor 524288\npart ned 524288\npart uvmm 524288\n",
    "resident.lua servers": "part cons 4096\npart io 8192\n",
    "vms.lua start": "at vm_start 1 1000000\nfirst instruction at 21000000\nat vm_restart 1 30000000\nfirst instruction at 50000000\n",
    "vms.lua again": "at vm_reset 1 1000000\nfirst instruction at 20000000\n",
    "vms.lua ram": "at vm_start_by_ram 64 0\nfirst instruction at 10000000\nat vm_start_by_ram 4096 0\nfirst instruction at 90000000\n",
    "vms.lua vcpus": "memory vm_memory_by_vcpus 1 700000\nmemory vm_memory_by_vcpus 2 740960\n",
    "vms.lua vms": "memory vm_memory_by_vms 1 700000\nmemory vm_memory_by_vms 2 716800\n",
}
LINUX = "figure linux_init count 1 avg 0 med 910000000\n"


class FakeQemu:
    """Has version and console as a real one; what a test changes is in the class."""

    consoles, ten, drift, ran = CONSOLES, False, {}, []

    def __init__(self, program="qemu-system-aarch64", options=(), environment=None, always=("counting",)):
        self.start, self.always = [program, *options], list(always)

    @classmethod
    def unpacked(cls, folder):
        return cls(folder) if cls.ten else None

    def version(self):
        return "7.2 (a test's)"

    def command(self, arguments, cpus=1):
        return [*self.start, *self.always, "-smp", str(cpus), *arguments]

    def run(self, arguments, log_path, cpus=1, until=None):
        said = " ".join(arguments)
        FakeQemu.ran.append((said, cpus, self.always))
        dump = re.search(r"dumpdtb=(\S+)", said)
        if dump:
            subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dump.group(1)], input="/dts-v1/; / { chosen { }; };", text=True, check=True)
            return ""
        plugin = re.search(r",out=(\S+)", said)
        if plugin:
            with open(plugin.group(1), "w", encoding="utf-8") as f:
                f.write("upper 256000\n")
        if "linux" in os.path.basename(log_path):
            return LINUX + "[1200000000] " + LINUX
        if cpus == 2:
            return figure("ipi_spin", 700) + figure("ipi_wfi", 900)
        script = re.search(r"rom/(\w+\.lua)( \w+)?", said)
        text = GUEST if not script else self.consoles.get(script.group(0)[4:]) or self.consoles.get(script.group(1), "")
        return text + self.drift.get(os.path.basename(log_path), "")


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    """run(*options, peers=False) runs the tool over a build of empty files; returns its exit status, bench.json, output and errors."""
    bench = tool("bench")
    build = tmp_path / "build"
    for name in ("hv.bin", "ned", "uvmm", "cons", "io", "ipcbench", "opbench", "guest/bench.bin", "guest/linux-init", "guest/stamp", "debian/Image"):
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_bytes(b"x" * 2048)
    def archive(path, entries, *_options):
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(entries))
        return path
    monkeypatch.setattr(bench, "archive", archive)
    monkeypatch.setattr(sys.modules["measure.systems"], "archive", archive)
    monkeypatch.setattr(bench, "Emulator", FakeQemu)
    monkeypatch.setattr(bench, "HISTORY", str(tmp_path / "docs" / "history.jsonl"))
    for name in ("ten", "drift", "consoles", "ran"):
        monkeypatch.setattr(FakeQemu, name, type(getattr(FakeQemu, name))(getattr(FakeQemu, name)))
    everything = bench.Bench.__init__
    monkeypatch.setattr(bench.Bench, "__init__", lambda self, *arguments: everything(self, *arguments, shared=str(build)))

    def run(*options, peers=False):
        if peers:
            FakeQemu.ten = True
            for name in ("boot/xen-4.17-arm64", "usr/bin/qemu-system-aarch64"):
                (build / "peers" / "arm64" / name).parent.mkdir(parents=True, exist_ok=True)
                (build / "peers" / "arm64" / name).write_bytes(b"x")
            (build / "peers" / "arm64" / "version").write_text("xen-hypervisor-4.17-arm64 4.17.7\nqemu-system-arm 1:7.2\n", encoding="utf-8")
            monkeypatch.setattr(bench.Kvm, "KERNEL", str(build / "debian" / "Image"))
            monkeypatch.setattr(bench.Kvm, "BUSYBOX", str(build / "debian" / "Image"))
            monkeypatch.setattr(bench.Kvm, "libraries", lambda self, program: {})
        monkeypatch.setattr(sys, "argv", ["bench", *options, str(build)])
        status = bench.main()
        said = capsys.readouterr()
        path = build / "bench.json"
        return status, json.loads(path.read_text()) if path.exists() else None, said.out, said.err
    run.build, run.history = build, tmp_path / "docs" / "history.jsonl"
    return run


def row(document, name):
    return next(one for one in document["rows"] if one["figure"] == name)


def test_without_peers_and_qemu_10_there_is_a_sentence_for_each_and_success(run):
    status, document, out, err = run()
    assert status == 0
    assert sorted(line.split(":")[1].strip() for line in err.splitlines()) == [
        "ipi_* are left out", "kvm is left out", "the profile is left out", "xen is left out"]
    assert row(document, "idreg_read")["ours"] == 301 and row(document, "idreg_read")["others"] == {"native": 301}
    assert row(document, "ipi_spin")["ours"] is None and re.search(r"^idreg_read +301 +301 +- ", out, re.M)
    assert document["systems"]["xen"]["left_out"] and set(row({"rows": document["wall"]}, "linux_init")["systems"]) == {"native"}


def test_each_peer_has_figures_version_and_the_exact_command(run):
    status, document, out, err = run(peers=True)
    assert status == 0 and [line for line in err.splitlines() if "profile" not in line] == []
    assert row(document, "uart_read")["others"] == {"native": 304, "xen": 304, "kvm": 304} and row(document, "linux_init")["others"]["xen"] == 1200
    assert row(document, "ipi_wfi")["others"]["kvm"] == 900
    assert "xen: xen-hypervisor-4.17-arm64 4.17.7\n" in out and "kvm: qemu-system-arm 1:7.2 as VMM on " in out
    for system, words in (("native", "-kernel"), ("ours", "rom/guest.lua"), ("xen", 'domU1 { compatible = "xen,domain"'), ("kvm", "in it: qemu-system-aarch64 -accel kvm")):
        commands = document["systems"][system]["commands"]
        assert set(commands) == {"bench, 1 CPU", "bench, 2 CPUs", "linux, 1 CPU"} and all(words in command and " counting " in command and command in out for command in commands.values())


def test_every_system_is_run_three_times_and_by_the_clock_five_times_in_turn(run):
    _, document, _, _ = run(peers=True)
    assert row(document, "idreg_read")["runs"] == {"native": 3, "ours": 3, "xen": 3, "kvm": 3} == row(document, "linux_init")["runs"] == row(document, "ipi_spin")["runs"]
    clock = ["gic-version=3 -m" in said and "native" or ("rom/guest" in said and "ours") or ("loader" in said and "xen") or "kvm"
             for said, _, always in FakeQemu.ran if "-icount" not in always and "counting" not in always and "dumpdtb" not in said]
    assert clock == ["native"] * 2 + ["ours"] * 2 + ["xen"] * 2 + ["kvm"] * 2 + clock[8:] and len(clock) == 5 * 8
    assert {one["title"]: one["runs"] for one in document["growth"]} == {
        "VM start by its RAM": 1, "Memory of one VM more, besides its RAM": 3, "Memory of a VM by its vCPUs, besides its RAM": 3, "One mapping of a page more": 3}
    assert row({"rows": document["wall"]}, "linux_init")["systems"]["native"] == {"med": 1.0, "min": 1.0, "max": 1.0, "rounds": 5}


def test_a_figure_that_differs_from_run_to_run_is_named_and_fails_the_check(run):
    FakeQemu.drift["ours-guest-1.txt"] = figure("idreg_read", 999)
    status, _, _, err = run("--quick", "--check")
    assert status == 1 and "bench: idreg_read of ours differs from run to run: 301, 999, 301\n" in err


def test_a_figure_over_its_target_fails_the_check_by_name(run):
    FakeQemu.consoles["ipc.lua"] = figure("ipc_call_reply", 801)
    status, document, _, err = run("--quick", "--check")
    assert status == 1 and row(document, "ipc_call_reply")["verdict"] == "missed" and "missing: ipc_call_reply\n" in err
    FakeQemu.consoles["ipc.lua"] = figure("ipc_call_reply", 800)
    assert run("--quick", "--check")[0] == 0


def test_a_program_that_is_not_built_leaves_its_figures_out(run):
    (run.build / "opbench").unlink()
    status, document, _, err = run("--quick")
    assert status == 0 and row(document, "map_page")["ours"] is None and len(re.findall(r"ops of ours is left out: .*opbench is not there", err)) == 1


def test_a_record_becomes_the_base_and_a_release_stays_it(run):
    run("--quick", "--release=1.0")
    FakeQemu.consoles["guest.lua"] = GUEST.replace("med 301", "med 250")
    _, document, out, _ = run("--quick", "--record")
    assert row(document, "idreg_read")["base"] == 301 and row(document, "idreg_read")["ours"] == 250 and "(1.0)" in out and "-16.9%" in out
    records = [json.loads(line) for line in run.history.read_text().splitlines()]
    assert len(records) == 1 and records[0]["figures"]["idreg_read"] == 250 and records[0]["release"] == "1.0"  # the same commit


def test_one_kind_alone_is_run_once_and_leaves_no_json(run):
    status, document, out, _ = run("--only=ops,start")
    assert status == 0 and document is None and len(FakeQemu.ran) == 2
    assert [line.split()[0] for line in out.splitlines() if line][1:] == ["map_page", "vm_start", "vm_restart"]


@pytest.mark.parametrize("options", [["--only=nonsense"], ["--only=ops", "--record"], ["--only=ops", "--check"]])
def test_what_makes_no_sense_is_answered_with_the_usage(run, options):
    status, _, out, _ = run(*options)
    assert status == 2 and "usage: bench" in out


def test_growth_and_tables_become_pictures_and_the_page(run, tmp_path, monkeypatch):
    run("--record", peers=True)
    plot = tool("bench-plot")
    page = tmp_path / "docs" / "performance.md"
    (tmp_path / "docs" / "bench").mkdir(parents=True)
    shutil.copy(os.path.join(TOP, "docs", "performance.md"), page)
    shutil.copy(run.history, tmp_path / "docs" / "bench")
    monkeypatch.setattr(plot, "TOP", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bench-plot"])
    assert plot.main() == 0
    text = {}
    for name in ("comparison", "history", "growth"):
        root = xml.etree.ElementTree.parse(tmp_path / "docs" / "bench" / (name + ".svg")).getroot()
        text[name] = [one.text for one in root.iter() if one.tag.endswith("}text")]
    assert {"uart_read", "xen", "kvm", "1.2G"} <= set(text["comparison"])
    assert {"VM start by its RAM", "MiB of RAM", "64", "4096", "One mapping of a page more"} <= set(text["growth"])
    assert {"linux_init", "millions of instructions", "goal"} <= set(text["history"])
    page = page.read_text()
    assert "| `uart_read` | read of the UART's UARTFR | 304 | 304 | 304 | **304** | 900 | 400 |" in page
    assert "| `linux_init` | Linux boot, reset to init | 1.00 (1.00-1.00) | " in page and "-accel kvm -cpu host" in page


def test_a_plot_without_a_measurement_says_what_to_do(tmp_path):
    done = subprocess.run([os.path.join(TOP, "tools", "bench-plot"), str(tmp_path / "none.json"), str(tmp_path)], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "run make bench first" in done.stderr
