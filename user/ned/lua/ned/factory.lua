-- factory:create: what factories make, with which arguments, and what to say when they cannot.
local abi = require "abi"
local caps = require "ned.caps"
local core = require "core"
local report = require "ned.report"

local factory = caps.methods_of(abi.kind.factory)

-- Numbers that L4Re has for objects that no factory here makes.
local elsewhere = {
  Sigma0 = -6, Semaphore = -20, Iommu = -22, Namespace = 0x4001, Goos = 0x4003, Mem_alloc = 0x400b, Rm = 0x4005,
  Event = 0x4006, Inhibitor = 0x4007,
}

local Proto = {}
for name, number in pairs(elsewhere) do
  Proto[name] = number
end
for name, number in pairs(abi.Proto) do
  Proto[name] = number
end

local proto_name = {}
for name, number in pairs(Proto) do
  proto_name[number] = name
end

local MEM_ALL = abi.mem.Continuous | abi.mem.Pinned | abi.mem.Super_pages

local function no_memory(self, what, flags, align)
  local info = core.factory_info(self.ref.slot)
  if not info then
    report.fail("no memory for %s", what)
  end
  report.fail("no memory for %s%s%s: %s has %s left of its %s; of the machine's memory %s is free, the largest free piece is %s",
              what, flags & abi.mem.Continuous ~= 0 and " in one piece" or "",
              align > 12 and " aligned to " .. report.size(1 << align) or "", self.ref.name or "the factory",
              report.size(info.quota - info.used), report.size(info.quota), report.size(info.machine_free),
              report.size(info.largest_free))
end

local function make(self, what, proto, kind, name, a, b, c)
  local slot, code = core.create(self.ref.slot, proto, a, b, c)
  if not slot and code == abi.Error.ENOMEM then
    -- Handles that nobody can reach any more may hold what is needed.
    collectgarbage()
    slot, code = core.create(self.ref.slot, proto, a, b, c)
  end
  if not slot and code == abi.Error.ENOMEM then
    local is_memory = proto == abi.Proto.Dataspace
    no_memory(self, what, is_memory and b or 0, is_memory and c or 0)
  elseif not slot then
    report.fail("%s cannot be made: %s", what, report.error_text(code))
  end
  local handle = caps.adopt(slot, kind, name)
  require("ned.memory").note(self, handle)
  return handle
end

local function whole_number(what, argument, value, low, high)
  local n = type(value) == "number" and math.tointeger(value)
  if not n or n < low or n > high then
    report.fail("%s: %s = %s; expected a whole number from %d to %d", what, argument, report.value(value), low, high)
  end
  return n
end

-- The biggest block that leaves `rest` bytes free.
local function biggest(self, rest)
  local info = caps.check(core.factory_info(self.ref.slot))
  local size = math.min(info.largest_free, info.quota - info.used - rest, info.machine_free - rest) & ~0xfff
  if size <= 0 then
    no_memory(self, "a dataspace that leaves " .. report.size(rest) .. " free", abi.mem.Continuous, 0)
  end
  return size
end

local creators = {}

creators[abi.Proto.Dataspace] = function(self, size, flags, align)
  local what = "create(L4.Proto.Dataspace)"
  size = whole_number(what, "size", size, -(1 << 47), 1 << 47)
  flags = whole_number(what, "flags", flags or 0, 0, MEM_ALL)
  align = whole_number(what, "alignment (log2)", align or 0, 0, 40)
  if size < 0 and flags & abi.mem.Continuous ~= 0 then
    size = biggest(self, -size)
  elseif size <= 0 then
    report.fail("%s: size = %d; expected a number of bytes above 0", what, size)
  end
  local name = "dataspace of " .. report.size(size)
  return make(self, "a " .. name, abi.Proto.Dataspace, abi.kind.dataspace, name, (size + 0xfff) & ~0xfff, flags, align)
end

creators[abi.Proto.Factory] = function(self, quota)
  quota = whole_number("create(L4.Proto.Factory)", "quota", quota, 4096, 1 << 47)
  local name = "factory with " .. report.size(quota)
  return make(self, "a " .. name, abi.Proto.Factory, abi.kind.factory, name, quota)
end

creators[abi.Proto.Ipc_gate] = function(self)
  return make(self, "a gate", abi.Proto.Ipc_gate, abi.kind.gate, "gate")
end

creators[abi.Proto.Irq_sender] = function(self)
  return make(self, "an irq", abi.Proto.Irq_sender, abi.kind.irq, "irq")
end

creators[abi.Proto.Vm] = function(self)
  return make(self, "a VM space", abi.Proto.Vm, abi.kind.space, "VM space")
end

creators[abi.Proto.Dma_space] = function(self)
  return make(self, "a DMA domain", abi.Proto.Dma_space, abi.kind.space, "DMA domain")
end

-- As moe has it: priorities from `offset` up to below `limit`, on the CPUs of the mask.
creators[abi.Proto.Scheduler] = function(_, limit, offset, mask)
  local sched = require "ned.sched"
  local what = "create(L4.Proto.Scheduler)"
  limit = whole_number(what, "limit", limit, 2, 256)
  offset = whole_number(what, "offset", offset or 0, 0, 255)
  if limit <= offset then
    report.fail("%s: limit = %d has to be above offset = %d", what, limit, offset)
  end
  return sched.limit(what, require("ned.environment").scheduler, math.max(offset, 1), limit - 1, sched.mask_of(mask))
end

-- Text in the program's own name and colour; the channel is the machine's console.
creators[abi.Proto.Log] = function(_, tag, colour)
  return require("ned.log").new(tag, colour)
end

function factory.create(self, proto, ...)
  local creator = creators[proto]
  if not creator then
    local made = {}
    for number in pairs(creators) do
      made[#made + 1] = "L4.Proto." .. proto_name[number]
    end
    table.sort(made)
    local asked = proto_name[proto] and "L4.Proto." .. proto_name[proto] or report.value(proto)
    report.fail("create(%s): a factory makes %s", asked, table.concat(made, ", "))
  end
  return creator(self, ...)
end

function factory.info(self)
  return caps.check(core.factory_info(self.ref.slot))
end

return {Proto = Proto}
