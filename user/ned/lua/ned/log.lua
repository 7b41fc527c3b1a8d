-- Where a program's text goes and what marks it: a tag and a colour.
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

-- What `log = ` of a program may be: nil, a log, {tag, colour}, a function that returns one of these.
function log.of_option(value, default_tag)
  if type(value) == "function" then
    value = value()
  end
  if value == nil then
    return log.new(default_tag)
  elseif getmetatable(value) == Log then
    return value
  elseif type(value) == "table" and getmetatable(value) == nil then
    return log.new(value[1] == nil and default_tag or value[1], value[2])
  end
  return nil
end

return log
