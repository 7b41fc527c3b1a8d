-- Started programs: their state, how they ended, and who wants to know.
local abi = require "abi"
local core = require "core"
local loop = require "ned.loop"
local report = require "ned.report"

local tasks = {count = 0} -- how many ever started

local alive = {} -- those that run, in the order of their start

local Task = {}
local methods = {}

local function reason_of(number)
  if number == abi.death.EXIT then
    return "exit"
  elseif number == abi.death.FAULT then
    return "fault"
  end
  return "killed"
end

local function ending_text(self)
  if self.reason_ended == "exit" then
    return "ended with exit code " .. self.code
  elseif self.reason_ended == "fault" then
    return string.format("died of a fault: pc %#x, address %#x, esr %#x", self.pc, self.far, self.code)
  end
  return "was killed"
end

local function call_handler(self, fn)
  loop.spawn(fn, self:exit_code())
end

-- The hypervisor says that the task is dead: remember how, let go of everything, tell who waits.
local function ended(self)
  if not self.running then
    return
  end
  local reason, code, pc, far = core.status(self.slot)
  if reason == nil then
    reason, code, pc, far = abi.death.KILLED, 0, 0, 0
  end
  self.running = false
  for i, task in ipairs(alive) do
    if rawequal(task, self) then
      table.remove(alive, i)
      break
    end
  end
  self.reason_ended, self.code, self.pc, self.far = reason_of(reason), code, pc, far
  loop.remove_handler(self.badge)
  core.drop(self.irq)
  core.drop(self.slot)
  for _, release in ipairs(self.releases) do
    release()
  end
  self.releases, self.keep = {}, nil
  report.say("%s %s", self.name, ending_text(self))
  if self.handler then
    call_handler(self, self.handler)
  end
end

-- Watch a task that was loaded but does not run yet. `releases`: functions to call when it has ended.
function tasks.new(name, file, slot, factory)
  local self = {name = name, file = file, slot = slot, running = true, releases = {}}
  self.badge = loop.add_handler(function()
    ended(self)
  end)
  local code
  self.irq, code = core.watch(factory.ref.slot, slot, self.badge)
  if not self.irq then
    loop.remove_handler(self.badge)
    report.fail("%s: its end cannot be watched: %s", name, report.error_text(code))
  end
  setmetatable(self, Task)
  tasks.count = tasks.count + 1
  alive[#alive + 1] = self
  return self
end

-- "running", or "zombie" when it has ended.
function methods.state(self)
  return self.running and "running" or "zombie"
end

-- Its exit code, or nil while it runs and when it did not exit by itself.
function methods.exit_code(self)
  if self.running or self.reason_ended ~= "exit" then
    return nil
  end
  return self.code
end

-- "exit", "fault" or "killed"; nil while it runs.
function methods.reason(self)
  return rawget(self, "reason_ended")
end

-- Wait for its end; other coroutines go on meanwhile. The exit code (nil without one) and the reason.
function methods.wait(self)
  loop.wait(function()
    return not self.running
  end)
  return self:exit_code(), self:reason()
end

-- End it now. "killed", or the exit code when it had ended before.
function methods.kill(self)
  if not self.running then
    return self:exit_code()
  end
  local ok, code = core.destroy(self.slot)
  if not ok and code ~= abi.Error.ENOENT then
    report.fail("%s cannot be killed: %s", self.name, report.error_text(code))
  end
  self:wait()
  return "killed"
end

-- fn(exit code or nil) is called when it ends, at once when it has ended. One for each task, the last one counts.
function methods.exit_handler(self, fn)
  if type(fn) ~= "function" then
    report.fail("%s:exit_handler(%s); expected a function", self.name, report.value(fn))
  end
  if self.running then
    self.handler = fn
  else
    call_handler(self, fn)
  end
  return true
end

local optional = {handler = true, reason_ended = true, code = true, pc = true, far = true, keep = true}

function Task.__index(self, key)
  if methods[key] then
    return methods[key]
  elseif optional[key] then
    return nil
  end
  report.fail("task '%s' has no '%s'%s", rawget(self, "name"), tostring(key), report.suggest(key, report.names(methods)))
end

function Task.__tostring(self)
  return "task '" .. self.name .. "' (" .. self:state() .. ")"
end

function Task.__eq(a, b)
  return rawequal(a, b)
end

-- The names of those that run, in the order of their start.
function tasks.running()
  local names = {}
  for i, task in ipairs(alive) do
    names[i] = task.name
  end
  return names
end

-- A name that no running program has: "uvmm", "uvmm-2" ...
function tasks.free_name(wanted)
  local taken = {}
  for _, name in ipairs(tasks.running()) do
    taken[name] = true
  end
  local name, number = wanted, 1
  while taken[name] do
    number = number + 1
    name = wanted .. "-" .. number
  end
  return name
end

return tasks
