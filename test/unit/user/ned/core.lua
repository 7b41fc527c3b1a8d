-- A core that records: stands in for ned's C module in tests, with a machine of 256 MiB, four CPUs and a small ROM.
local abi = require "abi"

local core = {}

local ENV = {"task", "factory", "log", "icu", "scheduler", "platform", "rom", "dtb", "iommu", "mmio"}
local env_kind = {
  task = "space", factory = "factory", log = "console", icu = "icu", scheduler = "scheduler", platform = "platform",
  rom = "dataspace", dtb = "dataspace", iommu = "iommu", mmio = "dataspace",
}

-- Forget everything; called by each test.
function core.reset()
  core.calls = {} -- {name, arguments ...}
  core.objects = {} -- slot -> {kind =, rights =, ...}
  core.said = {} -- lines
  core.time = 0
  core.next_slot = 100
  core.rom = {["uvmm"] = "ELF", ["cons"] = "ELF", ["io"] = "ELF", ["ned"] = "ELF", ["Image"] = "kernel", ["initrd"] = "disk", ["vm.dtb"] = "tree"}
  core.memory = {quota = 256 << 20, used = 0, machine_free = 256 << 20, largest_free = 128 << 20, machine = 260 << 20}
  core.cpus = 0xf
  core.pending = {} -- badges that wait() hands out
  core.watched = {} -- task slot -> badge
  core.served = {} -- gate slot -> badge
  core.platform = nil
  core.sent_irqs, core.triggered = {}, nil -- come with the next call; was triggered last
  core.no_watch, core.no_start, core.slice_error, core.dma_error = false, false, nil, nil -- make these fail
  core.is_deaf, core.refusal, core.other_name, core.attached = false, nil, nil, 0
  core.typed, core.is_attended, core.is_interrupted, core.console_error = {}, false, false, nil
  for i, name in ipairs(ENV) do
    core.objects[i] = {kind = abi.kind[env_kind[name]], rights = name == "rom" and 4 or 15}
  end
end

local function new(kind, fields)
  local slot = core.next_slot
  core.next_slot = slot + 1
  fields = fields or {}
  fields.kind, fields.rights = kind, 15
  core.objects[slot] = fields
  return slot
end

local function record(name, ...)
  core.calls[#core.calls + 1] = {name, ...}
end

-- The recorded calls of that name.
function core.recorded(name)
  local found = {}
  for _, call in ipairs(core.calls) do
    if call[1] == name then
      found[#found + 1] = call
    end
  end
  return found
end

-- How many objects exist that were made since the reset.
function core.count(kind)
  local n = 0
  for slot, object in pairs(core.objects) do
    if slot >= 100 and (kind == nil or object.kind == kind) then
      n = n + 1
    end
  end
  return n
end

-- The task ends, as the hypervisor would report it.
function core.end_task(slot, reason, code)
  core.objects[slot].status = {reason, code, 0x400100, 0x10}
  if core.watched[slot] then
    table.insert(core.pending, core.watched[slot])
  end
end

function core.capabilities()
  local list = {}
  for i, name in ipairs(ENV) do
    list[name] = {slot = i, rights = core.objects[i].rights}
  end
  return list
end

function core.kind(slot)
  local object = core.objects[slot]
  if not object then
    return nil, abi.Error.ENOENT
  end
  return object.kind, object.rights
end

function core.drop(slot)
  record("drop", slot)
  local object = core.objects[slot]
  if object and object.call then
    object.call.is_dropped = true
  end
  if object and object.size and object.kind == abi.kind.dataspace then
    core.memory.used = core.memory.used - object.size
  end
  core.objects[slot] = nil
end

function core.slots()
  local n = 0
  for _ in pairs(core.objects) do
    n = n + 1
  end
  return n
end

function core.destroy(slot)
  record("destroy", slot)
  if not core.objects[slot] then
    return nil, abi.Error.ENOENT
  end
  if not core.objects[slot].status then
    core.end_task(slot, abi.death.KILLED, 0)
  end
  return true
end

-- The newest task that was loaded.
function core.last_task()
  local slot
  for candidate, object in pairs(core.objects) do
    if object.is_task and (not slot or candidate > slot) then
      slot = candidate
    end
  end
  return slot
end

local kind_of_proto = {
  [abi.Proto.Dataspace] = "dataspace", [abi.Proto.Factory] = "factory", [abi.Proto.Ipc_gate] = "gate",
  [abi.Proto.Irq_sender] = "irq", [abi.Proto.Vm] = "space", [abi.Proto.Dma_space] = "space",
}

function core.create(factory, proto, a, b, c)
  record("create", factory, proto, a, b, c)
  if proto == abi.Proto.Dataspace or proto == abi.Proto.Factory then
    if a > core.memory.quota - core.memory.used then
      return nil, abi.Error.ENOMEM
    end
  end
  if proto == abi.Proto.Dataspace then
    core.memory.used = core.memory.used + a
  end
  local domain = proto == abi.Proto.Dma_space and abi.dma.TRANSLATING or nil
  return new(abi.kind[kind_of_proto[proto]], {size = a, domain = domain})
end

function core.factory_info(slot)
  local object = core.objects[slot]
  if slot >= 100 and object then
    return {quota = object.size, used = object.used or 0, machine_free = 0, largest_free = 0}
  end
  return core.memory
end

function core.dataspace_info(slot)
  return {size = core.objects[slot].size, map_flags = 6, extents = 1}
end

function core.dataspace_slice(...)
  record("slice", ...)
  if core.slice_error then
    return nil, core.slice_error
  end
  return new(abi.kind.dataspace)
end

function core.dataspace_clear(...)
  record("clear", ...)
  return true
end

-- A domain is 1 translating or 2 physical, others are none; memory lies at 0x50000000, in pieces of 1 MiB.
function core.dma_map(space, dataspace, offset, address, size, flags)
  record("dma_map", space, dataspace, offset, address, size, flags)
  local domain = core.objects[space].domain
  if core.dma_error or not domain then
    return nil, core.dma_error or abi.Error.EINVAL
  elseif domain == abi.dma.PHYSICAL then
    return 0x50000000 + offset, math.min(size, (1 << 20) - offset % (1 << 20))
  end
  return address, size
end

function core.dma_unmap(...)
  record("dma_unmap", ...)
  if core.dma_error then
    return nil, core.dma_error
  end
  return true
end

function core.dma_info(space)
  local domain = core.objects[space].domain
  if not domain then
    return nil, abi.Error.EINVAL
  end
  return domain, 1 << 40
end

function core.iommu_physical(_, space)
  local object = core.objects[space]
  if core.dma_error or not object.domain then
    return nil, core.dma_error or abi.Error.EINVAL
  end
  object.domain = abi.dma.PHYSICAL
  return true
end

function core.iommu_info()
  return 1
end

function core.scheduler_info(slot)
  local object = core.objects[slot]
  return {highest_priority = object.highest or 255, cpu_mask = object.mask or core.cpus, online_mask = core.cpus}
end

function core.scheduler_limit(slot, highest, mask)
  record("limit", slot, highest, mask)
  return new(abi.kind.scheduler, {highest = highest, mask = mask})
end

function core.scheduler_place(slot, thread, priority, cpu)
  record("place", slot, thread, priority, cpu)
  return true
end

-- A console server: takes channels unless it is deaf, or core.refusal says why not.
function core.channel_attach(service, gate, texts)
  record("attach", service, gate, (texts:gsub("%z", "|")))
  if core.is_deaf then
    return nil, abi.Error.ETIMEDOUT
  elseif core.refusal then
    return nil, abi.Error.EINVAL, core.refusal
  end
  core.attached = core.attached + 1
  return core.attached, core.other_name or texts:match("^%Z*")
end

function core.channel_let_go(service, number)
  record("channel_let_go", service, number)
end

function core.channel_close(service, number)
  record("close", service, number)
end

-- ned's own channel: what is typed is in core.typed, one event each.
function core.console_open(slot, factory, badge, is_uart)
  record("console_open", slot, factory, badge, is_uart)
  if core.console_error then
    return nil, core.console_error
  end
  core.console_badge = badge
  return true
end

function core.console_poll()
  return core.is_attended
end

function core.console_prompt(text)
  record("prompt", text)
end

function core.console_show(on)
  record("show", on)
end

function core.console_key()
  local event = table.remove(core.typed, 1)
  if event then
    return table.unpack(event)
  end
end

function core.console_insert(text)
  record("insert", text)
end

function core.console_interrupted()
  local is_interrupted = core.is_interrupted
  core.is_interrupted = false
  return is_interrupted
end

function core.console_quiet()
end

function core.console_flush()
  record("flush")
end

function core.vbus_settle(slot)
  record("settle", slot)
  if core.is_deaf then
    return nil, abi.Error.ETIMEDOUT
  end
  return true
end

function core.vbus_name(slot, name)
  record("vbus_name", slot, name)
  if core.is_deaf then
    return nil, abi.Error.ETIMEDOUT
  end
  return true
end

function core.irq_trigger(slot)
  core.triggered = core.objects[slot].of or slot
  return true
end

-- Somebody's irq, which comes along with the next call when it is in core.sent_irqs.
function core.new_irq()
  return new(abi.kind.irq)
end

function core.keep_irq(index)
  local sent = core.sent_irqs[index + 1]
  if not sent then
    return nil, abi.Error.ENOENT
  end
  return new(abi.kind.irq, {of = sent})
end

function core.drop_arrived()
  core.dropped_arrived = (core.dropped_arrived or 0) + 1
end

function core.serve(slot, badge)
  record("serve", slot, badge)
  core.served[slot] = badge
  return true
end

-- One call at a time; core.platform_answered lets it have its answer.
function core.platform_call(slot, label, argument, seconds, _, badge)
  if core.platform then
    return nil, abi.Error.EBUSY
  end
  record("platform_call", slot, label, argument, seconds)
  core.platform = {badge = badge}
  return true
end

function core.platform_answered(...)
  core.platform.answer = {...}
  table.insert(core.pending, core.platform.badge)
end

function core.platform_answer()
  local answer = core.platform.answer
  core.platform = nil
  return table.unpack(answer)
end

-- The word of an answer that says how long its text is.
local text_word = {
  [abi.label.platform_system_suspend] = 2, [abi.label.platform_system_shutdown] = 1, [abi.label.inhibitor_lock] = 2,
}

-- Somebody calls at the gate. What comes back is told the answer: `words`, of them `code` and the `numbers` behind it,
-- and the `text` that this operation has.
function core.call(gate, label, words)
  local call = {label = label}
  table.insert(core.pending, {core.served[gate], label, words, new(abi.kind.reply, {call = call})})
  return call
end

function core.reply(slot, words)
  local call = core.objects[slot].call
  assert(#words % 8 == 0 and #words >= 8 and #words <= 8 * 62, "no message")
  call.words, call.code, call.numbers = words, string.unpack("<i8", words), {}
  for at = 9, #words, 8 do
    call.numbers[#call.numbers + 1] = string.unpack("<i8", words, at)
  end
  local size = call.numbers[text_word[call.label] or 0]
  if size then
    local at = 8 * (text_word[call.label] + 1) + 1
    assert(at - 1 + size <= #words and at - 1 + size > #words - 8, "the text is not what its length says")
    call.text = words:sub(at, at + size - 1)
  end
  core.objects[slot] = nil
end

function core.system_suspend(slot, extras)
  record("suspend", slot, extras)
  return 1
end

function core.system_shutdown(slot, reboot)
  record("shutdown", slot, reboot)
  return true
end

local function bare(name)
  return (name:gsub("^rom/", ""))
end

function core.rom_size(name)
  local text = core.rom[bare(name)]
  if not text then
    return nil, abi.Error.ENOENT
  end
  return #text
end

function core.rom_read(name)
  local text = core.rom[bare(name)]
  if not text then
    return nil, abi.Error.ENOENT
  end
  return text
end

function core.rom_list()
  local names = {}
  for name in pairs(core.rom) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

function core.rom_copy(_, name)
  local size, code = core.rom_size(name)
  if not size then
    return nil, code
  end
  return new(abi.kind.dataspace, {size = 4096}), size
end

function core.load(request)
  record("load", request)
  if not core.rom[bare(request.file)] then
    return nil, abi.Error.ENOENT, "the ROM has no such file"
  elseif core.rom[bare(request.file)] ~= "ELF" then
    return nil, abi.Error.EINVAL, "is no ELF file"
  end
  return {task = new(abi.kind.space, {is_task = true}), thread = new(abi.kind.thread), entry = 1, stack = 2, environment = 3}
end

function core.start(thread)
  record("start", thread)
  if core.no_start then
    return nil, abi.Error.EINVAL
  end
  return true
end

function core.status(task)
  local object = core.objects[task]
  if not object then
    return nil, abi.Error.ENOENT
  end
  local reason, code, pc, far = table.unpack(object.status or {abi.death.RUNNING, 0, 0, 0})
  return reason, code, pc, far, core.time * 1000
end

function core.watch(_, task, badge)
  if core.no_watch then
    return nil, abi.Error.ENOMEM
  end
  core.watched[core.objects[task].of or task] = badge
  return new(abi.kind.irq)
end

-- Time passes only here.
function core.wait(time)
  if #core.pending > 0 then
    local first = table.remove(core.pending, 1)
    if type(first) == "table" then
      return table.unpack(first)
    end
    return first
  end
  if not time then
    error("the test waits for ever", 0)
  end
  core.time = math.max(core.time, time)
  return nil
end

function core.now()
  return core.time
end

function core.say(text)
  core.said[#core.said + 1] = text
end

core.reset()
return core
