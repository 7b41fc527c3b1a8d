-- Where a program's text goes and what marks it: a channel of its own, or a tag and a colour on the machine's console.
local abi = require "abi"
local caps = require "ned.caps"
local report = require "ned.report"

local log = {}

local colours = {n = 0, r = 31, g = 32, y = 33, b = 34, m = 35, c = 36, w = 37}
local words = {none = 0, black = 30, red = 31, green = 32, yellow = 33, blue = 34, magenta = 35, cyan = 36, white = 37}

local Log = {__name = "log"}
Log.__index = Log

function Log:__tostring()
  return string.format("log '%s'", self.tag)
end

function Log:is_valid()
  return true
end

-- Rights are the console's; a log is write and read.
function Log:m()
  return self
end

Log.mode, Log.rights, Log.svr = Log.m, Log.m, Log.m

local function colour_of(what, colour)
  if colour == nil then
    return 0
  elseif math.type(colour) == "integer" and (colour >= 30 and colour <= 37 or colour >= 90 and colour <= 97) then
    return colour
  elseif math.type(colour) == "integer" and colour >= 0 and colour <= 7 then
    return colour + 30
  elseif type(colour) == "string" and words[colour:lower()] then
    return words[colour:lower()]
  elseif type(colour) == "string" and colours[colour:lower()] then
    local code = colours[colour:lower()]
    return code ~= 0 and colour:lower() ~= colour and code + 60 or code
  end
  local near = type(colour) == "string" and report.suggest(colour, report.names(words)) or ""
  report.fail("%s: colour = %s; expected a letter of n r g y b m c w (upper case: bright), a word like \"red\" or a number%s",
              what, report.value(colour), near)
end

-- A log that marks lines with the tag.
function log.new(tag, colour)
  if type(tag) ~= "string" or #tag > 32 or tag:find("%c") then
    report.fail("log: tag = %s; expected a string of at most 32 characters", report.value(tag))
  end
  return setmetatable({tag = tag, colour = colour_of("log '" .. tag .. "'", colour)}, Log)
end

-- Whether the value is a text channel: a gate of a console server, or the machine's console.
function log.is_channel(value)
  return caps.is_handle(value) and (value.ref.kind == abi.kind.gate or value.ref.kind == abi.kind.console)
end

local function of_channel(handle, is_own)
  local name = handle.ref.kind == abi.kind.gate and handle.ref.name or nil
  return setmetatable({tag = name, colour = 0, handle = handle, is_own = is_own}, Log)
end

-- What `log = ` of a program may be: nil, a log, a channel, {tag, colour, options ...}, a function that returns one of
-- these. `fab` makes the channel when only its tag is given; nil: the text goes to the machine's console, marked.
function log.of_option(value, default_tag, fab)
  if type(value) == "function" then
    value = value()
  end
  if value == nil then
    value = {}
  end
  if getmetatable(value) == Log then
    return value
  elseif log.is_channel(value) then
    return of_channel(value)
  elseif type(value) ~= "table" or getmetatable(value) ~= nil then
    return nil
  end
  local tag = value[1] == nil and default_tag or value[1]
  if fab then
    return of_channel(fab:create(abi.Proto.Log, tag, table.unpack(value, 2)), true)
  elseif value[3] ~= nil then
    report.fail("log '%s': option %s is for a console server; set log_fab of the loader", tostring(tag),
                report.value(value[3]))
  end
  return log.new(tag, value[2])
end

return log
