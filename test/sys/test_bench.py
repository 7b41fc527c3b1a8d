"""`make bench` on the real thing: what takes seconds of it, run once. The rest of the tool is tested by test/unit/tools/test_bench.py."""
import os
import subprocess
import sys

from conftest import BUILD, TIME_LIMIT, TOP

sys.path.insert(0, os.path.join(TOP, "tools"))
from measure.figures import FIGURES, TWO_CPUS  # noqa: E402

KINDS = "guest,ipc,ops,start,again,resident"
ELSEWHERE = TWO_CPUS | {"vm_memory", "vcpu_memory", "linux_hv", "linux_uvmm", "linux_ned", "linux_init", "hv_image", "ned_image", "uvmm_image", "loc"}


def test_every_figure_of_ours_is_measured():
    done = subprocess.run([os.path.join(TOP, "tools", "bench"), "--quick", "--only=" + KINDS, BUILD], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=10 * TIME_LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    heads, *rows = [line.split() for line in done.stdout.splitlines() if line]
    ours = {row[0]: row[heads.index("ours")] for row in rows}
    native = {row[0] for row in rows if row[heads.index("native")] != "-"}
    assert {name for name, *_ in FIGURES} - ELSEWHERE == set(ours) and "-" not in ours.values(), done.stdout + done.stderr
    assert {"hvc_psci_version", "uart_putc", "timer_irq", "sgi_self", "first_instruction"} <= native
