-- A VM's `ctl`: the gate at which its uvmm tells whether the VM sleeps, by the locks of object `inhibitor`, and hears what
-- the script asks of its guest. [abi/abi.toml inhibitor]
--
--   uvmm: listen(irq, sign of life)             it is the client now, without locks
--   uvmm: acquire(SUSPEND), acquire(SHUTDOWN)   the guest runs
--   ned:  event SUSPEND, RESUME or SHUTDOWN; the irq says that there is one
--   uvmm: release(SUSPEND)                      the guest sleeps    refuse(SUSPEND, why)   it is not going to
--   uvmm: release(SHUTDOWN), release(SUSPEND)   the VM ends
--
-- The gate lives as long as the VM; its client as long as an instance of its uvmm.
local abi = require "abi"
local core = require "core"
local environment = require "ned.environment"
local loop = require "ned.loop"
local report = require "ned.report"
local restart = require "ned.restart"
local serve = require "ned.serve"

local ctl = {}

local MOST_CALLS = 4
local LONGEST_REASON = 80
local PATIENCE = 60 -- seconds: a guest may have much to do before it sleeps

local SUSPEND, SHUTDOWN, WAKEUP = abi.inhibitor.SUSPEND, abi.inhibitor.SHUTDOWN, abi.inhibitor.WAKEUP
local name_of_lock = {[SUSPEND] = "suspend", [SHUTDOWN] = "shutdown", [WAKEUP] = "wakeup"}

local all = {} -- in the order of their start

-- ---- what uvmm calls ----

local operations = {}

local function forget_client(self)
  if self.client then
    loop.remove_handler(self.badge)
    core.drop(self.death)
    core.drop(self.client)
  end
  self.client, self.death, self.badge = nil, nil, nil
  self.locks, self.events, self.refusals = {}, {}, {}
  self.has_told = false
end

-- Watch the client's sign of life; an error number when that cannot be. Held by ned it would not die.
local function watch_life(self)
  local life, code = core.keep_irq(1)
  if not life then
    return code
  end
  self.badge = loop.add_handler(function()
    forget_client(self)
  end)
  self.death, code = core.watch(environment.factory.ref.slot, life, self.badge)
  core.drop(life)
  if not self.death then
    loop.remove_handler(self.badge)
    return code
  end
end

operations[abi.label.inhibitor_listen] = function(self, call)
  if self.client then
    call:answer(abi.Error.EBUSY)
    return
  end
  local sign, code = core.keep_irq(0)
  code = sign and watch_life(self) or code
  if code then
    if sign then
      core.drop(sign)
    end
    call:answer(code)
    return
  end
  self.client = sign
  core.irq_trigger(sign)
  call:answer(0)
end

-- The lock that the call names, or nil after an answer.
local function lock_of(call)
  local lock = call:word(0)
  if not name_of_lock[lock] then
    call:answer(abi.Error.EINVAL)
    return nil
  end
  return lock
end

operations[abi.label.inhibitor_acquire] = function(self, call)
  local lock, reason = lock_of(call), call:text(1, LONGEST_REASON)
  if lock and not reason then
    call:answer(abi.Error.EINVAL)
  elseif lock then
    self.locks[lock] = self.locks[lock] or reason
    self.has_told = self.has_told or lock == SUSPEND
    call:answer(0)
  end
end

operations[abi.label.inhibitor_release] = function(self, call)
  local lock = lock_of(call)
  if lock then
    -- With SHUTDOWN gone before it, the VM ends.
    if lock == SUSPEND and self.locks[lock] and self.locks[SHUTDOWN] then
      self.sleeps = self.sleeps + 1
    end
    self.locks[lock] = nil
    call:answer(0)
  end
end

operations[abi.label.inhibitor_refuse] = function(self, call)
  local lock, reason = lock_of(call), call:text(1, LONGEST_REASON)
  if lock and not reason then
    call:answer(abi.Error.EINVAL)
  elseif lock then
    self.refusals[lock] = reason == "" and "it does not say why" or reason
    call:answer(0)
  end
end

operations[abi.label.inhibitor_event] = function(self, call)
  -- Before it asks, it has said what it holds.
  self.has_told = true
  local event = table.remove(self.events, 1)
  if event then
    call:answer(0, event.kind, event.argument)
  else
    call:answer(abi.Error.EAGAIN)
  end
end

operations[abi.label.inhibitor_lock] = function(_, call)
  local index = call:word(0)
  for _, other in ipairs(all) do
    for lock = SUSPEND, WAKEUP do
      if other.locks[lock] and index == 0 then
        call:answer(0, lock, other.name .. ": " .. other.locks[lock])
        return
      end
      index = index and other.locks[lock] and index - 1 or index
    end
  end
  call:answer(index and abi.Error.ERANGE or abi.Error.EINVAL)
end

local function handle(self, call)
  local operation = operations[call.label]
  if not operation then
    call:answer(abi.Error.ENOSYS)
  elseif not self.client and call.label ~= abi.label.inhibitor_listen then
    call:answer(abi.Error.ECANCELED)
  else
    operation(self, call)
  end
end

-- ---- the gate's life ----

-- {gate = for uvmm}
function ctl.open(name)
  local gate = environment.factory:create(abi.Proto.Ipc_gate)
  gate.ref.name = "ctl of " .. name
  local self = {name = name, gate = gate:m("rw"), locks = {}, events = {}, refusals = {}, sleeps = 0, life = 0, has_told = false}
  self.record = serve.open(gate, function(call)
    handle(self, call)
  end, MOST_CALLS)
  all[#all + 1] = self
  return self
end

-- The instance of uvmm that had the gate is dead.
function ctl.stopped(self)
  self.life = self.life + 1
  forget_client(self)
  serve.drop_calls(self.record)
end

function ctl.close(self)
  ctl.stopped(self)
  serve.close(self.record)
  self.gate = nil
  for i, other in ipairs(all) do
    if rawequal(other, self) then
      table.remove(all, i)
      break
    end
  end
end

-- ---- what scripts ask for ----

function ctl.is_asleep(self)
  return self.has_told and not self.locks[SUSPEND] and self.locks[SHUTDOWN] ~= nil
end

local Locks = {
  __tostring = function(list)
    local texts = {}
    for i, entry in ipairs(list) do
      texts[i] = entry.lock .. " (" .. entry.reason .. ")"
    end
    return #texts == 0 and "none" or table.concat(texts, ", ")
  end,
}

-- {{lock = "suspend", reason =}, ...}
function ctl.locks(self)
  local list = {}
  for lock = SUSPEND, WAKEUP do
    if self.locks[lock] then
      list[#list + 1] = {lock = name_of_lock[lock], reason = self.locks[lock]}
    end
  end
  return setmetatable(list, Locks)
end

-- The time until which to wait, and that as people say it.
local function deadline_of(what, limit)
  local seconds = restart.seconds(limit == nil and PATIENCE or limit)
  if not seconds then
    report.fail("%s: limit = %s; expected a time like \"500ms\", \"1m\" or a number of seconds, at most a day", what,
                report.value(limit))
  end
  return core.now() + seconds, restart.text(seconds)
end

-- At most one event of a kind waits. A uvmm that has ended meanwhile need not be told.
local function post(self, kind)
  for i, event in ipairs(self.events) do
    if event.kind == kind then
      table.remove(self.events, i)
      break
    end
  end
  table.insert(self.events, {kind = kind, argument = 0})
  core.irq_trigger(self.client)
end

local function withdraw(self, kind)
  for i, event in ipairs(self.events) do
    if event.kind == kind then
      table.remove(self.events, i)
      return true
    end
  end
  return false
end

-- Ask for an event, and wait until is_done(), a refusal of `lock`, or the limit. Its uvmm has a moment's work before it
-- listens, so that is waited for as well.
local function ask(self, what, limit, kind, lock, is_done, not_done)
  local deadline, limit_text = deadline_of(what, limit)
  local life = self.life
  local function wait(ready)
    loop.wait(function()
      return self.life ~= life or ready()
    end, deadline)
  end
  wait(function()
    return self.client and (is_done() or self.has_told)
  end)
  if self.life == life and not self.client then
    report.fail("%s: its uvmm did not ask for events within %s", what, limit_text)
  elseif self.life == life and not is_done() then
    self.refusals[lock] = nil
    post(self, kind)
    wait(function()
      return is_done() or self.refusals[lock]
    end)
  end
  if self.life ~= life then
    return false
  elseif is_done() then
    return true
  elseif self.refusals[lock] then
    report.fail("%s: %s", what, self.refusals[lock])
  end
  local is_untaken = withdraw(self, kind)
  report.fail("%s: %s within %s%s", what, not_done, limit_text, is_untaken and "; its uvmm did not take the request" or "")
end

-- Wait until it sleeps. false: it ended instead. `is_agreed()`: whoever else has a word in it has said it.
function ctl.suspend(self, what, limit, is_agreed)
  local before = self.sleeps
  return ask(self, what, limit, abi.power_event.SUSPEND, SUSPEND, function()
    if self.sleeps == before then
      return ctl.is_asleep(self)
    end
    -- What woke up meanwhile is not going to be agreed to.
    return is_agreed() or self.locks[SUSPEND] ~= nil
  end, "its guest did not go to sleep")
end

-- Wait until it runs. false: it ended instead.
function ctl.resume(self, what, limit)
  return ask(self, what, limit, abi.power_event.RESUME, SUSPEND, function()
    return self.locks[SUSPEND] ~= nil
  end, "it did not wake up")
end

-- Wait until this instance has ended.
function ctl.power_off(self, what, limit)
  ask(self, what, limit, abi.power_event.SHUTDOWN, SHUTDOWN, function()
    return false
  end, "its guest did not power off")
end

return ctl
