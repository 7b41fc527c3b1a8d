"""The systems that run the measuring guest and Linux: none (native), ours, and from Debian's packages Xen and Linux with KVM."""
import os
import re
import subprocess

from .figures import figures_of, stamped_figures

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(TOP, "build")
GUEST_MIB = 256
HOST_MIB = 1024
MIB = 1 << 20
BOOTARGS = "quiet nokaslr"
HOST_MACHINE = ["-M", "virt,gic-version=3,virtualization=on", "-m", str(HOST_MIB)]


def archive(path, entries):
    subprocess.run([os.path.join(TOP, "tools", "mkrom"), path, *entries], check=True)
    return path


class Guest:
    """What is run: a kernel, perhaps an initial RAM disk, and the text after which it has ended."""

    def __init__(self, name, kernel, initrd=None, end="verdict:"):
        self.name, self.kernel, self.initrd, self.end = name, kernel, initrd, end

    def is_there(self):
        return all(os.path.exists(file) for file in (self.kernel, self.initrd) if file)


class Native:
    """The guest without a hypervisor, at EL1."""

    def run(self, emulator, guest, log, cpus=1):
        arguments = ["-M", "virt,gic-version=3", "-m", str(GUEST_MIB), "-kernel", guest.kernel, "-append", BOOTARGS]
        return figures_of(emulator.run(arguments + (["-initrd", guest.initrd] if guest.initrd else []), log, cpus))


class Ours:
    """Our system, with ROMs made for it in a folder."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder

    def program(self, name):
        return os.path.join(self.build, name)

    def boot(self, emulator, script, log, files, cpus=1, arguments="", extra=()):
        """Run a script of test/bench; returns the console and the size of the ROM, or "" and 0 when a file is missing."""
        rom = os.path.join(self.folder, os.path.basename(log) + ".rom")
        entries = {"ned": self.program("ned"), script: os.path.join(TOP, "test", "bench", script), **files}
        missing = [file for file in [self.program("hv.bin"), *entries.values()] if not os.path.exists(file)]
        if missing:
            print(f"bench: {script} is left out: {missing[0]} is not built")
            return "", 0
        archive(rom, [f"{name}={file}" for name, file in entries.items()])
        text = emulator.run([*HOST_MACHINE, "-kernel", self.program("hv.bin"), "-initrd", rom,
                             "-append", f"rom/{script} {arguments}".strip(), *extra], log, cpus)
        return text, os.path.getsize(rom)

    def run(self, emulator, guest, log, cpus=1):
        files = {"guest": guest.kernel, "uvmm": self.program("uvmm"), **({"initrd": guest.initrd} if guest.initrd else {})}
        return figures_of(self.boot(emulator, "guest.lua", log, files, cpus, f"-n {cpus}" if cpus > 1 else "")[0])


class Peer:
    """A system of Debian's arm64 packages, unpacked in a folder by tools/get-peers. `why` says why it cannot be had, or is None."""

    def __init__(self, unpacked, folder):
        self.unpacked, self.folder = unpacked, folder
        self.commands = {}
        try:
            with open(os.path.join(unpacked, "version"), encoding="utf-8") as f:
                self.versions = dict(line.split(" ", 1) for line in f.read().splitlines())
            self.why = None
        except OSError:
            self.versions, self.why = {}, f"{self.name} is left out: its packages are not in build/peers; run tools/get-peers"

    def keep(self, guest, cpus, command, more=""):
        """Note the command, with paths below the top of the tree."""
        self.commands[f"{guest.name}, {cpus} CPU"] = " ".join(command).replace(TOP + os.sep, "") + more

    def version(self):
        return " ".join(f"{name} {version}" for name, version in self.versions.items() if re.match(self.package, name))


class Xen(Peer):
    """Xen without a dom0: it starts the guest that its device tree names. [XEN docs/features/dom0less.pandoc, docs/misc/arm/device-tree/booting.txt]"""

    name, package = "xen", "xen-"
    KERNEL_AT, INITRD_AT = 0x60000000, 0x68000000
    OPTIONS = "console=dtuart dtuart=/pl011@9000000 console_timestamps=raw"

    def tree(self, emulator, guest, path, cpus):
        """QEMU's own device tree with the guest in it, at path."""
        emulator.run([*HOST_MACHINE, "-machine", f"dumpdtb={path}"], path + ".txt", cpus)
        source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        modules = self.module("kernel", self.KERNEL_AT, guest.kernel, f' bootargs = "{BOOTARGS} console=ttyAMA0";')
        if guest.initrd:
            modules += self.module("ramdisk", self.INITRD_AT, guest.initrd)
        source += f"""/ {{ chosen {{
            #address-cells = <2>; #size-cells = <2>;
            xen,xen-bootargs = "{self.OPTIONS}";
            domU1 {{
                compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
                memory = <0 {GUEST_MIB * 1024}>; cpus = <{cpus}>; vpl011;
                {modules}
            }};
        }}; }};"""
        subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", path], input=source, text=True, check=True)

    @staticmethod
    def module(kind, address, file, more=""):
        return (f'module@{address:x} {{ compatible = "multiboot,{kind}", "multiboot,module"; '
                f"reg = <0 {address:#x} 0 {os.path.getsize(file):#x}>;{more} }};\n")

    def run(self, emulator, guest, log, cpus=1):
        tree = os.path.join(self.folder, os.path.basename(log) + ".dtb")
        image = os.path.join(self.unpacked, "boot", "xen-" + re.search(r"xen-hypervisor-(\S+)", " ".join(self.versions)).group(1))
        self.tree(emulator, guest, tree, cpus)
        arguments = [*HOST_MACHINE, "-kernel", image, "-dtb", tree,
                     "-device", f"loader,file={guest.kernel},addr={self.KERNEL_AT:#x},force-raw=on"]
        if guest.initrd:
            arguments += ["-device", f"loader,file={guest.initrd},addr={self.INITRD_AT:#x},force-raw=on"]
        self.keep(guest, cpus, emulator.command(arguments, cpus))
        text = emulator.run(arguments, log, cpus, until=guest.end)
        return {**figures_of(text), **stamped_figures(text)}


class Kvm(Peer):
    """Debian's kernel as host, with KVM, and Debian's QEMU for arm64 as the VMM, out of an initial RAM disk."""

    name, package = "kvm", "qemu-"

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
        vmm = (f"qemu-system-aarch64 -accel kvm -cpu host -M virt,gic-version=3 -smp {cpus} -m {GUEST_MIB} -nographic -nic none -no-reboot "
               f"-kernel /guest{' -initrd /initrd' if guest.initrd else ''} -append ")
        if guest.initrd:
            steps = f"{vmm}'{BOOTARGS}' | stamp"
        else:  # the first run is only for the time since reset; in the second one nothing stands between VMM and console
            steps = f"{vmm}'{BOOTARGS} only=none' | stamp\n{vmm}'{BOOTARGS}'"
        script = os.path.join(self.folder, os.path.basename(path) + ".init")
        with open(script, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexport PATH=/bin\nmount -t devtmpfs dev /dev\nmount -t proc proc /proc\nmount -t sysfs sys /sys\n"
                    "exec </dev/console >/dev/console 2>&1\n" + steps + "\necho host: the guest has ended\npoweroff -f\n")
        os.chmod(script, 0o755)
        program = os.path.join(self.unpacked, "usr/bin/qemu-system-aarch64")
        entries = ["bin/", "dev/", "proc/", "sys/", "lib/", "tmp/", f"init={script}", f"bin/busybox={SHARED}/debian/busybox",
                   *[f"bin/{name}@busybox" for name in ("sh", "mount", "poweroff")], f"bin/stamp={SHARED}/guest/stamp",
                   f"bin/qemu-system-aarch64={program}", f"guest={guest.kernel}"]
        entries += [f"initrd={guest.initrd}"] if guest.initrd else []
        entries += [f"lib/{name}={file}" for name, file in self.libraries(program).items()]
        archive(path, entries)
        return vmm

    def run(self, emulator, guest, log, cpus=1):
        initrd = os.path.join(self.folder, os.path.basename(log) + ".cpio")
        vmm = self.initrd(guest, initrd, cpus)
        arguments = [*HOST_MACHINE, "-kernel", os.path.join(SHARED, "debian", "Image"), "-initrd", initrd, "-append", BOOTARGS]
        self.keep(guest, cpus, emulator.command(arguments, cpus), "; in it: " + vmm + f"'{BOOTARGS}'")
        text = emulator.run(arguments, log, cpus, until="host: the guest has ended")
        return {**figures_of(text), **stamped_figures(text)}


