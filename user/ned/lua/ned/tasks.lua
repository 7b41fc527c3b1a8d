-- Started programs: their state, how they ended, who wants to know, and beginning again.
--
--            launch                  ends, and its policy says so
--   begin ──────────▶ running ───────────────────────────────────▶ restarting ──launch──▶ running
--                        │ ends, and nothing says that it begins again    │ kill
--                        ▼                                                ▼
--                      zombie ◀──────────────────────────────────────────┘
--
-- A task object outlives its instances. What it holds for the next one (capabilities, factory, scheduler) is in
-- `launch` and `keep`, which go when no other can come.
local abi = require "abi"
local core = require "core"
local ends = require "ned.ends"
local loop = require "ned.loop"
local report = require "ned.report"
local restart = require "ned.restart"

local tasks = {count = 0} -- how many ever started

local alive = {} -- those that are no zombies, in the order of their start
local ever = {} -- kind -> how many ever started

local Task = {}
local methods = {}

local function remove_alive(self)
  for i, task in ipairs(alive) do
    if rawequal(task, self) then
      table.remove(alive, i)
      return
    end
  end
end

local function call_handler(self, fn)
  loop.spawn(fn, self:exit_code())
end

-- Nothing of it is to come.
local function finish(self)
  self.phase = "zombie"
  self.turn = self.turn + 1
  self.launch, self.keep, self.own_factory, self.let_go = nil, nil, nil, nil
  remove_alive(self)
  local at_end = self.at_end
  -- It may hold what the instances were given.
  self.at_end = nil
  if at_end then
    at_end()
  end
  if self.handler then
    call_handler(self, self.handler)
  end
end

-- Let go of the instance; an object that is dead or about to.
local function detach(self)
  loop.remove_handler(self.badge)
  core.drop(self.irq)
  core.drop(self.slot)
  self.badge, self.irq = nil, nil
  for _, release in ipairs(self.releases) do
    release()
  end
  self.releases = {}
end

-- Everything that the instance made was paid by its factory, and has gone with it; but for what it made for others.
local function check_factory(self)
  if self.is_maker then
    return
  end
  local info = self.own_factory and core.factory_info(self.own_factory.ref.slot)
  if info and info.used ~= 0 then
    report.say("%s: %s of its factory are still in use after its end; somebody else holds what it made", self.name,
               report.size(info.used))
  end
end

local function launch_again(self)
  self.turn = self.turn + 1
  local ok, message = pcall(self.launch, self)
  if not ok then
    self.word = "error"
    finish(self)
    error(message, 0)
  end
  self.phase = "running"
  self.started = core.now()
  self.restarts = self.restarts + 1
  if self.restart_function then
    loop.spawn(self.restart_function, self.owner or self)
  end
end

-- Seconds until it begins again, or nil and perhaps a sentence.
local function ask_policy(self)
  local policy = self.policy
  if not policy then
    return nil
  elseif policy.handler then
    return restart.answer(policy, policy.handler(self.owner or self, self.word, self.status.code))
  end
  return restart.decide(policy, self.word, self.status.time - self.started)
end

local function say_restart(self, delay)
  local policy = self.policy
  report.say("%s: restart %d%s%s", self.name, policy.count, policy.max and " of " .. policy.max or "",
             delay > 0 and " in " .. restart.text(delay) or "")
end

-- In a coroutine of its own: what follows an end.
local function after_end(self)
  local turn = self.turn
  local ok, delay, why = pcall(ask_policy, self)
  if self.turn ~= turn then
    return -- the script was quicker
  elseif not ok or not delay then
    why = not ok and delay or why
    if why then
      report.say("%s is not restarted: %s", self.name, why)
    end
    finish(self)
    return
  end
  say_restart(self, delay)
  if delay > 0 then
    loop.sleep(delay)
  end
  if self.turn == turn then
    ok, why = pcall(launch_again, self)
    if not ok then
      report.say("%s is not restarted: %s", self.name, why)
    end
  end
end

-- The instance is dead: remember how, take what is left of it apart, and go on. `by_script`: "stop" or "restart" when the
-- script did it, nil when its policy decides.
local function ended(self, by_script)
  local reason, code, pc, far = core.status(self.slot)
  if reason == nil then
    reason, code, pc, far = abi.death.KILLED, 0, 0, 0
  end
  self.status = {reason = ends.reason(reason), code = code, pc = pc, far = far, time = core.now()}
  local is_stopped = by_script and self.status.reason == "killed"
  self.word = is_stopped and "stopped" or self.kind.word_of(self.status.reason, code)
  if not by_script then
    -- Comes back when all of it has been given back, however busy the machine is.
    core.destroy(self.slot)
  end
  detach(self)
  if self.let_go then
    self.let_go()
  end
  check_factory(self)
  report.say("%s", self.kind.line(self.name, self.word, self.status))
  self.phase = "restarting"
  self.turn = self.turn + 1
  if by_script == "stop" then
    finish(self)
  elseif by_script == nil then
    loop.spawn(after_end, self)
  end
end

-- From `launch`: watch an instance that was loaded but does not run yet.
function tasks.attach(self, slot, factory)
  self.slot = slot
  self.badge = loop.add_handler(function()
    ended(self, nil)
  end)
  local code
  self.irq, code = core.watch(factory.ref.slot, slot, self.badge)
  if not self.irq then
    loop.remove_handler(self.badge)
    report.fail("%s: its end cannot be watched: %s", self.name, report.error_text(code))
  end
end

-- From `launch`, when it fails after attach.
tasks.detach = detach

-- Start a program. spec: name, file; launch(task), which loads an instance, attaches it and lets it run, or fails with
-- nothing left behind; kind of ned.ends; policy of ned.restart, or nil; is_restartable: launch is kept for restart();
-- is_maker: others hold what it made, also after its end; is_service: it serves the others and does not count when the question is whether everything has ended; let_go(): called
-- when an instance has ended, so that nobody keeps what it had made; at_end(): called
-- when it has, for good; owner: what handlers are given instead of the task; keep: what has to stay as long as it lives, first the factory that pays; own_factory: the
-- factory that only its instances use.
function tasks.begin(spec)
  local self = setmetatable(spec, Task)
  self.releases, self.restarts, self.turn, self.phase = {}, 0, 0, "running"
  self:launch()
  if not self.policy and not self.is_restartable then
    self.launch = nil
  end
  self.started = core.now()
  tasks.count = tasks.count + 1
  ever[self.kind] = (ever[self.kind] or 0) + 1
  alive[#alive + 1] = self
  return self
end

-- "running"; "restarting" between two instances; "zombie" when it has ended.
function methods.state(self)
  return self.phase
end

-- Its exit code, or nil while it runs and when it did not exit by itself.
function methods.exit_code(self)
  if self.phase == "running" or self.status.reason ~= "exit" then
    return nil
  end
  return self.status.code
end

-- "exit", "fault" or "killed"; nil while it runs.
function methods.reason(self)
  return self.phase ~= "running" and self.status.reason or nil
end

-- How it ended, a word of ned.ends; nil while it runs.
function methods.ending(self)
  return self.phase ~= "running" and self.word or nil
end

-- Counter ticks that its threads ran so far, the guest of a VM included; nil while it does not run.
function methods.cycles(self)
  if self.phase == "running" then
    return (select(5, core.status(self.slot)))
  end
end

-- Wait until it has ended and does not begin again; other coroutines go on meanwhile. The exit code (nil without one),
-- the reason and the word.
function methods.wait(self)
  loop.wait(function()
    return self.phase == "zombie"
  end)
  return self:exit_code(), self:reason(), self:ending()
end

local function destroy(self)
  local ok, code = core.destroy(self.slot)
  if not ok and code ~= abi.Error.ENOENT then
    report.fail("%s cannot be killed: %s", self.name, report.error_text(code))
  end
end

-- End it now, for good. "killed", or the exit code when it had ended before.
function methods.kill(self)
  if self.phase == "running" then
    destroy(self)
    ended(self, "stop")
    return self.word == "stopped" and "killed" or self:exit_code()
  elseif self.phase == "restarting" then
    finish(self)
  end
  return self:exit_code()
end

-- End it if it runs, and begin again at once, whatever its policy says. Does not count for the policy.
function methods.restart(self)
  if self.phase == "zombie" then
    report.fail("%s has ended and cannot be restarted; start it again", self.name)
  elseif not self.launch then
    report.fail("%s cannot be restarted: it was started without option restart", self.name)
  elseif self.phase == "running" then
    destroy(self)
    ended(self, "restart")
  end
  launch_again(self)
end

local function check_function(self, method, fn)
  if type(fn) ~= "function" then
    report.fail("%s:%s(%s); expected a function", self.name, method, report.value(fn))
  end
end

-- fn(exit code or nil) is called when it has ended for good, at once when it has. One for each task, the last one counts.
function methods.exit_handler(self, fn)
  check_function(self, "exit_handler", fn)
  if self.phase ~= "zombie" then
    self.handler = fn
  else
    call_handler(self, fn)
  end
  return true
end

-- fn(task) is called each time it has been restarted. One for each task.
function methods.restart_handler(self, fn)
  check_function(self, "restart_handler", fn)
  self.restart_function = fn
end

local optional = {
  handler = true, restart_function = true, status = true, word = true, keep = true, own_factory = true, launch = true,
  let_go = true, is_maker = true,
  is_restartable = true, policy = true, owner = true, badge = true, irq = true, slot = true, is_service = true, at_end = true,
}

function Task.__index(self, key)
  if methods[key] then
    return methods[key]
  elseif optional[key] then
    return nil
  end
  report.fail("task '%s' has no '%s'%s", rawget(self, "name"), tostring(key), report.suggest(key, report.names(methods)))
end

function Task.__names()
  return report.names(methods)
end

function Task.__tostring(self)
  return "task '" .. self.name .. "' (" .. self:state() .. ")"
end

function Task.__eq(a, b)
  return rawequal(a, b)
end

-- The names of those that run or are going to again, in the order of their start.
function tasks.running()
  local names = {}
  for i, task in ipairs(alive) do
    names[i] = task.name
  end
  return names
end

-- Who pays with each factory: ref -> the names of programs that run or are going to again.
function tasks.payers()
  local names = {}
  for _, task in ipairs(alive) do
    local ref = task.keep[1].ref
    names[ref] = (names[ref] and names[ref] .. ", " or "") .. task.name
  end
  return names
end

-- Who owns the tasks of that kind that run or are going to again, in the order of their start.
function tasks.owners(kind)
  local owners = {}
  for _, task in ipairs(alive) do
    if task.kind == kind and task.owner then
      owners[#owners + 1] = task.owner
    end
  end
  return owners
end

-- Whether nothing runs but what only serves the others.
function tasks.is_idle()
  for _, task in ipairs(alive) do
    if not task.is_service then
      return false
    end
  end
  return true
end

-- Whether some of that kind were started, and all of them have ended for good.
function tasks.all_ended(kind)
  for _, task in ipairs(alive) do
    if task.kind == kind then
      return false
    end
  end
  return ever[kind] ~= nil
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
