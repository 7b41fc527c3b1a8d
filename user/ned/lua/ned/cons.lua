-- L4.start_cons: the console server in one call.
local report = require "ned.report"

local cons = {}

-- Above guests and other programs: a busy one does not keep the terminal from answering.
local PRIORITY = 100

local function is_bool(value)
  return type(value) ~= "boolean" and "true or false" or nil
end

local schema = {
  show = is_bool,                        -- show everybody's output; true if not said
  connect = report.is_string,            -- who is connected to the terminal as soon as it is there
  framed = is_bool,                      -- for tools/console-split; true when the script was given the argument "framed"
  args = report.is_strings,              -- further arguments of rom/cons
  prio = report.is_integer(1, 255),
}

local function is_framed(option)
  if option ~= nil then
    return option
  end
  for _, argument in ipairs(rawget(_G, "arg") or {}) do
    if argument == "framed" then
      return true
    end
  end
  return false
end

function cons.start(loader, options)
  options = options or {}
  report.check_options("L4.start_cons", options, schema)
  local arguments = {}
  if options.show ~= false then
    arguments[#arguments + 1] = "-a"
  end
  if options.connect then
    table.move({"-c", options.connect}, 1, 2, #arguments + 1, arguments)
  end
  if is_framed(options.framed) then
    arguments[#arguments + 1] = "--framed"
  end
  table.move(options.args or {}, 1, #(options.args or {}), #arguments + 1, arguments)
  local gate = loader:new_channel()
  local task = loader:startv({caps = {cons = gate:svr()}, prio = options.prio or PRIORITY}, "rom/cons",
                             table.unpack(arguments))
  loader.log_fab = gate
  return gate, task
end

return cons
