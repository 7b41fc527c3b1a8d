"""The systems that run the measuring guest and Linux: none (native), ours, and from Debian's packages Xen and Linux with KVM."""
import os
import re
import shutil
import subprocess
import threading

from .figures import figures_of, stamped_figures

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(TOP, "build")
GUEST_MIB = 256
HOST_MIB = 1024
BOOTARGS = "quiet nokaslr"
HOST_MACHINE = ["-M", "virt,gic-version=3,virtualization=on", "-m", str(HOST_MIB)]


def archive(path, entries, *options):
    subprocess.run([os.path.join(TOP, "tools", "mkrom"), *options, path, *entries], check=True)
    return path


def versions_of(path):
    """{package: version} of a file with a line for each; {} when it is not there."""
    try:
        with open(path, encoding="utf-8") as f:
            return dict(line.split(" ", 1) for line in f.read().splitlines() if " " in line)
    except OSError:
        return {}


class Guest:
    """What is run: a kernel, perhaps an initial RAM disk, and the text after which it has ended; with cut the rest is not awaited."""

    def __init__(self, name, kernel, initrd=None, end="verdict:", cut=False):
        self.name, self.kernel, self.initrd, self.end, self.cut = name, kernel, initrd, end, cut

    def is_there(self):
        return all(os.path.exists(file) for file in (self.kernel, self.initrd) if file)

    def until(self, default=None):
        return self.end if self.cut else default


class System:
    """Something that runs guests; `commands` keeps how, for each guest and number of CPUs. `why` says why it cannot, or is None."""

    why = None

    def __init__(self):
        self.commands = {}

    def keep(self, guest, cpus, command, more=""):
        """Note the first such command, which counts, with paths below the top of the tree; one that can be typed."""
        words = [f"'{word}'" if " " in word else word for word in command]
        self.commands.setdefault(f"{guest.name}, {cpus} CPU{'s' if cpus > 1 else ''}", " ".join(words).replace(TOP + os.sep, "") + more)


class Native(System):
    """The guest without a hypervisor, at EL1."""

    name = "native"

    def version(self):
        return "no hypervisor"

    def run(self, emulator, guest, log, cpus=1):
        arguments = ["-M", "virt,gic-version=3", "-m", str(GUEST_MIB), "-kernel", guest.kernel, "-append", BOOTARGS]
        arguments += ["-initrd", guest.initrd] if guest.initrd else []
        self.keep(guest, cpus, emulator.command(arguments, cpus))
        return figures_of(emulator.run(arguments, log, cpus, until=guest.until()))


class Ours(System):
    """Our system, with ROMs made for it in a folder."""

    name = "ours"

    def __init__(self, build, folder):
        super().__init__()
        self.build, self.folder = build, folder

    def program(self, name):
        return os.path.join(self.build, name)

    def version(self):
        return "this tree"

    def start(self, script, log, files, arguments="", extra=()):
        """QEMU's arguments for a script of test/bench, and the size of the ROM; FileNotFoundError when something is not built."""
        rom = os.path.join(self.folder, os.path.basename(log) + ".rom")
        entries = {"ned": self.program("ned"), script: os.path.join(TOP, "test", "bench", script), **files}
        missing = [file for file in [self.program("hv.bin"), *entries.values()] if not os.path.exists(file)]
        if missing:
            raise FileNotFoundError(f"{os.path.relpath(missing[0], TOP)} is not there; run make")
        archive(rom, [f"{name}={file}" for name, file in entries.items()])
        return [*HOST_MACHINE, "-kernel", self.program("hv.bin"), "-initrd", rom,
                "-append", f"rom/{script} {arguments}".strip(), *extra], os.path.getsize(rom)

    def boot(self, emulator, script, log, files, arguments="", extra=()):
        """Run a script of test/bench; returns the console and the size of the ROM."""
        command, size = self.start(script, log, files, arguments, extra)
        return emulator.run(command, log), size

    def run(self, emulator, guest, log, cpus=1):
        files = {"guest": guest.kernel, "uvmm": self.program("uvmm"), **({"initrd": guest.initrd} if guest.initrd else {})}
        command, _ = self.start("guest.lua", log, files, f"-n {cpus}" if cpus > 1 else "")
        self.keep(guest, cpus, emulator.command(command, cpus))
        return figures_of(emulator.run(command, log, cpus, until=guest.until()))


class Peer(System):
    """A system of Debian's arm64 packages, unpacked in a folder by tools/get-peers."""

    def __init__(self, unpacked, folder):
        super().__init__()
        self.unpacked, self.folder = unpacked, folder
        self.versions = {name: version for name, version in versions_of(os.path.join(unpacked, "version")).items()
                         if re.match(self.package, name)}
        lacking = None if self.versions else "its packages are not in build/peers; run tools/get-peers"
        for file in self.needs() if self.versions else []:
            if not os.path.exists(file):
                lacking = lacking or f"{os.path.relpath(file, TOP)} is not there; run tools/get-peers --renew and make all"
        for tool in self.tools:
            if not shutil.which(tool):
                lacking = lacking or f"it needs {tool}; run tools/setup"
        self.why = f"{self.name} is left out: {lacking}" if lacking else None
        self.lock, self.made = threading.Lock(), {}

    def made_once(self, path, make):
        """What make() returns when it made the file at path; a later run of the same takes both again."""
        with self.lock:
            if path not in self.made:
                self.made[path] = make(path)
            return self.made[path]

    def version(self):
        return " ".join(f"{name} {version}" for name, version in self.versions.items())


class Xen(Peer):
    """Xen without a dom0: it starts the guest that its device tree names. [XEN docs/features/dom0less.pandoc, docs/misc/arm/device-tree/booting.txt]"""

    name, package, tools = "xen", "xen-hypervisor-", ("dtc",)
    KERNEL_AT, INITRD_AT = 0x60000000, 0x68000000
    OPTIONS = "console=dtuart dtuart=/pl011@9000000 console_timestamps=raw"

    def image(self):
        return os.path.join(self.unpacked, "boot", "xen-" + next(iter(self.versions)).removeprefix(self.package))

    def needs(self):
        return [self.image()]

    def chosen(self, guest, cpus):
        """What Xen's device tree has besides what QEMU wrote there."""
        modules = self.module("kernel", self.KERNEL_AT, guest.kernel, f' bootargs = "{BOOTARGS} console=ttyAMA0";')
        if guest.initrd:
            modules += self.module("ramdisk", self.INITRD_AT, guest.initrd)
        return (f'chosen {{ #address-cells = <2>; #size-cells = <2>; xen,xen-bootargs = "{self.OPTIONS}"; '
                f'domU1 {{ compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; '
                f"memory = <0 {GUEST_MIB * 1024}>; cpus = <{cpus}>; vpl011; {modules}}}; }};")

    def tree(self, emulator, guest, path, cpus):
        """QEMU's own device tree with the guest in it, at path."""
        emulator.run([*HOST_MACHINE, "-machine", f"dumpdtb={path}"], path + ".txt", cpus)
        source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        source += f"/ {{ {self.chosen(guest, cpus)} }};"
        subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", path], input=source, text=True, check=True)

    @staticmethod
    def module(kind, address, file, more=""):
        return (f'module@{address:x} {{ compatible = "multiboot,{kind}", "multiboot,module"; '
                f"reg = <0 {address:#x} 0 {os.path.getsize(file):#x}>;{more} }}; ")

    def run(self, emulator, guest, log, cpus=1):
        tree = os.path.join(self.folder, f"xen-{guest.name}-{cpus}.dtb")
        self.made_once(tree, lambda path: self.tree(emulator, guest, path, cpus))
        arguments = [*HOST_MACHINE, "-kernel", self.image(), "-dtb", tree,
                     "-device", f"loader,file={guest.kernel},addr={self.KERNEL_AT:#x},force-raw=on"]
        if guest.initrd:
            arguments += ["-device", f"loader,file={guest.initrd},addr={self.INITRD_AT:#x},force-raw=on"]
        self.keep(guest, cpus, emulator.command(arguments, cpus), "; that tree is QEMU's with " + self.chosen(guest, cpus))
        text = emulator.run(arguments, log, cpus, until=guest.end)
        return {**figures_of(text), **stamped_figures(text)}


class Kvm(Peer):
    """Debian's kernel as host, with KVM, and Debian's QEMU for arm64 as the VMM, out of an initial RAM disk."""

    name, package, tools = "kvm", "qemu-system-arm$", ("readelf",)
    KERNEL = os.path.join(SHARED, "debian", "Image")
    BUSYBOX = os.path.join(SHARED, "debian", "busybox")

    def vmm(self):
        return os.path.join(self.unpacked, "usr/bin/qemu-system-aarch64")

    def needs(self):
        return [self.vmm(), self.KERNEL, self.BUSYBOX]

    def version(self):
        host = " ".join(f"{name} {version}" for name, version in versions_of(os.path.join(SHARED, "debian", "versions.txt")).items()
                        if name.startswith("linux-image-"))
        return f"{super().version()} as VMM on {host or 'an unknown kernel'} as host"

    def libraries(self, program):
        """Paths of the program's shared libraries and theirs, below the unpacked folder; the loader among them."""
        folders = [os.path.join(self.unpacked, "usr/lib/aarch64-linux-gnu"), os.path.join(self.unpacked, "lib/aarch64-linux-gnu")]
        folders += [os.path.join(folder, sub) for folder in folders for sub in ("pulseaudio", "blas", "lapack") if os.path.isdir(os.path.join(folder, sub))]
        found, waiting = {}, [program]
        while waiting:
            said = subprocess.run(["readelf", "-d", waiting.pop()], stdout=subprocess.PIPE, text=True, check=True).stdout
            for name in re.findall(r"\(NEEDED\).*\[(.*)\]", said):
                path = next((os.path.join(f, name) for f in folders if os.path.exists(os.path.join(f, name))), None)
                if path and name not in found:
                    found[name] = path
                    waiting.append(path)
        found["ld-linux-aarch64.so.1"] = os.path.join(self.unpacked, "lib/aarch64-linux-gnu/ld-linux-aarch64.so.1")
        return found

    def initrd(self, guest, path, cpus):
        """Make the host's RAM disk at path; returns the VMM's command in it."""
        vmm = (f"qemu-system-aarch64 -accel kvm -cpu host -M virt,gic-version=3 -smp {cpus} -m {GUEST_MIB} -nographic -nic none -no-reboot "
               f"-kernel /guest{' -initrd /initrd' if guest.initrd else ''} -append ")
        if guest.initrd:
            steps = f"{vmm}'{BOOTARGS}' | stamp"
        else:  # the first run is only for the time since reset; in the second one nothing stands between VMM and console
            steps = f"{vmm}'{BOOTARGS} only=none' | stamp\n{vmm}'{BOOTARGS}'"
        script = path + ".init"
        with open(script, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexport PATH=/bin\nmount -t devtmpfs dev /dev\nmount -t proc proc /proc\nmount -t sysfs sys /sys\n"
                    "exec </dev/console >/dev/console 2>&1\n" + steps + "\necho host: the guest has ended\npoweroff -f\n")
        os.chmod(script, 0o755)
        entries = ["bin/", "dev/", "proc/", "sys/", "lib/", "tmp/", f"init={script}", f"bin/busybox={self.BUSYBOX}",
                   *[f"bin/{name}@busybox" for name in ("sh", "mount", "poweroff")], f"bin/stamp={SHARED}/guest/stamp",
                   f"bin/qemu-system-aarch64={self.vmm()}", f"guest={guest.kernel}"]
        entries += [f"initrd={guest.initrd}"] if guest.initrd else []
        entries += [f"lib/{name}={file}" for name, file in self.libraries(self.vmm()).items()]
        archive(path, entries, "--compact")
        return f"{vmm}'{BOOTARGS}'"

    def run(self, emulator, guest, log, cpus=1):
        initrd = os.path.join(self.folder, f"kvm-{guest.name}-{cpus}.cpio")
        vmm = self.made_once(initrd, lambda path: self.initrd(guest, path, cpus))
        arguments = [*HOST_MACHINE, "-kernel", self.KERNEL, "-initrd", initrd, "-append", BOOTARGS]
        self.keep(guest, cpus, emulator.command(arguments, cpus), "; in it: " + vmm)
        text = emulator.run(arguments, log, cpus, until=guest.until("host: the guest has ended"))
        return {**figures_of(text), **stamped_figures(text)}
