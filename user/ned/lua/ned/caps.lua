-- Capabilities as scripts see them: handles with methods, and the rights with which they are passed on.
--
-- A handle is {ref, rights}. Several handles share one ref, which is a slot of ned's table and is emptied when the last
-- handle is gone; an object that a program holds too lives on.
local abi = require "abi"
local core = require "core"
local report = require "ned.report"

local caps = {}

local kind_name = {}
for name, number in pairs(abi.kind) do
  kind_name[number] = name
end

local RIGHTS_ALL = abi.Rights.r | abi.Rights.w | abi.Rights.s | abi.Rights.d
local DEFAULT_RIGHTS = abi.Rights.r | abi.Rights.w | abi.Rights.s

local Handle = {} -- metatable
local common = {} -- methods of every capability
local methods = {} -- kind -> methods

-- Other files add methods for their kinds here.
function caps.methods_of(kind)
  methods[kind] = methods[kind] or {}
  return methods[kind]
end

local ref_meta = {
  __gc = function(ref)
    if ref.at_gc then
      ref.at_gc()
    end
    if ref.owned then
      core.drop(ref.slot)
    end
  end,
}

local function handle(ref, rights)
  return setmetatable({ref = ref, rights_given = rights & ref.rights}, Handle)
end

-- A handle of a capability that ned made and that nobody else counts.
function caps.adopt(slot, kind, name)
  local ref = {slot = slot, kind = kind, rights = RIGHTS_ALL, name = name, owned = true}
  return handle(setmetatable(ref, ref_meta), DEFAULT_RIGHTS)
end

-- A handle of a capability of ned's environment.
function caps.of_environment(name, slot)
  local kind, rights = core.kind(slot)
  if not kind then
    return nil
  end
  return handle({slot = slot, kind = kind, rights = rights, name = name, owned = false}, DEFAULT_RIGHTS)
end

function caps.is_handle(value)
  return getmetatable(value) == Handle
end

-- Whether the value is a handle of that kind; for report.check_options.
function caps.is_kind(kind)
  return function(value)
    if not caps.is_handle(value) or value.ref.kind ~= kind then
      return "a capability to a " .. kind_name[kind]
    end
  end
end

-- Turn (nil, error number) of a core function into an error.
function caps.check(value, code)
  if value == nil then
    report.fail("%s", report.error_text(code))
  end
  return value
end

local letters = {r = abi.Rights.r, w = abi.Rights.w, s = abi.Rights.s, d = abi.Rights.d, n = 0, c = abi.Rights.s}

local function rights_text(rights)
  local text = ""
  for _, letter in ipairs {"r", "w", "s", "d"} do
    if rights & letters[letter] ~= 0 then
      text = text .. letter
    end
  end
  return text == "" and "none" or text
end

local function parse_rights(what, wanted)
  if math.type(wanted) == "integer" then
    return wanted & RIGHTS_ALL | abi.Rights.r
  elseif type(wanted) ~= "string" then
    report.fail("%s: rights %s; expected letters out of r w s d, or a number", what, report.value(wanted))
  end
  local rights = abi.Rights.r
  for letter in wanted:lower():gmatch(".") do
    if not letters[letter] then
      report.fail("%s: rights %q: '%s' is no right; there are r read, w write, s control, d destroy", what, wanted, letter)
    end
    rights = rights | letters[letter]
  end
  return rights
end

-- A handle that passes the capability on with these rights; without an argument the number of the present ones.
function common.m(self, wanted)
  if wanted == nil then
    return self.rights_given
  end
  local rights = parse_rights(tostring(self), wanted)
  if rights & ~self.ref.rights & ~abi.Rights.r ~= 0 then
    report.fail("%s: rights %s cannot be given, ned itself has %s", tostring(self), report.value(wanted),
                rights_text(self.ref.rights))
  end
  return handle(self.ref, rights)
end

common.mode = common.m
common.rights = common.m

-- A handle with every right, for the program that serves the object.
function common.svr(self)
  return handle(self.ref, RIGHTS_ALL)
end

function common.is_valid(self)
  return core.kind(self.ref.slot) ~= nil
end

-- End the object, whoever holds it.
function common.destroy(self)
  local ok, code = core.destroy(self.ref.slot)
  if not ok then
    report.fail("%s cannot be destroyed: %s", tostring(self), report.error_text(code))
  end
end

function Handle.__index(self, key)
  local kind = rawget(self, "ref").kind
  local method = common[key] or methods[kind] and methods[kind][key]
  if method == nil then
    report.fail("%s has no method '%s'%s", tostring(self), tostring(key),
                report.suggest(key, report.names(common, methods[kind] or {})))
  end
  return method
end

-- For the prompt's completion.
function Handle.__names(self)
  return report.names(common, methods[rawget(self, "ref").kind] or {})
end

function Handle.__newindex(self, key)
  report.fail("%s: '%s' cannot be set", tostring(self), tostring(key))
end

function Handle.__eq(a, b)
  return a.ref == b.ref
end

function Handle.__tostring(self)
  local ref = rawget(self, "ref")
  return string.format("%s (%s, rights %s)", ref.name or kind_name[ref.kind], kind_name[ref.kind] or "unknown",
                       rights_text(rawget(self, "rights_given")))
end

-- dataspaces

local dataspace = caps.methods_of(abi.kind.dataspace)

function dataspace.size(self)
  return caps.check(core.dataspace_info(self.ref.slot)).size
end

function dataspace.clear(self, offset, size)
  caps.check(core.dataspace_clear(self.ref.slot, offset or 0, size or self:size()))
end

-- A part of it, with a life of its own.
function dataspace.slice(self, offset, size, rights)
  local slot, code = core.dataspace_slice(self.ref.slot, offset, size, parse_rights(tostring(self), rights or "rw"))
  if not slot and self.ref.name == "mmio" and code == abi.Error.EPERM then
    report.fail("%s: no window of %s at %#x: memory or registers of the hypervisor's own devices lie there",
                tostring(self), report.size(size), offset)
  elseif not slot then
    report.fail("%s: no slice of %s at offset %#x: %s", tostring(self), report.size(size), offset, report.error_text(code))
  end
  return caps.adopt(slot, abi.kind.dataspace, "slice of " .. (self.ref.name or "dataspace"))
end

-- The capability `rom` only: a function that makes a copy of one file when it is called or passed to a program.
function dataspace.query(self, name)
  if self.ref.name ~= "rom" then
    report.fail("%s: only rom can be queried for files", tostring(self))
  end
  return function()
    local factory = require("ned.environment").factory
    local slot, code = core.rom_copy(factory.ref.slot, name)
    if not slot then
      report.fail("rom:query(%s): %s", report.value(name),
                  code == abi.Error.ENOENT and "the ROM has no such file" or report.error_text(code))
    end
    local copy = caps.adopt(slot, abi.kind.dataspace, name):m("r")
    require("ned.memory").note(factory, copy)
    return copy
  end
end

dataspace.q = dataspace.query

-- DMA domains, and the SMMUs

local space = caps.methods_of(abi.kind.space)
local iommu = caps.methods_of(abi.kind.iommu)

-- As the hypervisor has it: in a physical domain the answer is where the memory at that offset is, and how much of the
-- size lies there in one piece. Without a size: all of the dataspace from the offset on.
function space.dma_map(self, dataspace_handle, address, offset, size)
  if not caps.is_handle(dataspace_handle) or dataspace_handle.ref.kind ~= abi.kind.dataspace then
    report.fail("%s:dma_map(%s); expected a dataspace", tostring(self), report.value(dataspace_handle))
  end
  offset = offset or 0
  size = size or dataspace_handle:size() - offset
  local flags = abi.map.R | (dataspace_handle.rights_given & abi.Rights.w ~= 0 and abi.map.W or 0)
  local at, got = core.dma_map(self.ref.slot, dataspace_handle.ref.slot, offset, address or 0, size, flags)
  if not at then
    report.fail("%s: %s at offset %#x of %s cannot be mapped at %#x: %s", tostring(self), report.size(size), offset,
                tostring(dataspace_handle), address or 0,
                got == abi.Error.EINVAL and "it is no DMA domain, or the numbers are no whole pages"
                or dataspace_handle.ref.name == "mmio" and "only slices of it can"
                or report.error_text(got))
  end
  return at, got
end

function space.dma_unmap(self, address, size)
  local ok, code = core.dma_unmap(self.ref.slot, address, size)
  if not ok then
    report.fail("%s: %s at %#x cannot be unmapped: %s", tostring(self), report.size(size), address,
                report.error_text(code))
  end
end

-- {kind = "translating" or "physical", limit = highest address + 1}
function space.dma_info(self)
  local kind, limit = core.dma_info(self.ref.slot)
  if not kind then
    report.fail("%s: %s", tostring(self), limit == abi.Error.EINVAL and "it is no DMA domain"
                or report.error_text(limit))
  end
  return {kind = kind == abi.dma.PHYSICAL and "physical" or "translating", limit = limit}
end

-- The domain becomes one for devices behind no SMMU: nothing translates or confines what they do.
function iommu.physical(self, domain)
  if not caps.is_handle(domain) or domain.ref.kind ~= abi.kind.space then
    report.fail("%s:physical(%s); expected a DMA domain, of factory:create(L4.Proto.Dma_space)", tostring(self),
                report.value(domain))
  end
  local ok, code = core.iommu_physical(self.ref.slot, domain.ref.slot)
  if not ok then
    report.fail("%s: %s cannot be made physical: %s", tostring(self), tostring(domain),
                code == abi.Error.EBUSY and "something is mapped in it, or a device bound to it"
                or code == abi.Error.EINVAL and "it is no DMA domain" or report.error_text(code))
  end
end

-- How many SMMUs the machine has.
function iommu.count(self)
  return caps.check(core.iommu_info(self.ref.slot))
end

-- irqs

local irq = caps.methods_of(abi.kind.irq)

function irq.trigger(self)
  caps.check(core.irq_trigger(self.ref.slot))
end

-- the machine

local platform = caps.methods_of(abi.kind.platform)

-- The whole machine sleeps, and nobody is asked before. Comes back when it is awake, with how deep it slept (abi: sleep).
function platform.system_suspend(self, extras)
  core.console_flush()
  local depth, code = core.system_suspend(self.ref.slot, extras or 0)
  if not depth then
    report.fail("%s: suspend: %s", tostring(self), report.error_text(code))
  end
  return depth
end

-- reboot: false or 0 turns the machine off, true or 1 restarts it.
function platform.system_shutdown(self, reboot)
  core.console_flush()
  local ok, code = core.system_shutdown(self.ref.slot, reboot ~= nil and reboot ~= false and reboot ~= 0)
  if not ok then
    report.fail("%s: shutdown: %s", tostring(self), report.error_text(code))
  end
end

-- schedulers

local scheduler = caps.methods_of(abi.kind.scheduler)

function scheduler.info(self)
  return caps.check(core.scheduler_info(self.ref.slot))
end

return caps
