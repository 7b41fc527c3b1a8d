"""DMA domains and device windows as scripts use them, and memory that runs out or is in pieces: figures, and all comes back."""
import re

SCRIPT = r"""
local factory, flags = L4.Env.user_factory, L4.Mem_alloc_flags
local MIB = 1 << 20

local function used()
  collectgarbage() collectgarbage()
  return factory:info().used
end

local function physical()
  local domain = factory:create(L4.Proto.Dma_space)
  L4.Env.iommu:physical(domain)
  return domain
end

local function refused(...)
  local ok, why = pcall(...)
  print("refused: " .. (ok and "no" or tostring(why)))
end

local function pieces_of(domain, ds)
  local pieces, offset, size = {}, 0, ds:size()
  while offset < size do
    local at, got = domain:dma_map(ds, 0, offset)
    pieces[#pieces + 1] = {at, got}
    offset = offset + got
  end
  return pieces
end

local function addresses()
  local whole = factory:create(L4.Proto.Dataspace, 8 * MIB, flags.Continuous, 21)
  local part = whole:slice(3 * MIB, MIB)
  local a, b, c = physical(), physical(), factory:create(L4.Proto.Dma_space)
  local at, size = a:dma_map(whole)
  local there, rest = b:dma_map(part)
  print(("whole: at %#x, %#x bytes"):format(at, size))
  print(("part: %#x behind, %#x bytes"):format(there - at, rest))
  print(("translating: at %#x"):format(c:dma_map(whole, 64 * MIB)))
  print(("kinds: %s, %s"):format(a:dma_info().kind, c:dma_info().kind))
  refused(function() L4.Env.iommu:physical(c) end)
  -- The dataspace's end is not its memory's, as long as somebody may have told a device.
  local before = used()
  whole:destroy()
  local kept = used()
  a:destroy()
  local half = used()
  b:destroy()
  print(("kept: %s, %s, %s"):format(before - kept < MIB, before - half < MIB, before - used() >= 8 * MIB))
end

local function fragments()
  local all = {}
  repeat
    local ok, ds = pcall(factory.create, factory, L4.Proto.Dataspace, 16 * MIB, flags.Continuous, 21)
    all[#all + 1] = ok and ds or nil
  until not ok
  print("taken: " .. #all)
  for i = 2, #all, 2 do
    all[i]:destroy()
  end
  refused(function() factory:create(L4.Proto.Dataspace, 48 * MIB, flags.Continuous) end)
  local scattered = factory:create(L4.Proto.Dataspace, 48 * MIB)
  local domain, pieces = physical(), {}
  pieces = pieces_of(domain, scattered)
  table.sort(pieces, function(a, b) return a[1] < b[1] end)
  local apart = true
  for i = 2, #pieces do
    apart = apart and pieces[i - 1][1] + pieces[i - 1][2] <= pieces[i][1]
  end
  print(("scattered: %s, %s"):format(#pieces > 1, apart))
  refused(function() factory:create(L4.Proto.Dataspace, 1 << 40) end)
  scattered:destroy()
  domain:destroy()
  for i = 1, #all, 2 do
    all[i]:destroy()
  end
end

local function quotas()
  local small = factory:create(L4.Proto.Factory, MIB)
  refused(function() small:create(L4.Proto.Dataspace, 2 * MIB) end)
  refused(function() for _ = 1, 1000 do small:create(L4.Proto.Dma_space):dma_map({}) end end)
  local domains, ok, why = {}, true, nil
  while ok do
    ok, why = pcall(small.create, small, L4.Proto.Dma_space)
    domains[#domains + 1] = ok and why or nil
  end
  print("domains: " .. #domains .. ", then " .. tostring(why))
  domains = nil
  collectgarbage() collectgarbage()
  local info = small:info()
  print(("small: %d of %d used"):format(info.used, info.quota))
end

local function windows()
  refused(function() L4.Env.mmio:slice(0x40000000, 4096) end)
  refused(function() L4.Env.mmio:slice(0x08000000, 0x10000) end)
  refused(function() L4.Env.mmio:slice(0x09000000, 4096) end)
  print("window: " .. L4.Env.mmio:slice(0x09010000, 4096):size())
  refused(function() physical():dma_map(L4.Env.mmio) end)
end

addresses() fragments() quotas() windows() -- once for what is made once
local before = used()
addresses() fragments() quotas() windows()
print(("left over: %d"):format(used() - before))
"""

# QEMU's edu does any DMA it is told to; no SMMU stands in its way.
DEVICES = ("-device", "edu,dma_mask=0xffffffffffffffff,addr=3", "-device", "edu,dma_mask=0xffffffffffffffff,addr=4")
DEVICE_SCRIPT = """
L4.default_loader:start({caps = {iommu = L4.Env.iommu, mmio = L4.Env.mmio}, mem = 64 << 20},
                        "rom/dma 0x4010000000 physical")
"""


def test_scripts_learn_where_memory_is_and_all_of_it_comes_back(machine):
    console = machine(SCRIPT, mem="512M")
    console.expect(r"left over: (-?\d+)", timeout=200)
    assert int(console.child.match.group(1)) == 0, console.tail(3)
    text = console.text()
    at, size = re.search(r"whole: at (0x\w+), (0x\w+) bytes", text).groups()
    assert int(at, 16) % (2 << 20) == 0 and int(at, 16) >= 1 << 30 and int(size, 16) == 8 << 20
    for line in ["part: 0x300000 behind, 0x100000 bytes", "translating: at 0x4000000", "kinds: physical, translating",
                 "kept: true, true, true", "scattered: true, true", "small: 0 of 1048576 used", "window: 4096"]:
        assert text.count(line) == 2, line
    for why in [r"DMA domain \(space.*\) cannot be made physical: something is mapped in it",
                r"no memory for a dataspace of 48 MiB in one piece: factory has \S+ \S+ left .* largest free piece is",
                r"no memory for a dataspace of 1024 GiB: factory has",
                r"no memory for a dataspace of 2 MiB: factory with 1 MiB has .* left of its 1 MiB",
                r"dma_map\(a table\); expected a dataspace",
                r"mmio \(dataspace.*\): no window of 4 KiB at 0x40000000: memory or registers of the hypervisor's own",
                r"no window of 64 KiB at 0x8000000", r"no window of 4 KiB at 0x9000000",
                r"cannot be mapped at 0: only slices of it can"]:
        assert len(re.findall("refused: .*" + why, text)) == 2, why
    assert int(re.search(r"domains: (\d+), then .*no memory for a DMA domain", text).group(1)) > 10


def test_memory_that_a_device_knows_is_nobody_elses(machine):
    console = machine(DEVICE_SCRIPT, cpus=1, extra=DEVICES)
    console.expect("dma ended with exit code 0", timeout=120)
    text = console.text()
    assert text.count("ok - ") == 4 and "not ok" not in text
