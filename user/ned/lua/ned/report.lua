-- Sentences for people: where in the script, what was given, what was expected, what might have been meant.
local abi = require "abi"

local report = {}

-- Code of ned or io themselves: embedded it is called "=ned/...", or compiled from a file of the tree.
local function is_ours(source)
  return source:find("^=ned/") ~= nil or source:find("user/ned/lua/", 1, true) ~= nil or
         source:find("user/srv/io/lua/", 1, true) ~= nil
end

-- "rom/x.lua:12: " of the innermost line that is not ned's own, or "".
function report.where()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then
      return ""
    end
    if info.currentline > 0 and not is_ours(info.source) then
      return info.short_src .. ":" .. info.currentline .. ": "
    end
    level = level + 1
  end
end

local LONGEST = 1000

local function escape(c)
  return c == "\n" and "\\n" or string.format("\\%d", c:byte())
end

-- One line of bearable length, whatever names and values it quotes.
local function one_line(text)
  if #text > LONGEST then
    text = text:sub(1, LONGEST) .. "..."
  end
  return (text:gsub("%c", escape))
end

-- Raise an error that begins with the place in the script.
function report.fail(format, ...)
  error(report.where() .. one_line(string.format(format, ...)), 0)
end

-- A line on the console.
function report.say(format, ...)
  require("core").say(string.format(format, ...))
end

-- What an error number of the hypervisor means.
function report.error_text(code)
  local name = abi.error_name[code]
  if not name then
    return "error " .. tostring(code)
  end
  return abi.error_text[code] .. " (" .. name .. ")"
end

-- Sizes as people say them: 62914560 -> "60 MiB".
function report.size(bytes)
  for _, unit in ipairs {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} do
    if bytes >= unit[2] then
      local value = bytes / unit[2]
      return string.format(bytes % unit[2] == 0 and "%d %s" or "%.1f %s", bytes % unit[2] == 0 and bytes // unit[2] or value, unit[1])
    end
  end
  return bytes .. (bytes == 1 and " byte" or " bytes")
end

-- A value and its type, short.
function report.value(value)
  local kind = type(value)
  if kind == "string" then
    if #value > 60 then
      value = value:sub(1, 57) .. "..."
    end
    return (string.format("%q", value):gsub("\\\n", "\\n"))
  end
  local meta = getmetatable(value)
  if kind == "table" and not (meta and meta.__tostring) then
    return "a table"
  elseif kind == "function" then
    return "a function"
  end
  return tostring(value)
end

-- Edit distance; two neighbours swapped count as one edit.
local function distance(a, b)
  local before, last, row = nil, {}, nil
  for j = 0, #b do
    last[j] = j
  end
  for i = 1, #a do
    row = {[0] = i}
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

-- The name of the list that is most like `word`, or nil when none is.
function report.nearest(word, names)
  local best, best_distance = nil, math.max(1, #word // 3) + 1
  for _, name in ipairs(names) do
    local d = distance(word:lower(), name:lower())
    if d < best_distance then
      best, best_distance = name, d
    end
  end
  return best
end

-- "; did you mean 'x'?" or, when nothing is near, "; known: a, b, c".
function report.suggest(word, names)
  local near = type(word) == "string" and report.nearest(word, names)
  if near then
    return "; did you mean '" .. near .. "'?"
  end
  if #names == 0 or #names > 30 then
    return ""
  end
  return "; known: " .. table.concat(names, ", ")
end

-- The string keys of a table, sorted.
function report.names(...)
  local names = {}
  for _, t in ipairs {...} do
    for name in pairs(t) do
      if type(name) == "string" and name:sub(1, 1) ~= "_" then
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

-- Check a table of options. schema: name -> function(value) that returns nil or what was expected; or a string, why the
-- option cannot be used. `what` names the object in the messages.
function report.check_options(what, options, schema)
  if type(options) ~= "table" then
    report.fail("%s: %s was given where a table of options was expected", what, report.value(options))
  end
  for _, key in ipairs(report.names(options)) do
    local check, value = schema[key], options[key]
    if check == nil then
      report.fail("%s: unknown option '%s' (= %s)%s", what, key, report.value(value),
                  report.suggest(key, report.names(schema)))
    elseif type(check) == "string" then
      report.fail("%s: option '%s' (= %s): %s", what, key, report.value(value), check)
    end
    local expected = check(value)
    if expected then
      report.fail("%s: %s = %s; expected %s", what, key, report.value(value), expected)
    end
  end
  for key in pairs(options) do
    if type(key) ~= "string" then
      report.fail("%s: a value without a name (%s); expected name = value", what, report.value(options[key]))
    end
  end
end

-- Make reading an unknown field of a table an error with a suggestion. `optional`: names that may be missing.
function report.strict(what, t, optional)
  return setmetatable(t, {
    __index = function(_, key)
      if optional and optional[key] then
        return nil
      end
      report.fail("%s has no '%s'%s", what, tostring(key), report.suggest(key, report.names(t, optional or {})))
    end,
  })
end

-- Checkers for check_options.
function report.is_string(value)
  return type(value) ~= "string" and "a string" or nil
end

function report.is_function(value)
  return type(value) ~= "function" and "a function" or nil
end

function report.is_integer(low, high)
  return function(value)
    local n = type(value) == "number" and math.tointeger(value)
    if not n or n < low or n > high then
      return string.format("a whole number from %d to %d", low, high)
    end
  end
end

function report.is_strings(value)
  if type(value) == "table" then
    for _, item in ipairs(value) do
      if type(item) ~= "string" then
        return "a list of strings; one is " .. report.value(item)
      end
    end
    for key in pairs(value) do
      if math.type(key) ~= "integer" then
        return "a list of strings; it has a field '" .. tostring(key) .. "'"
      end
    end
    return nil
  end
  return "a list of strings"
end

return report
