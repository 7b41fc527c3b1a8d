-- ned's own life: read its arguments, run the script, then serve whoever waits.
local core = require "core"
local last = require "ned.last"
local loop = require "ned.loop"
local report = require "ned.report"
local tasks = require "ned.tasks"

local DEFAULT_SCRIPT = "rom/ned.lua"

-- Scripts are found in the ROM; os has what makes sense without files and processes.
package.path = "rom/?.lua"
package.cpath = ""

rawset(_G, "os", {
  clock = core.now,
  time = function()
    return math.floor(core.now())
  end,
})

-- Reading a global that nobody set is a typo.
setmetatable(_G, {
  __index = function(_, key)
    report.fail("global '%s' is not defined%s", tostring(key),
                report.nearest(tostring(key), report.names(_G)) and report.suggest(key, report.names(_G)) or "")
  end,
})

local function usage_error(format, ...)
  report.say(format, ...)
  report.say("usage: ned [--exit | --wait-and-exit] [--prompt] [--execute STATEMENTS]... SCRIPT [arguments]")
end

-- {after = nil | "exit" | "wait", prompt = on the machine's console, statements = {...}, script =, arguments =}, or nil after a message.
local function parse(argv)
  local result = {statements = {}, arguments = {}}
  local i = 1
  while argv[i] and argv[i]:sub(1, 1) == "-" do
    local option, value = argv[i], nil
    if option == "--exit" then
      result.after = "exit"
    elseif option == "--wait-and-exit" then
      result.after = "wait"
    elseif option == "--prompt" then
      result.prompt = true
    elseif option == "--execute" or option == "-e" or option:find("^%-%-execute=") then
      value = option:match("^%-%-execute=(.*)")
      if not value then
        i = i + 1
        value = argv[i]
      end
      if not value then
        usage_error("%s: the statements are missing", option)
        return nil
      end
      table.insert(result.statements, value)
    else
      usage_error("unknown option '%s'%s", option,
                  report.suggest(option, {"--exit", "--wait-and-exit", "--prompt", "--execute"}))
      return nil
    end
    i = i + 1
  end
  result.script = argv[i] or #result.statements == 0 and DEFAULT_SCRIPT or nil
  result.arguments = {[0] = result.script, table.unpack(argv, i + 1)}
  return result
end

-- Lua's message for `loader::startv` does not help; ours does.
local function explain_syntax(message, text)
  local line = math.tointeger(tonumber(message:match(":(%d+):")))
  local number = 0
  for content in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local object, method = content:match("([%w_%.%)%]]+)::([%w_]+)%s*[%({\"']")
    if number == line and object then
      return message .. ": write ':' to call a method, " .. object .. ":" .. method .. "(...); Lua reads '::' as a label"
    end
  end
  return message
end

local function compile(name, text)
  local chunk, message = load(text:gsub("^#[^\n]*", ""), "@" .. name, "t")
  if not chunk then
    return nil, explain_syntax(message, text)
  end
  return chunk
end

local function read_script(name)
  local text, code = core.rom_read(name)
  if text then
    return text
  end
  local scripts = {}
  for _, file in ipairs(core.rom_list()) do
    if file:find("%.lua$") or file:find("%.ned$") then
      scripts[#scripts + 1] = "rom/" .. file
    end
  end
  local abi = require "abi"
  if code == abi.Error.ENOENT then
    return nil, name .. ": the ROM has no such file" .. report.suggest(name, scripts)
  end
  return nil, name .. ": the ROM cannot be read: " .. report.error_text(code)
end

local function tell_what_runs()
  local running = tasks.running()
  if tasks.count == 0 then
    report.say("nothing had been started")
  elseif #running == 0 then
    report.say("all that had been started has ended")
  else
    report.say("still running: %s", table.concat(running, ", "))
  end
end

local function failed(message)
  report.say("error: %s", type(message) == "table" and (message.msg or message[1]) or tostring(message))
  tell_what_runs()
end

-- Everything the script does happens here, in a coroutine, so that it can wait.
local function run_script(request)
  for i, statement in ipairs(request.statements) do
    local chunk, message = compile("--execute " .. i, statement)
    if not chunk then
      error(message, 0)
    end
    chunk()
  end
  if not request.script then
    return
  end
  report.say("%s", request.script)
  local text, missing = read_script(request.script)
  if not text then
    error(missing, 0)
  end
  local chunk, message = compile(request.script, text)
  if not chunk then
    error(message, 0)
  end
  chunk(table.unpack(request.arguments))
end

-- On the machine's console, when no console server has it.
local function open_prompt()
  local log = require("ned.environment").log
  local prompt = require "ned.prompt"
  if log and not prompt.is_open() then
    prompt.open(log, true)
  end
end

return function(argv)
  rawset(_G, "L4", require "L4")
  local request = parse(argv)
  local script
  local is_broken = false
  if request then
    rawset(_G, "arg", request.arguments)
    loop.set_error_handler(function(_, message)
      is_broken = true
      failed(message)
    end)
    script = loop.spawn(run_script, request)
  end

  local was_over = false
  while true do
    local is_through = not script or coroutine.status(script) == "dead"
    local is_over = is_through and tasks.is_idle() and not loop.has_sleepers()
    if is_over and not was_over then
      if not is_broken and script then
        report.say(tasks.count == 0 and "the script is through and started nothing" or
                   "the script is through and everything it started has ended")
      end
      if request and request.after == "wait" then
        last.shut_down(false)
      end
    end
    if is_through and request and request.after == "exit" then
      last.shut_down(false)
      request.after = nil
    end
    if is_through then
      last.look()
      if request and request.prompt then
        open_prompt()
        request.prompt = nil
      end
    end
    was_over = is_over
    loop.step()
  end
end
