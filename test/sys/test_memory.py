"""Guest memory by every rule of docs/memory.md: what a guest finds, what Linux finds, and each mistake's sentence."""
import re
import subprocess

import pytest

from conftest import bare_guest, guest_files
from test_examples import trees

HELPERS = """-- What the scripts below use.
local vmm = require "vmm"
function ds(mib, ...) return L4.Env.user_factory:create(L4.Proto.Dataspace, mib * 1024 * 1024, ...) end
function physical()
  local dma = L4.Env.user_factory:create(L4.Proto.Dma_space)
  L4.Env.iommu:physical(dma)
  return dma
end
-- What the hypervisor says of a dataspace, by a domain of the script's own.
function where(name, mem)
  local dma, offset = physical(), 0
  while offset < mem:size() do
    local at, size = dma:dma_map(mem, 0, offset)
    print("hv:", name, string.format("%x", offset), string.format("%x", at), string.format("%x", size))
    offset = offset + size
  end
end
-- A VM with these capabilities and one more device tree; its end.
function run(tag, caps, options)
  local given = {}
  for name, cap in pairs(caps) do given[name] = name == "vbus" and cap or cap:m("rw") end
  local task = L4.default_loader:start({caps = given, log = {tag, "w"}}, "rom/uvmm -k rom/memory.bin " .. options)
  print("end of", tag, (task:wait()))
end
"""

# machine.dts of the examples in one cell is enough for a guest that only looks at its memory.
BASE = """/dts-v1/;
/ {
	#address-cells = <CELLS>;
	#size-cells = <CELLS>;
	interrupt-parent = <&gic>;
	cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = "cpu"; reg = <0>; enable-method = "psci"; }; };
	psci { compatible = "arm,psci-1.0"; method = "hvc"; };
	gic: intc@8000000 { compatible = "arm,gic-v3"; #interrupt-cells = <3>; interrupt-controller;
		reg = <HIGH 0x08000000 HIGH 0x10000 HIGH 0x080a0000 HIGH 0x20000>; };
	pl011@9000000 { compatible = "arm,pl011"; interrupts = <0 1 4>; reg = <HIGH 0x09000000 HIGH 0x1000>; };
	MORE
};
"""


def tree(more, cells=1):
    return BASE.replace("CELLS", str(cells)).replace("HIGH", "0" if cells == 2 else "").replace("MORE", more)


def node(address, cap, *properties):
    return f'memory@{address} {{ device_type = "memory"; l4vmm,dscap = "{cap}"; {" ".join(properties)} }};'


def numbers(text):
    return [int(word, 16) for word in text.split()]


def plain(console):
    return re.sub(r"\x1b\[[0-9;]*m", "", console.text())


def part(text, tag):
    """What is said from the start of the VM of that tag to its end."""
    return re.search(rf"{tag}: started.*?end of\s+{tag}\b", text, re.S).group()


def nodes(text, tag):
    """{name: {property: cells}} of the memory nodes that the guest of that tag found."""
    found = {}
    for name, rest in re.findall(r"^memory: node (\S+)([^\n]*)", part(text, tag), re.M):
        parts = re.split(r" (reg|dma-ranges)", rest)
        found[name] = {parts[i]: numbers(parts[i + 1]) for i in range(1, len(parts), 2)}
    return found


def boot(start, script, files, **more):
    more.setdefault("mem", "1G")  # so that physical addresses fit into trees of one cell
    return start(HELPERS + script + 'print("all is over")\n', {"memory.bin": bare_guest("memory"), **trees(), **files}, **more)


def compiled(tmp_path, **sources):
    """{name.dtb: path} of device-tree sources."""
    files = {}
    for name, text in sources.items():
        path = tmp_path / f"{name}.dtb"
        subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", str(path), "-"], input=text.encode(), check=True)
        files[f"{name}.dtb"] = str(path)
    return files


def test_a_guest_finds_what_script_and_tree_ask_for(machine, tmp_path):
    """A guest of its own for each rule, one after the other: it prints its memory nodes, and tries every page of them."""
    files = compiled(
        tmp_path,
        guide=tree(node("0", "memcap", "reg = <0x0 0x100000 0x200000 0xffffffff>;")),
        high=tree(node("0", "low", "reg = <0 0x40000000 0 0x400000>, <0 0x50000000 0 0>;")
                  + node("100000000", "high", "reg = <0x1 0x0 0x0 0xffffffff>;"), cells=2),
        missing=tree(node("0", "memcap", "reg = <0x40000000 0>;") + node("8", "nobody", "reg = <0x80000000 0>;")
                     + 'memory@9 { device_type = "memory"; reg = <0x90000000 0x1000>; };'),
        large=tree(node("0", "memcap", "reg = <0x40000000 0x400000>;")),
        reserved="/dts-v1/; /memreserve/ 0x40f00000 0x100000;" + tree(
            node("0", "memcap", "reg = <0x40000000 0>;")
            + "reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;"
              " top@40c00000 { reg = <0x40c00000 0x300000>; }; bottom@40000000 { reg = <0x40000000 0x1000>; }; };")[9:])
    console = boot(machine, """
run("guide", {memcap = ds(16)}, "-d rom/guide.dtb")
run("high", {low = ds(16), high = ds(8)}, "-d rom/high.dtb")
run("missing", {memcap = ds(16)}, "-d rom/missing.dtb")
run("large", {memcap = ds(16)}, "-d rom/large.dtb")
run("base", {ram = ds(16)}, "-b 0x60000000")
run("split", {ram = ds(16)}, "-b 0x8800000")
run("lowest", {ram = ds(16)}, "-d rom/machine.dtb")
run("reserved", {memcap = ds(16)}, "-d rom/reserved.dtb")
run("limit", {memcap = ds(16)}, "-d rom/guide.dtb:limit=0x800000")
""", files)
    console.expect("all is over", timeout=120)
    text = plain(console)
    assert nodes(text, "guide") == {"memory@0": {"reg": [0, 0x100000, 0x200000, 0xf00000]}}
    assert nodes(text, "high") == {
        "memory@0": {"reg": [0, 0x40000000, 0, 0x400000, 0, 0x50000000, 0, 0xc00000]},
        "memory@100000000": {"reg": [1, 0, 0, 0x800000]}}
    assert nodes(text, "missing") == {"memory@0": {"reg": [0x40000000, 0x1000000]}}
    assert "disabled: /memory@8: l4vmm,dscap: there is no capability 'nobody'" in text
    assert nodes(text, "large") == {"memory@0": {"reg": [0x40000000, 0x400000]}}
    assert "warning: device tree, node /memory@0: the dataspace 'memcap' has 16 MiB, but reg takes only 4 MiB" in text
    assert nodes(text, "base") == {"memory@60000000": {"reg": [0, 0x60000000, 0, 0x1000000]}}
    assert nodes(text, "split") == {"memory@8800000": {"reg": [0, 0x8800000, 0, 0x800000, 0, 0x9200000, 0, 0x800000]}}
    assert nodes(text, "lowest") == {"memory@0": {"reg": [0, 0, 0, 0x1000000]}}
    assert nodes(text, "reserved") == {"memory@0": {"reg": [0x40000000, 0x1000000]}}
    assert 0x40a00000 <= place_of_tree(text, "reserved") < 0x40c00000
    assert 0x600000 <= place_of_tree(text, "limit") < 0x800000
    expect_whole(text, guide=16, high=24, missing=16, large=4, base=16, split=16, lowest=16, reserved=16, limit=16)
    # One line of the map for each region, with the capability.
    assert re.search(r"0000200000-00010fffff +15 MiB  RAM, capability memcap\n", text)
    assert re.search(r"0100000000-01007fffff +8 MiB  RAM, capability high\n", text)


def place_of_tree(text, tag):
    return int(re.search(r"memory: tree at ([0-9a-f]+),", part(text, tag)).group(1), 16)


def expect_whole(text, **mib):
    """Every page was zero and is a page of its own; all but what the guest itself lies on were tried."""
    for tag, size in mib.items():
        pages, dirty, lost = map(int, re.search(r", (\d+) pages, (\d+) dirty, (\d+) lost", part(text, tag)).groups())
        assert (dirty, lost) == (0, 0), tag
        assert size * 256 - 256 < pages < size * 256, tag


def test_a_guest_finds_its_physical_memory_when_its_dma_has_no_iommu(machine, tmp_path):
    """What the guest reads is what the hypervisor says: the script asks it by a domain of its own."""
    files = compiled(
        tmp_path,
        bare=tree(node("0", "memcap", "l4vmm,physmap;")),
        fallback=tree(node("0", "memcap", "l4vmm,physmap;", "reg = <0x40000000 0>;")),
        ranges=tree(node("0", "memcap", "reg = <0x0 0x200000 0x400000 0>;", "dma-ranges;")),
        both=tree(node("0", "memcap", "l4vmm,physmap;", "dma-ranges = <1 2 3>;")),
        bound=tree(node("0", "memcap", "reg = <0x40000000 0>;")))
    console = boot(machine, """
local mem, pieces, hold = nil, {}, {}
-- Free memory in pieces: each second one of all that there are.
while pcall(function() pieces[#pieces + 1] = ds(4) end) do end
for i = 1, #pieces, 2 do hold[#hold + 1] = pieces[i] end
pieces = nil
collectgarbage()
collectgarbage()
print("Continuous:", pcall(ds, 12, L4.Mem_alloc_flags.Continuous))
mem = ds(12)
where("mem", mem)
for _, name in ipairs {"bare", "fallback", "ranges", "both", "bound"} do
  run(name, {memcap = mem, dma = physical()}, "-d rom/" .. name .. ".dtb")
end
-- One that translates, though there is no SMMU to ask it.
local translating = L4.Env.user_factory:create(L4.Proto.Dma_space)
for i, name in ipairs {"fallback", "ranges", "bare"} do
  run("behind" .. i, {memcap = mem, dma = translating}, "-d rom/" .. name .. ".dtb")
end
run("alone", {ram = mem, dma = physical()}, "-d rom/machine.dtb")
run("without", {memcap = mem}, "-d rom/fallback.dtb")
run("refused", {memcap = mem}, "-d rom/bare.dtb")
run("again", {memcap = mem, dma = physical()}, "-d rom/bare.dtb")
""", files, mem="256M")
    console.expect("all is over", timeout=120)
    text = plain(console)
    assert re.search(r"Continuous:\s+false\s+.*no memory for a dataspace of 12 MiB in one piece: \S+ has [\d.]+ MiB left of its [\d.]+ MiB; "
                     r"of the machine's memory [\d.]+ MiB is free, the largest free piece is [\d.]+ MiB", text)
    said = [numbers(" ".join(found)) for found in re.findall(r"hv:\s+mem\s+(\w+)\s+(\w+)\s+(\w+)", text)]
    assert len(said) >= 2 and sum(size for _, _, size in said) == 12 << 20
    physical = [n for _, at, size in said for n in (at, size)]
    for tag in ("bare", "fallback", "again"):
        assert nodes(text, tag) == {"memory@0": {"reg": physical}}, tag
    assert nodes(text, "both")["memory@0"] == {
        "reg": physical, "dma-ranges": [1, 2, 3] + [n for _, at, size in said for n in (at, at, size)]}
    assert "dma-ranges has 12 bytes already" in text
    assert nodes(text, "without") == {"memory@0": {"reg": [0x40000000, 12 << 20]}}
    assert sorted(pairs(nodes(text, "bound")["memory@0"]["reg"])) == sorted(pairs(physical))
    (found,) = nodes(text, "alone").values()
    assert found["reg"] == [n for value in physical for n in (0, value)]
    # In the order of the dataspace: 2 MiB at 0, the rest at 4 MiB; a region wherever one of both is in another piece.
    ranges = nodes(text, "ranges")["memory@0"]
    offset = 0
    for dma, address, size in zip(*[iter(ranges["dma-ranges"])] * 3):
        assert address == (offset if offset < 0x200000 else offset + 0x200000)
        piece = next(p for p in said if p[0] <= offset < p[0] + p[2])
        assert dma == piece[1] + offset - piece[0] and offset + size <= piece[0] + piece[2]
        offset += size
    assert offset == 12 << 20
    assert pairs(ranges["reg"]) == [(address, size) for _, address, size in zip(*[iter(ranges["dma-ranges"])] * 3)]
    assert nodes(text, "behind1") == {"memory@0": {"reg": [0x40000000, 12 << 20]}}
    assert nodes(text, "behind2") == {"memory@0": {
        "reg": [0, 2 << 20, 4 << 20, 10 << 20], "dma-ranges": [0, 0, 2 << 20, 4 << 20, 4 << 20, 10 << 20]}}
    assert re.search(r"error: .*devices are behind an IOMMU: give reg, or drop l4vmm,physmap", part(text, "behind3"))
    assert re.search(rf"RAM, capability memcap, DMA address {said[0][1]:#x}\n", text)
    assert re.search(r"refused.*node /memory@0: l4vmm,physmap without reg, but the physical address of the dataspace 'memcap' cannot "
                     r"be determined", text)
    assert re.search(r"end of\s+refused\s+1\b", text)


def pairs(cells):
    return list(zip(cells[::2], cells[1::2]))


def test_each_mistake_is_one_sentence_and_the_end_of_that_vm_only(machine, tmp_path):
    mistakes = {
        "type": (node("0", "memcap", "reg = <0 0>;").replace("memory\"", "ram\""), r'/memory@0: device_type is "ram"'),
        "page": (node("0", "memcap", "reg = <0x800 0>;"), "/memory@0: reg: the address 0x800 of region 0 is not page aligned"),
        "regions": (node("0", "memcap", "reg = <0 0x2000 0x1000 0x1000>;"), r"/memory@0: reg: regions 0 \(at 0\) and 1 \(at 0x1000\) overlap"),
        "gic": (node("0", "memcap", "reg = <0x8000000 0>;"), r"/memory@0: reg: .* overlaps the device /intc@8000000 at 0x8000000"),
        "noreg": (node("0", "memcap"), "/memory@0: reg is missing"),
        "none": (node("0", "nobody", "reg = <0 0>;"), "none of the device tree's 1 memory nodes has its dataspace"),
        "twice": (node("0", "memcap", "reg = <0 0>;") + node("1", "memcap", "reg = <0x10000000 0>;"), "'memcap' is the RAM of /memory@0 already"),
        "small": (node("0", "tiny", "reg = <0x40000000 0>;") + node("1", "memcap", "reg = <0x10000000 0>;"),
                  r"the first memory node, /memory@0, has 16 KiB of 16 KiB"),
        "irq": (node("0", "noram", "reg = <0x40000000 0>;"), 'the capability "noram" is no dataspace'),
    }
    files = compiled(tmp_path, **{name: tree(text) for name, (text, _) in mistakes.items()})
    console = boot(machine, """
local tiny = L4.Env.user_factory:create(L4.Proto.Dataspace, 16 * 1024)
local noram = L4.Env.user_factory:create(L4.Proto.Irq_sender)
for _, name in ipairs {%s} do run(name, {memcap = ds(16), tiny = tiny, noram = noram}, "-d rom/" .. name .. ".dtb") end
run("nothing", {}, "")
""" % ", ".join(f'"{name}"' for name in mistakes), files)
    for name, (_, sentence) in mistakes.items():
        console.expect(rf"{name}\b.*error: .*{sentence}")
        console.expect(rf"end of\s+{name}\s+1\b")
    console.expect(r'nothing\b.*error: the VM has no RAM: there is no capability "ram"')
    console.expect("all is over")


def test_every_dataspace_is_cleared_for_the_next_guest_unless_the_script_keeps_it(machine, tmp_path):
    files = compiled(tmp_path, two=tree(node("0", "a", "reg = <0x40000000 0>;", "dma-ranges;") + node("1", "b", "reg = <0x50000000 0>;", "dma-ranges;")))
    console = boot(machine, """
for i, keep in ipairs {false, false, true} do
  local given = {a = ds(4):m("rw"), b = ds(8):m("rw"), dma = i == 2 and physical():m("rw") or nil}
  vmm.start_vm{id = i, mem = false, kernel = "rom/ends.bin", fdt = "rom/two.dtb", bootargs = "do=reset",
               ext_caps = given, keep_ram = keep, restart = {on = "reset", max = 1}}:wait()
end
""", {**files, "ends.bin": bare_guest("ends")})
    console.expect("all is over", timeout=120)
    text = plain(console)
    *cleared, first, second = re.findall(r"ends: up, 1 CPUs, (\d+) pages", text)
    # Without DMA, and with a DMA domain that outlives each of them.
    assert cleared == ["0"] * 4
    # Both dataspaces, but for what the kernel and the tree lie on.
    assert first == "0" and 12 * 256 - 256 < int(second) < 12 * 256


def test_memory_that_is_not_there_is_an_error_with_figures_and_comes_back_after_use(machine, tmp_path):
    # Between two large pages: the guest's tables take a page for each 2 MiB.
    files = compiled(tmp_path, bare=tree(node("0", "memcap", "l4vmm,physmap;")), odd=tree(node("0", "memcap", "reg = <0x40100000 0>;")))
    console = boot(machine, """
local function figures(what)
  collectgarbage()
  collectgarbage()
  local info = L4.Env.user_factory:info()
  print("figures", what, info.used, info.machine_free + info.hypervisor)
end
local function round()
  do
    local mem = ds(16)
    run("vm", {memcap = mem, dma = physical()}, "-q -d rom/bare.dtb")
  end
  L4.default_loader:start({caps = {memcap = ds(128):m("rw")}, mem = 420 * 1024, log = {"poor"}}, "rom/uvmm -k rom/memory.bin -d rom/odd.dtb"):wait()
  do
    local purse = L4.Env.user_factory:create(L4.Proto.Factory, 64 * 1024)
    run("tight", {memcap = ds(128), dma = purse:create(L4.Proto.Dma_space)}, "-d rom/odd.dtb")
  end
  print("too large:", pcall(ds, 4096))
  local purse = L4.Env.user_factory:create(L4.Proto.Factory, 8 * 1024 * 1024)
  print("quota:", pcall(function() return purse:create(L4.Proto.Dataspace, 16 * 1024 * 1024) end))
  local all = {}
  while pcall(function() all[#all + 1] = ds(16) end) do end
  print("all:", #all)
end
round()
figures("first")
round()
figures("second")
""", files, mem="256M")
    console.expect("all is over", timeout=120)
    text = plain(console)
    assert len(re.findall(r"too large:\s+false\s+.*no memory for a dataspace of 4 GiB: .* left of its .*is free, the largest free piece is", text)) == 2
    assert len(re.findall(r"quota:\s+false\s+.*no memory for a dataspace of 16 MiB: factory with 8 MiB has [\d.]+ MiB left of its 8 MiB", text)) == 2
    assert len(re.findall(r"end of\s+vm\s+0\b", text)) == 2
    assert len(re.findall(r"tight: error: the dataspace \"memcap\" cannot be mapped for DMA at 0x40100000: .*quota", text)) == 2
    assert len(re.findall(r"poor: error: 128 MiB of RAM cannot be mapped for the guest at 0x40100000: .* the VM's factory has .* left of 420 KiB", text)) == 2
    first, second = re.findall(r"figures\s+\w+\s+(\d+)\s+(\d+)", text)
    assert first == second


LINUX = """
L4.start_cons{}                                -- says whose each piece of a line is
local command = [[(cat /proc/iomem; for n in /proc/device-tree/memory*; do for p in reg dma-ranges; do [ -e $n/$p ] &&
  echo $(basename $n) $p $(od -v -An -tx1 $n/$p); done; done) | sed 's/^/%s: /'; stty echo]] -- which waits until all is printed: then the guest turns itself off
local function linux(name, caps, ...)
  local given = {}
  for cap, mem in pairs(caps) do given[cap] = mem:m("rw") end
  local args = 'console=ttyAMA0 quiet guest.run="' .. command:gsub("\\n *", " "):format(name) .. '"'
  vmm.start_vm{id = name, mem = false, ext_caps = given, vcpus = 1, bootargs = args, ext_args = {...}}
end
local phys, dma = ds(72), ds(72)
where("physram", phys)
where("dmaram", dma)
linux("nodes", {lowram = ds(80), highram = ds(32)}, "-d", "rom/machine.dtb", "-d", "rom/memory-nodes.dtb")
linux("both", {physram = phys, dmaram = dma, dma = physical()}, "-d", "rom/machine.dtb", "-d", "rom/dma-ranges.dtb", "-d", "rom/physmap.dtb")
linux("reg", {physram = ds(72)}, "-d", "rom/machine.dtb", "-d", "rom/physmap-or-reg.dtb")
vmm.start_vm{id = "base", mem = 72, ram_base = 0x80000000, vcpus = 1, bootargs = 'console=ttyAMA0 quiet guest.run="' .. command:gsub("\\n *", " "):format("base") .. '"'}
"""


def test_linux_finds_what_script_and_tree_ask_for(machine):
    """Debian in four VMs at once: /proc/iomem and /proc/device-tree against the trees of the examples."""
    console = machine(HELPERS + LINUX, {**guest_files(), **trees()})
    for _ in range(4):
        console.expect("the guest turned it off", timeout=300)
    text = plain(console)

    def lines(name):
        """What that VM printed: behind "~" goes on what was broken off."""
        pieces = re.findall(rf"^{name}([:~]) ?(.*)$", text, re.M)
        return "".join(("" if mark == "~" else "\n") + piece for mark, piece in pieces)

    def ram(name):
        return [(int(low, 16), int(high, 16) + 1 - int(low, 16))
                for low, high in re.findall(rf"^{name}: ([0-9a-f]+)-([0-9a-f]+) : System RAM", lines(name), re.M)]

    def cells(name, node, prop):
        found = re.search(rf"^{name}: {node} {prop} ([0-9a-f ]+)$", lines(name), re.M).group(1)
        data = bytes.fromhex(found)
        return [int.from_bytes(data[i:i + 8], "big") for i in range(0, len(data), 8)]

    def said(name):
        return [numbers(" ".join(found)) for found in re.findall(rf"hv:\s+{name}\s+(\w+)\s+(\w+)\s+(\w+)", text)]

    mib = 1 << 20
    # A hole, a region cut to what is left, and RAM above 4 GiB.
    assert ram("nodes") == [(0x40000000, 64 * mib), (0x48000000, 16 * mib), (0x100000000, 32 * mib)]
    assert cells("nodes", "memory@40000000", "reg") == [0x40000000, 64 * mib, 0x48000000, 16 * mib]
    assert cells("nodes", "memory@100000000", "reg") == [0x100000000, 32 * mib]
    assert ram("base") == [(0x80000000, 72 * mib)] == pairs(cells("base", "memory@80000000", "reg"))
    assert ram("reg") == [(0x80000000, 72 * mib)] == pairs(cells("reg", "memory@80000000", "reg"))
    assert pairs(cells("both", "memory@0", "reg")) == [(at, size) for _, at, size in said("physram")]
    assert cells("both", "memory@20000000", "dma-ranges") == [
        n for offset, at, size in said("dmaram") for n in (at, 0x20000000 + offset, size)]
    assert sum(size for _, size in ram("both")) == 144 * mib
    assert (0x20000000, 72 * mib) in ram("both")


BUS = """
local list = {{bus = {{"PCI/VEN_1234", unsafe_dma = {}}}}}
vmm.start_io(list)
local mem = ds(8)
where("mem", mem)
for _, name in ipairs {{"bare", "fallback", "ranges"}} do
  run(name, {{memcap = mem, vbus = list.bus}}, "-d rom/" .. name .. ".dtb")
end
"""


@pytest.mark.parametrize("iommu", ["without an SMMU", "behind an SMMU"])
def test_the_bus_says_where_dma_finds_memory(machine, tmp_path, iommu):
    """QEMU's edu device on a bus, for one VM after the other: each has a DMA domain of its own."""
    is_behind = iommu == "behind an SMMU"
    files = compiled(
        tmp_path,
        bare=tree(node("0", "memcap", "l4vmm,physmap;")),
        fallback=tree(node("0", "memcap", "l4vmm,physmap;", "reg = <0x80000000 0>;")),
        ranges=tree(node("0", "memcap", "reg = <0x80000000 0>;", "dma-ranges;")))
    console = boot(machine, BUS.format("nil" if is_behind else "true"), files, extra=("-device", "edu"),
                   machine="virt,iommu=smmuv3" if is_behind else "virt")
    console.expect("all is over", timeout=120)
    text = plain(console)
    said = [numbers(" ".join(found)) for found in re.findall(r"hv:\s+mem\s+(\w+)\s+(\w+)\s+(\w+)", text)]
    physical = [n for _, at, size in said for n in (at, size)]
    reg = [0x80000000, 8 << 20]
    if is_behind:
        assert re.search(r"error: .*devices are behind an IOMMU: give reg, or drop l4vmm,physmap", part(text, "bare"))
        assert nodes(text, "fallback") == {"memory@0": {"reg": reg}}
        assert nodes(text, "ranges") == {"memory@0": {"reg": reg, "dma-ranges": [0x80000000] + reg}}
    else:
        assert nodes(text, "bare") == nodes(text, "fallback") == {"memory@0": {"reg": physical}}
        assert nodes(text, "ranges")["memory@0"]["dma-ranges"] == [
            n for offset, at, size in said for n in (at, 0x80000000 + offset, size)]
