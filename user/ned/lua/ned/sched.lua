-- CPUs and priorities: L4.Cpu_set, limited schedulers, and where a program's first thread goes.
local abi = require "abi"
local caps = require "ned.caps"
local core = require "core"
local report = require "ned.report"

local sched = {}

-- Programs run below ned, so that it can always end them.
sched.DEFAULT_PRIORITY = 16
sched.PRIORITY_RANGE = 10

local Cpu_set = {}
Cpu_set.__index = Cpu_set
sched.Cpu_set = Cpu_set

local ALL = -1

local function bit_of(cpu)
  if math.type(cpu) ~= "integer" or cpu < 0 or cpu > 63 then
    report.fail("CPU %s: CPUs are whole numbers from 0 to 63", report.value(cpu))
  end
  return 1 << cpu
end

local function mask_of_text(text)
  local mask = 0
  for part in (text .. ","):gmatch("%s*([^,]*)%s*,") do
    local first, last = part:match("^(%d+)%-(%d+)$")
    first = first or part:match("^%d+$")
    if not first then
      report.fail("CPUs %s: expected something like \"0\", \"0-3\" or \"0,2-3\"", report.value(text))
    end
    for cpu = math.tointeger(tonumber(first)), math.tointeger(tonumber(last or first)) do
      mask = mask | bit_of(cpu)
    end
  end
  return mask
end

-- nil: all CPUs; {}: none; a number: that CPU; "0-3"; a list of CPU numbers.
function Cpu_set:new(what)
  local mask = 0
  if what == nil then
    mask = ALL
  elseif type(what) == "string" then
    mask = mask_of_text(what)
  elseif type(what) == "table" then
    for _, cpu in ipairs(what) do
      mask = mask | bit_of(cpu)
    end
  else
    mask = bit_of(what)
  end
  return setmetatable({mask = mask}, Cpu_set)
end

function Cpu_set:add(what)
  self.mask = self.mask | Cpu_set:new(what).mask
  return self
end

function Cpu_set.__bor(a, b)
  return setmetatable({mask = a.mask | b.mask}, Cpu_set)
end

function Cpu_set.__band(a, b)
  return setmetatable({mask = a.mask & b.mask}, Cpu_set)
end

function Cpu_set:factory_args()
  return self.mask
end

-- What scripts give as `cpus`: a mask, "0-3", a list or a Cpu_set.
function sched.mask_of(cpus)
  if cpus == nil then
    return ALL
  elseif math.type(cpus) == "integer" then
    return cpus
  elseif getmetatable(cpus) == Cpu_set then
    return cpus.mask
  end
  return Cpu_set:new(cpus).mask
end

function sched.is_cpus(value)
  if math.type(value) == "integer" and value ~= 0 or type(value) == "string" or type(value) == "table" then
    return nil
  end
  return "CPUs as a mask, \"0-3\", a list of numbers or an L4.Cpu_set"
end

-- A handle of a scheduler that can use priorities up to `highest` on the CPUs of the mask. `base` is the priority at
-- which programs with it start.
function sched.limit(what, parent, base, highest, mask)
  local info = caps.check(core.scheduler_info(parent.ref.slot))
  local cpus = info.cpu_mask & mask
  if base < 1 or base > info.highest_priority then
    report.fail("%s: priority %d; this scheduler has 1 to %d", what, base, info.highest_priority)
  end
  if cpus == 0 then
    report.fail("%s: no CPU: of CPU mask %#x this scheduler has %#x", what, mask, info.cpu_mask)
  end
  local slot, code = core.scheduler_limit(parent.ref.slot, math.min(highest, info.highest_priority), cpus)
  if not slot then
    report.fail("%s: the scheduler could not be limited: %s", what, report.error_text(code))
  end
  local handle = caps.adopt(slot, abi.kind.scheduler, "scheduler")
  handle.ref.base = base
  return handle
end

local load_of = {} -- CPU -> how many programs were put there and still run

-- The index, within the scheduler's CPUs, of the online one with the fewest programs; and its number.
local function quietest(info)
  local best_index, best_cpu, index = nil, nil, 0
  for cpu = 0, 63 do
    if info.cpu_mask & (1 << cpu) ~= 0 then
      local is_better = not best_cpu or (load_of[cpu] or 0) < (load_of[best_cpu] or 0)
      if info.online_mask & (1 << cpu) ~= 0 and is_better then
        best_index, best_cpu = index, cpu
      end
      index = index + 1
    end
  end
  return best_index or 0, best_cpu or 0
end

-- Put a program's first thread somewhere. Comes back with a function to call when the program has ended.
function sched.place(what, scheduler, thread)
  local info = caps.check(core.scheduler_info(scheduler.ref.slot))
  local index, cpu = quietest(info)
  local priority = math.min(scheduler.ref.base or sched.DEFAULT_PRIORITY, info.highest_priority)
  local ok, code = core.scheduler_place(scheduler.ref.slot, thread, priority, index)
  if not ok then
    report.fail("%s: its thread could not be put on CPU %d: %s", what, cpu, report.error_text(code))
  end
  load_of[cpu] = (load_of[cpu] or 0) + 1
  return function()
    load_of[cpu] = load_of[cpu] - 1
  end
end

return sched
