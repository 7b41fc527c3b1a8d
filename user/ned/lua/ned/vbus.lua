-- The gates of buses: which server is behind each, and that it hears of its clients' ends.
local abi = require "abi"
local core = require "core"
local loop = require "ned.loop"

local vbus = {}

local RETRY = 0.5 -- seconds

function vbus.new_server()
  return {records = {}, is_running = false, turn = 0}
end

-- The gate is a bus of that server.
function vbus.add(server, gate, name)
  local record = {slot = gate.ref.slot, server = server, is_pending = false, is_named = false}
  server.records[#server.records + 1] = record
  gate.ref.bus, gate.ref.name = record, "bus " .. name
end

-- A client has ended: devices are quiet when this is done, before its memory goes to others. false: io did not answer.
local function settle(record)
  record.is_pending = not core.vbus_settle(record.slot)
  return not record.is_pending
end

-- The name of its client, for io's messages. false: io did not answer.
local function tell_name(record)
  if record.client then
    record.is_named = core.vbus_name(record.slot, record.client) ~= nil
  end
  return not record.client or record.is_named
end

local function is_up_to_date(record)
  return (not record.is_pending or settle(record)) and (record.is_named or tell_name(record))
end

-- Until io has heard everything, or another io runs.
local function tell_later(server)
  local turn = server.turn
  if server.telling == turn then
    return
  end
  server.telling = turn
  loop.spawn(function()
    local is_done
    repeat
      loop.sleep(RETRY)
      is_done = true
      for _, record in ipairs(server.records) do
        is_done = (server.turn ~= turn or is_up_to_date(record)) and is_done
      end
    until is_done or server.turn ~= turn or not server.is_running
    if server.telling == turn then
      server.telling = nil
    end
  end)
end

-- A program of that name is given these ({name =, handle =} ...) and is about to run.
function vbus.taken(list, name)
  for _, entry in ipairs(list) do
    local record = rawget(entry.handle, "ref").bus
    if record and entry.handle:m() & abi.Rights.s == 0 then
      record.client, record.is_named = name, false
      -- Devices that its predecessor left behind while there was no io are quiet before it opens the bus.
      if record.is_pending and record.server.is_running then
        settle(record)
      end
      if record.server.is_running and not tell_name(record) then
        tell_later(record.server)
      end
    end
  end
end

-- A program that was given these ({name =, handle =} ...) has ended.
function vbus.let_go(list)
  for _, entry in ipairs(list) do
    local record = rawget(entry.handle, "ref").bus
    if record and entry.handle:m() & abi.Rights.s == 0 and not (record.server.is_running and settle(record)) then
      record.is_pending = true
      if record.server.is_running then
        tell_later(record.server)
      end
    end
  end
end

-- A server of buses runs now, or does not any more.
function vbus.started(server)
  server.is_running = true
  server.turn = server.turn + 1
  for _, record in ipairs(server.records) do
    record.is_named = false
    if record.is_pending or record.client then
      tell_later(server)
    end
  end
end

function vbus.stopped(server)
  server.is_running = false
end

return vbus
