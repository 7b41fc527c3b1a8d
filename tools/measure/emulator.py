"""QEMU that counts instructions, or runs by the wall clock: the machine's own, or the newer one that tools/get-peers unpacked."""
import os
import select
import subprocess
import sys
import time

TIME_LIMIT = 480  # seconds; for a machine that has much else to do

MACHINE = ["-cpu", "cortex-a57,cntfrq=1000000000", "-nographic", "-nic", "none", "-no-reboot"]
# One tick of the counter is one instruction.
COUNTING = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm", *MACHINE]
# One tick of the counter is a nanosecond of this machine's time.
BY_THE_CLOCK = ["-accel", "tcg", "-seed", "1", *MACHINE]


def has_line(output, text):
    """Whether a line with that text is complete."""
    at = output.find(text.encode())
    return at >= 0 and output.find(b"\n", at) >= 0


class Emulator:
    """One QEMU program, with the options that make it count, or others."""

    def __init__(self, program="qemu-system-aarch64", options=(), environment=None, always=COUNTING):
        self.start, self.always = [program, *options], always
        self.environment = {**os.environ, **(environment or {})}

    @classmethod
    def unpacked(cls, folder):
        """The QEMU below that folder, or None when there is none that runs."""
        emulator = cls(os.path.join(folder, "usr", "bin", "qemu-system-aarch64"),
                       ["-L", os.path.join(folder, "usr", "share", "qemu")], {"QEMU_MODULE_DIR": os.path.join(folder, "no-modules")})
        return emulator if emulator.version() else None

    def version(self):
        try:
            said = subprocess.run([*self.start, "--version"], env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False, text=True).stdout
        except OSError:
            return None
        return said.splitlines()[0].replace("QEMU emulator version ", "") if said else None

    def command(self, arguments, cpus=1):
        return [*self.start, *self.always, "-smp", str(cpus), *arguments]

    def run(self, arguments, log_path, cpus=1, until=None):
        """Run until QEMU ends by itself or printed a line with the text `until`; returns what it printed, and leaves it in log_path."""
        end = time.monotonic() + TIME_LIMIT
        output = b""
        with open(log_path, "wb") as log:
            qemu = subprocess.Popen(self.command(arguments, cpus), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, env=self.environment)
            try:
                while True:
                    ready, _, _ = select.select([qemu.stdout], [], [], max(0, end - time.monotonic()))
                    if not ready:
                        print(f"bench: QEMU was ended after {TIME_LIMIT} s; see {log_path}", file=sys.stderr)
                        break
                    more = os.read(qemu.stdout.fileno(), 65536)
                    log.write(more)
                    output += more
                    if not more or (until and has_line(output, until)):
                        break
            finally:
                qemu.kill()
                qemu.wait()
                qemu.stdout.close()
        return output.decode(errors="replace").replace("\r", "")
