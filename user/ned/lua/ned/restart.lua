-- Option `restart`: whether something that ended begins again, and when. Pure: time comes in as an argument.
local report = require "ned.report"

local restart = {}

local WITHIN = 60        -- seconds: a run that lasted so long makes what was before forgotten
local CRASH_BACKOFF = 0.1 -- seconds before the first restart after a crash, when the script does not say
local BACKOFF_LIMIT = 10 -- seconds: doubling stops there, or at `backoff` when that is longer
local LONGEST = 86400    -- seconds

local unit = {ms = 0.001, s = 1, m = 60}

-- "500ms", "1s", "2m" or a number of seconds -> seconds, or nil.
function restart.seconds(value)
  if type(value) == "string" then
    local number, name = value:match("^%s*(%d+%.?%d*)%s*(%a+)%s*$")
    value = number and unit[name] and tonumber(number) * unit[name]
  end
  return type(value) == "number" and value >= 0 and value <= LONGEST and value or nil
end

local function is_time(value)
  return not restart.seconds(value) and "a time like \"500ms\", \"1s\" or a number of seconds, at most a day" or nil
end

local function words_of(kind)
  local words = report.names(kind.words)
  for i = #words, 1, -1 do
    if words[i] == "stopped" then -- the script stopped it: nothing to decide
      table.remove(words, i)
    end
  end
  table.insert(words, "always")
  table.insert(words, "crash")
  return words
end

-- Put the words that `on` stands for into `set`; an error names one that is none.
local function add_words(what, kind, set, on)
  local known = words_of(kind)
  for _, word in ipairs(type(on) == "table" and on or {on}) do
    if word == "always" then
      for name in pairs(kind.words) do
        set[name] = true
      end
    elseif word == "crash" then
      for name in pairs(kind.crash) do
        set[name] = true
      end
    elseif kind.words[word] and word ~= "stopped" then
      set[word] = true
    else
      report.fail("%s: on: %s is no way to end%s", what, report.value(word), report.suggest(word, known))
    end
  end
  return set
end

local function is_on(value)
  return type(value) ~= "string" and (report.is_strings(value) or #value == 0) and "a word or a list of words" or nil
end

local fields = {on = is_on, max = report.is_integer(0, 1 << 30), within = is_time, backoff = is_time}

-- A policy, or nil when the option says that nothing is restarted. kind: of ned.ends. Wrong options are errors.
function restart.new(what, kind, option)
  if option == nil or option == false then
    return nil
  end
  local policy = {kind = kind, count = 0, within = WITHIN, on = {}}
  what = what .. ": restart"
  if type(option) == "function" then
    policy.handler = option
  elseif type(option) == "string" then
    add_words(what, kind, policy.on, option)
  elseif type(option) == "table" and getmetatable(option) == nil then
    report.check_options(what, option, fields)
    if option.on == nil then
      report.fail("%s: on is missing: after which ends; like on = \"crash\"", what)
    end
    add_words(what, kind, policy.on, option.on)
    policy.max = option.max
    policy.within = restart.seconds(option.within or WITHIN)
    policy.backoff = option.backoff and restart.seconds(option.backoff)
  else
    report.fail("%s = %s; expected a table like {on = \"crash\", max = 3, backoff = \"1s\"}, a word, a function or false", what,
                report.value(option))
  end
  return policy
end

-- The first restart in a row comes after the backoff, each further one after twice as long.
local function delay_of(policy, word)
  local first = policy.backoff or policy.kind.asked[word] and 0 or CRASH_BACKOFF
  return math.min(first * 2.0 ^ math.min(policy.count - 1, 60), math.max(BACKOFF_LIMIT, first))
end

-- It ended with that word after `ran` seconds. Seconds to wait before it begins again; or nil and perhaps why not.
function restart.decide(policy, word, ran)
  if not policy.on[word] then
    return nil
  end
  if ran >= policy.within then
    policy.count = 0
  end
  if policy.max and policy.count >= policy.max then
    return nil, string.format("it was restarted %d times and then ran %s again; option restart allows max = %d",
                              policy.count, restart.text(ran), policy.max)
  end
  policy.count = policy.count + 1
  return delay_of(policy, word)
end

-- What a handler returned: true, nil or false, or a time. Like restart.decide.
function restart.answer(policy, value)
  if value == true then
    value = 0
  elseif value == nil or value == false then
    return nil
  end
  local seconds = restart.seconds(value)
  if not seconds then
    return nil, string.format("its restart function returned %s; expected true, false or a time like \"1s\"",
                              report.value(value))
  end
  policy.count = policy.count + 1
  return seconds
end

-- Seconds as people say them.
function restart.text(seconds)
  if seconds < 1 then
    return string.format("%d ms", math.floor(seconds * 1000 + 0.5))
  end
  return string.format(seconds % 1 == 0 and "%d s" or "%.1f s", seconds % 1 == 0 and math.tointeger(seconds) or seconds)
end

return restart
