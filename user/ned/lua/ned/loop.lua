-- What runs when: coroutines that wait for time or for something to become true, and irqs and calls that come in.
--
-- Any coroutine may wait: it is put aside, whoever resumed it goes on, and the loop resumes it later.
local core = require "core"

local loop = {}

local parked = {} -- in order: {co =, ready = function or nil, time = or nil}
local handlers = {} -- badge -> function
local last_badge = 0
local on_error = error

-- fn(co, message) is called when a coroutine that the loop resumed fails.
function loop.set_error_handler(fn)
  on_error = fn
end

-- Let it go on; its errors go to the error handler.
local function resume(co, ...)
  local ok, message = coroutine.resume(co, ...)
  if not ok then
    on_error(co, message)
  end
end

loop.resume = resume

-- Call fn when the irq with the badge that comes back arrives; or fn(label, words, slot) for a call at a gate that is
-- bound with that badge.
function loop.add_handler(fn)
  last_badge = last_badge + 1
  handlers[last_badge] = fn
  return last_badge
end

function loop.remove_handler(badge)
  handlers[badge] = nil
end

-- Start fn in a coroutine of its own.
function loop.spawn(fn, ...)
  local co = coroutine.create(fn)
  resume(co, ...)
  return co
end

local function is_due(entry)
  return entry.ready and entry.ready() or entry.time and core.now() >= entry.time
end

-- Resume everybody whose time or event has come. True when somebody was.
local function resume_due()
  local any = false
  local due = {}
  for i = #parked, 1, -1 do
    if is_due(parked[i]) then
      table.insert(due, 1, table.remove(parked, i))
    end
  end
  for _, entry in ipairs(due) do
    any = true
    resume(entry.co)
  end
  return any
end

local function next_time()
  local time
  for _, entry in ipairs(parked) do
    if entry.time and (not time or entry.time < time) then
      time = entry.time
    end
  end
  return time
end

-- One turn: resume who is due, else wait for what comes next.
function loop.step()
  if resume_due() then
    return
  end
  local badge, label, words, slot = core.wait(next_time())
  local handler = badge and handlers[badge]
  if handler then
    handler(label, words, slot)
  elseif slot then
    -- Nobody serves that gate any more.
    core.drop(slot)
  end
end

-- Wait until ready() is true or the time has come, whichever is first.
function loop.wait(ready, time)
  local co, is_main = coroutine.running()
  local entry = {co = co, ready = ready, time = time}
  if is_main or not coroutine.isyieldable() then
    -- Nobody to go back to: others are served from here.
    while not is_due(entry) do
      loop.step()
    end
    return
  end
  if is_due(entry) then
    return
  end
  parked[#parked + 1] = entry
  repeat
    coroutine.yield()
    -- Somebody else than the loop may have resumed us too early.
  until entry.cancelled or is_due(entry)
  for i, other in ipairs(parked) do
    if other == entry then
      table.remove(parked, i)
      break
    end
  end
  if entry.cancelled then
    error(entry.cancelled, 0)
  end
end

-- What the coroutine waits for fails with that message, now. false: it waits for nothing.
function loop.cancel(co, message)
  for i, entry in ipairs(parked) do
    if entry.co == co then
      table.remove(parked, i)
      entry.cancelled = message
      resume(co)
      return true
    end
  end
  return false
end

function loop.sleep(seconds)
  loop.wait(nil, core.now() + seconds)
end

-- Whether a coroutine waits for a time, so that something will still happen by itself.
function loop.has_sleepers()
  return next_time() ~= nil
end

return loop
