-- Text channels that a console server (cons) makes: gate:create(L4.Proto.Log, tag, colour, options ...).
--
-- ned makes the gate of each channel and hands it to the server, so the channel outlives it: when the server is started
-- again it gets all of them anew, in their order and under their names, and clients that wait go on.
local abi = require "abi"
local caps = require "ned.caps"
local core = require "core"
local loop = require "ned.loop"
local report = require "ned.report"

local channels = {}

local servers = {} -- slot of the service gate -> {slot =, records = {...}, is_running =, is_retrying =}

local function server_of(handle)
  local slot = handle.ref.slot
  servers[slot] = servers[slot] or {slot = slot, ref = handle.ref, records = {}}
  return servers[slot]
end

local function texts_of(name, colour, options)
  return table.concat({name, tostring(colour), table.unpack(options)}, "\0") .. "\0"
end

-- Hand the channel to its server. true; nil: the server did not answer; nil and a sentence: it refuses.
local function attach(record)
  local number, code, text = core.channel_attach(record.server.slot, record.slot, texts_of(record.name, record.colour, record.options))
  if number then
    -- The server may have made another name of it, which it keeps.
    record.number, record.name = number, code
    return true
  elseif code == abi.Error.ETIMEDOUT or code == abi.Error.ENOREPLY then
    return nil
  end
  return nil, text and text ~= "" and text or report.error_text(code)
end

-- All that the server does not have. false: it did not answer.
local function attach_all(server)
  for _, record in ipairs(server.records) do
    if not record.number then
      local ok, why = attach(record)
      if why then
        report.say("%s: the console server does not take the channel: %s", record.name, why)
        record.number = -1
      elseif not ok then
        return false
      end
    end
  end
  return true
end

local function attach_later(server)
  if server.is_retrying then
    return
  end
  server.is_retrying = true
  loop.spawn(function()
    repeat
      loop.sleep(1)
    until not server.is_running or attach_all(server)
    server.is_retrying = false
  end)
end

-- A program that serves these gates runs now, or does not any more.
function channels.started(slots)
  for _, slot in ipairs(slots) do
    local server = servers[slot]
    if server then
      server.is_running = true
      if not attach_all(server) then
        attach_later(server)
      end
    end
  end
end

function channels.stopped(slots)
  for _, slot in ipairs(slots) do
    local server = servers[slot]
    server.is_running = false
    for _, record in ipairs(server.records) do
      record.number = nil
    end
  end
end

-- Of what a program is given ({name =, handle =} ...), the gates at which channels are made; nil when there is none.
function channels.served(list)
  local slots
  for _, entry in ipairs(list) do
    if entry.name == "cons" and entry.handle.ref.kind == abi.kind.gate and entry.handle:m() & abi.Rights.s ~= 0 then
      slots = slots or {}
      slots[#slots + 1] = server_of(entry.handle).slot
    end
  end
  return slots
end

local function forget(record)
  for i, other in ipairs(record.server.records) do
    if other == record then
      table.remove(record.server.records, i)
      break
    end
  end
  if record.number and record.number >= 0 and record.server.is_running then
    core.channel_close(record.server.slot, record.number)
  end
  record.number = nil
end

-- A program that was given these ({name =, handle =} ...) has ended: servers let go of what it gave them.
function channels.let_go(list)
  for _, entry in ipairs(list) do
    local record = rawget(entry.handle, "ref").channel
    if record and record.number and record.number >= 0 and record.server.is_running then
      core.channel_let_go(record.server.slot, record.number)
    end
  end
end

-- The channel's client is gone for good.
function channels.close(handle)
  local record = rawget(handle, "ref").channel
  if record then
    handle.ref.channel = nil
    forget(record)
  end
end

-- A new channel: a gate that answers the console operations.
function channels.create(handle, tag, colour, ...)
  local log = require "ned.log"
  local what = "create(L4.Proto.Log)"
  local described = log.new(tag, colour)
  local options = {...}
  local expected = report.is_strings(options)
  if expected then
    report.fail("%s: options: expected %s", what, expected)
  end
  local server = server_of(handle)
  local cap = require("ned.environment").factory:create(abi.Proto.Ipc_gate)
  local record = {server = server, slot = cap.ref.slot, name = described.tag, colour = described.colour, options = options}
  if server.is_running then
    local _, why = attach(record)
    if why then
      report.fail("%s '%s': %s", what, described.tag, why)
    end
  end
  server.records[#server.records + 1] = record
  cap.ref.channel, cap.ref.at_gc, cap.ref.name = record, function() forget(record) end, record.name
  if server.is_running and not record.number then
    attach_later(server)
  end
  return cap:m("rw")
end

caps.methods_of(abi.kind.gate).create = function(self, proto, ...)
  if proto ~= abi.Proto.Log then
    report.fail("%s:create: expected L4.Proto.Log: a console server makes logs, other servers are not there yet",
                tostring(self))
  end
  return channels.create(self, ...)
end

return channels
