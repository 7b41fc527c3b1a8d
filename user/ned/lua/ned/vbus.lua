-- The gates of buses: which server is behind each, and that it hears of its clients' ends.
local core = require "core"
local loop = require "ned.loop"

local vbus = {}

function vbus.new_server()
  return {records = {}, is_running = false, turn = 0}
end

-- The gate is a bus of that server.
function vbus.add(server, gate, name)
  local record = {slot = gate.ref.slot, server = server, is_pending = false}
  server.records[#server.records + 1] = record
  gate.ref.bus, gate.ref.name = record, "bus " .. name
end

-- A client has ended: devices are quiet when this is done, before its memory goes to others. false: io did not answer.
local function settle(record)
  record.is_pending = not core.vbus_settle(record.slot)
  return not record.is_pending
end

-- Until io answers, or another io runs.
local function settle_later(server)
  local turn = server.turn
  if server.retrying == turn then
    return
  end
  server.retrying = turn
  loop.spawn(function()
    local is_done
    repeat
      loop.sleep(1)
      is_done = true
      for _, record in ipairs(server.records) do
        is_done = (server.turn ~= turn or not record.is_pending or settle(record)) and is_done
      end
    until is_done or server.turn ~= turn or not server.is_running
    if server.retrying == turn then
      server.retrying = nil
    end
  end)
end

-- A program that was given these ({name =, handle =} ...) has ended.
function vbus.let_go(list)
  for _, entry in ipairs(list) do
    local record = rawget(entry.handle, "ref").bus
    if record and not (record.server.is_running and settle(record)) then
      record.is_pending = true
      if record.server.is_running then
        settle_later(record.server)
      end
    end
  end
end

-- A server of buses runs now, or does not any more.
function vbus.started(server)
  server.is_running = true
  server.turn = server.turn + 1
  for _, record in ipairs(server.records) do
    if record.is_pending then
      settle_later(server)
    end
  end
end

function vbus.stopped(server)
  server.is_running = false
end

return vbus
