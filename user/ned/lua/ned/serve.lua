-- Calls at gates that ned itself serves. Whoever calls may be wrong in every way, never wait for the answer, or call
-- again and again: each call is answered once or dropped, and no more than a few of them wait at the same time.
local abi = require "abi"
local core = require "core"
local loop = require "ned.loop"
local report = require "ned.report"

local serve = {}

-- How many calls may wait for their answer: at one gate, and at all of them. One more is answered EBUSY.
local MOST_AT_ONE = 16
local MOST = 128
-- A message has 62 words; the longest answer has two before the text.
local LONGEST_TEXT = 400

local waiting = 0 -- at all gates

local Call = {}
Call.__index = Call

-- Word `index` of the message (0 is the first) as a whole number; nil: it has no such word.
function Call.word(self, index)
  return #self.words >= 8 * (index + 1) and string.unpack("<i8", self.words, 8 * index + 1) or nil
end

-- Text of the message: word `index` is its length. "" when the message ends before it; nil: it is longer than the
-- message or than `most`. What is no letter is a '?', since texts go to terminals.
function Call.text(self, index, most)
  local size = self:word(index)
  if not size then
    return ""
  elseif size < 0 or size > most or size > #self.words - 8 * (index + 1) then
    return nil
  end
  return (self.words:sub(8 * (index + 1) + 1, 8 * (index + 1) + size):gsub("%c", "?"))
end

-- The call is over, for the limits; nil: it was before. Its slot comes back.
local function finish(self)
  local slot = self.slot
  if slot then
    self.slot = nil
    self.record.calls[self] = nil
    self.record.count = self.record.count - 1
    waiting = waiting - 1
  end
  return slot
end

-- Answer: an error number (0: fine), further numbers, and at last perhaps a text. A second answer goes nowhere.
function Call.answer(self, code, ...)
  local slot = finish(self)
  if not slot then
    return
  end
  local parts = {string.pack("<i8", -code)}
  for _, value in ipairs {...} do
    if type(value) == "string" then
      value = value:sub(1, LONGEST_TEXT)
      parts[#parts + 1] = string.pack("<i8", #value) .. value .. ("\0"):rep(-#value % 8)
    else
      parts[#parts + 1] = string.pack("<i8", value)
    end
  end
  core.reply(slot, table.concat(parts))
end

function Call.is_waiting(self)
  return self.slot ~= nil
end

local function take(record, label, words, slot)
  local call = setmetatable({record = record, label = label, words = words, slot = slot}, Call)
  record.calls[call] = true
  record.count = record.count + 1
  waiting = waiting + 1
  if record.count > record.most or waiting > MOST then
    call:answer(abi.Error.EBUSY)
    return
  end
  record.fn(call)
end

-- ned answers the gate's calls from now on: fn(call) is called for each, and call:answer tells the result, at once or
-- later. `most`: how many may wait there.
function serve.open(gate, fn, most)
  local record = {calls = {}, count = 0, fn = fn, most = most or MOST_AT_ONE}
  record.badge = loop.add_handler(function(label, words, slot)
    take(record, label, words, slot)
    -- Before the script goes on, which may end the caller: it is not to see what it made still in use.
    core.drop_arrived()
  end)
  local ok, code = core.serve(gate.ref.slot, record.badge)
  if not ok then
    loop.remove_handler(record.badge)
    report.fail("%s cannot be served: %s", tostring(gate), report.error_text(code))
  end
  return record
end

-- Who waits for an answer gets none: ENOREPLY.
function serve.drop_calls(record)
  for call in pairs(record.calls) do
    core.drop(finish(call))
  end
end

-- No call comes any more. The gate itself goes with its last handle.
function serve.close(record)
  serve.drop_calls(record)
  loop.remove_handler(record.badge)
end

-- How many calls wait at all gates.
function serve.waiting()
  return waiting
end

return serve
