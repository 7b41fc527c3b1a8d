-- The prompt: a line of Lua at a time, while everything else goes on. On ned's channel of cons, or on the machine's UART.
local abi = require "abi"
local core = require "core"
local loop = require "ned.loop"
local report = require "ned.report"

local prompt = {}

prompt.pack = table.pack

local FIRST, MORE = "ned> ", "ned>> "

local is_open = false
local is_shown = false -- somebody is there and can type
local unfinished -- lines of a statement that is not complete
local running -- the coroutine of the line that was entered last, while it runs

local is_working = false
local work -- below

local function show_fresh()
  core.console_prompt(unfinished and MORE or FIRST)
end

local function finished()
  running = nil
  core.console_quiet()
  if is_shown then
    show_fresh()
    work()
  end
end

local function say_values(values)
  local texts = {}
  for i = 1, values.n do
    texts[#texts + 1] = tostring(values[i])
  end
  if #texts > 0 then
    for line in (table.concat(texts, "\t") .. "\n"):gmatch("(.-)\n") do
      core.say(line)
    end
  end
end

local function error_text(message)
  if type(message) == "table" and not (getmetatable(message) or {}).__tostring then
    message = message.msg or message[1]
  end
  return tostring(message)
end

-- In a coroutine of its own, so that it can wait.
local function run(chunk, is_list)
  local function body()
    local ok, values = xpcall(function()
      return is_list and chunk() or table.pack(chunk())
    end, error_text)
    core.console_quiet()
    if ok then
      ok, values = pcall(say_values, values)
    end
    if not ok then
      core.say(error_text(values))
    end
    finished()
  end
  running = coroutine.create(body)
  loop.resume(running)
end

-- As a list of expressions first, so that these tell their values; no tail call, so that errors have a place. A
-- statement that is not complete waits for its next line.
local function enter(line)
  local text = unfinished and unfinished .. "\n" .. line or line
  local close = text:find("--", 1, true) and "\n)" or ")"
  local chunk = load("return require('ned.prompt').pack(" .. text .. close, "=prompt", "t")
  local is_list, message = chunk ~= nil, nil
  if not chunk then
    chunk, message = load(text, "=prompt", "t")
  end
  if not chunk and message:find("<eof>'?$") and line ~= "" then
    unfinished = text
    show_fresh()
    return
  end
  unfinished = nil
  if chunk then
    run(chunk, is_list)
  else
    core.say(message)
    show_fresh()
  end
end

-- ---- completion ----

-- Names that `object.` may be followed by.
local function fields_of(object)
  local names, seen = {}, {}
  local function add(name)
    if type(name) == "string" and name:find("^[%a_][%w_]*$") and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  local meta = getmetatable(object)
  if type(object) == "table" then
    for name in next, object do
      add(name)
    end
  end
  if type(meta) == "table" then
    for _, name in ipairs(meta.__names and meta.__names(object) or {}) do
      add(name)
    end
    for name in pairs(type(meta.__index) == "table" and meta.__index or {}) do
      add(name)
    end
  end
  table.sort(names)
  return names
end

local function field(object, name)
  if type(object) == "table" and rawget(object, name) ~= nil then
    return rawget(object, name)
  end
  local ok, value = pcall(function()
    return object[name]
  end)
  return ok and value or nil
end

-- What may follow the text, and how much of it is there already.
function prompt.complete(text)
  local path, part = text:match("([%a_][%w_%.]*[%.:])([%w_]*)$")
  local object = _G
  if path then
    for name in path:gmatch("[%w_]+") do
      object = field(object, name)
    end
  else
    part = text:match("[%a_][%w_]*$") or ""
  end
  local found = {}
  for _, name in ipairs(object ~= nil and fields_of(object) or {}) do
    if name:sub(1, #part) == part then
      found[#found + 1] = name
    end
  end
  return found, #part
end

local function common_part(names)
  local common = names[1] or ""
  for _, name in ipairs(names) do
    while name:sub(1, #common) ~= common do
      common = common:sub(1, -2)
    end
  end
  return common
end

local function complete(text)
  local names, size = prompt.complete(text)
  local common = common_part(names)
  if #common > size then
    core.console_insert(common:sub(size + 1))
  elseif #names > 1 then
    core.say(table.concat(names, "  "))
  end
end

-- ---- keys ----

-- As many keys as there are; a line that runs leaves the others for later.
function work()
  if is_working then
    return -- further up
  end
  is_working = true
  while is_shown and not running do
    local event, text = core.console_key()
    if not event then
      break
    elseif event == "enter" then
      core.console_show(false)
      enter(text)
    elseif event == "interrupt" then
      unfinished = nil
      show_fresh()
    elseif event == "complete" then
      complete(text)
    end
  end
  is_working = false
end

-- ^C while a line waits for something. One that is busy is broken by the hook.
local function interrupt()
  local co = running
  if not loop.cancel(co, "interrupted by Ctrl-C at the prompt") and running == co then
    core.say("interrupted; nothing resumes what it left")
    finished()
  end
end

local function heard()
  local is_attended = core.console_poll()
  if running and core.console_interrupted() then
    interrupt()
  end
  if is_attended and not is_shown then
    is_shown = true
    if not running then
      show_fresh()
    end
  elseif not is_attended and is_shown then
    is_shown = false
    core.console_show(false)
  end
  work()
end

-- ned's lines go to that channel, and whoever sits there has a prompt. `is_uart`: it is the machine's console itself.
function prompt.open(handle, is_uart)
  local factory = require("ned.environment").factory
  local badge = loop.add_handler(heard)
  local ok, code = core.console_open(handle.ref.slot, factory.ref.slot, badge, is_uart)
  if not ok then
    loop.remove_handler(badge)
    report.say("there is no prompt: %s", code == abi.Error.EBUSY and "another program reads the console" or
               report.error_text(code))
    return false
  end
  is_open = true
  prompt.handle = handle -- as long as ned lives
  heard()
  return true
end

function prompt.is_open()
  return is_open
end

return prompt
