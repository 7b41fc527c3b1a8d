-- Platform control served by a script: what a guest's SYSTEM_SUSPEND, SYSTEM_OFF and SYSTEM_RESET ask for, for option
-- `pfc` of vmm.start_vm and for vmm.new_pfc.
--
-- A handler runs in a coroutine of its own and may wait; its caller waits that long. It returns true or nothing: fine; a
-- number: fine, and so deep the machine slept (abi: sleep); false or a sentence: no, and why. An error in it is told, and
-- is a no as well.
local abi = require "abi"
local caps = require "ned.caps"
local environment = require "ned.environment"
local loop = require "ned.loop"
local report = require "ned.report"
local serve = require "ned.serve"

local pfc = {}

local MOST_AT_VM = 4 -- calls of one VM that wait; it makes one after the other
local NAME_MAX = 64  -- bytes of a caller's name

local fields = {suspend = report.is_function, shutdown = report.is_function}

local function is_handlers(value)
  return type(value) == "table" and getmetatable(value) == nil
end

-- For start_vm's option: a capability, a function, or a table of functions.
function pfc.is_pfc(value)
  if caps.is_handle(value) then
    local kind = value.ref.kind
    return kind ~= abi.kind.gate and kind ~= abi.kind.platform and
           "a capability to platform control: of vmm.new_pfc, io.pfc, or L4.Env.platform" or nil
  elseif type(value) ~= "function" and not is_handlers(value) then
    return "a function, a table {suspend = function, shutdown = function}, or a capability to platform control"
  end
end

function pfc.check_handlers(what, handlers)
  if type(handlers) ~= "function" then
    report.check_options(what, handlers, fields)
  end
end

-- Error number and why, of what a handler returned.
local function verdict(event, value)
  if value == nil or value == true then
    return 0, "", abi.sleep.NONE
  elseif value == false then
    return abi.Error.EPERM, "the script refuses it", abi.sleep.NONE
  elseif type(value) == "string" then
    return abi.Error.EPERM, (value:gsub("%c", " ")), abi.sleep.NONE
  elseif event == "suspend" and math.type(value) == "integer" and value >= abi.sleep.NONE and value <= abi.sleep.FIRMWARE then
    return 0, "", value
  end
  return nil, string.format("it returned %s; expected true, false, a text, or a number that says how deep the machine slept",
                            report.value(value))
end

-- With the place in the script.
local function text_of_error(message)
  if type(message) == "table" and not (getmetatable(message) or {}).__tostring then
    message = message.msg or message[1]
  end
  message = tostring(message):gsub("%c", " ")
  return message:find("^[^%s:]+:%d+: ") and message or report.where() .. message
end

local function answer(call, event, code, depth, why)
  if event == "suspend" then
    local record = call.record
    record.decided = (record.decided or 0) + 1
    record.refusal = code ~= 0 and why or nil
    call:answer(code, depth, why)
  else
    call:answer(code, why)
  end
end

-- In a coroutine of its own.
local function run(call, who, event, handler, ...)
  local ok, value = xpcall(handler, text_of_error, ...)
  local code, why, depth
  if ok then
    code, why, depth = verdict(event, value)
  end
  if not code then
    why = ok and why or value
    report.say("%s: pfc: the function for '%s' failed: %s", who(call), event, why)
    code, depth = abi.Error.EIO, abi.sleep.NONE
  end
  answer(call, event, code, depth, why)
end

-- The event that a call is, and its argument; nil, and the error when it is none.
local function decode(call)
  local argument = call:word(0)
  call.name = call:text(1, NAME_MAX)
  if call.label == abi.label.platform_system_suspend then
    if not argument or not call.name then
      return nil, abi.Error.EINVAL
    end
    return "suspend", argument
  elseif call.label == abi.label.platform_system_shutdown then
    if argument ~= 0 and argument ~= 1 or not call.name then
      return nil, abi.Error.EINVAL
    end
    return "shutdown", argument == 1
  end
  return nil, abi.Error.ENOSYS
end

-- handler_of(event) is the function for it, or nil: then nobody minds. `who(call)`: a name for messages; subject(call):
-- what the function is given first.
local function make(what, handlers, who, subject, most)
  local gate = environment.factory:create(abi.Proto.Ipc_gate)
  gate.ref.name = what
  local record
  record = serve.open(gate, function(call)
    local event, argument = decode(call)
    if not event then
      call:answer(argument)
      return
    end
    if event == "suspend" and most and record.suspending and record.suspending:is_waiting() then
      answer(call, event, abi.Error.EBUSY, abi.sleep.NONE, "the script still works on the suspend before")
      return
    end
    local handler = handlers
    if type(handlers) == "table" then
      handler = handlers[event]
    end
    if not handler then
      answer(call, event, 0, abi.sleep.NONE, "")
      return
    end
    record.suspending = event == "suspend" and call or record.suspending
    if type(handlers) == "table" then
      loop.spawn(run, call, who, event, handler, subject(call), argument)
    else
      loop.spawn(run, call, who, event, handler, subject(call), event, argument)
    end
  end, most)
  return gate, record
end

-- The platform control of one VM. {gate =, record =}.
function pfc.of_vm(vm, handlers)
  local name = vm.name
  local function who()
    return name
  end
  local gate, record = make("pfc of " .. name, handlers, who, function()
    return vm
  end, MOST_AT_VM)
  return {gate = gate:m("rw"), record = record}
end

-- Whether the script works on a suspend of the VM.
function pfc.is_asked(made)
  local call = made.record.suspending
  return call ~= nil and call:is_waiting()
end

-- How many suspends of the VM were decided, and why not when the last one was refused.
function pfc.decision(made)
  return made.record.decided or 0, made.record.refusal
end

-- For programs that a script starts: a capability that lives as long as it is used.
function pfc.new(handlers)
  pfc.check_handlers("new_pfc", handlers)
  local function name_of(call)
    return call.name ~= "" and call.name or "somebody"
  end
  local gate, record = make("pfc", handlers, function(call)
    return "pfc of " .. name_of(call)
  end, function(call)
    return call.name ~= "" and call.name or nil
  end)
  gate.ref.at_gc = function()
    serve.close(record)
  end
  return gate:m("rw")
end

return pfc
