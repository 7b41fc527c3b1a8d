-- vmm.start_io: the hardware server and the gates of its buses. The gates are ned's, so they outlive the server: started
-- again it serves the same ones, and what its clients hold goes on meanwhile.
local abi = require "abi"
local caps = require "ned.caps"
local core = require "core"
local ends = require "ned.ends"
local environment = require "ned.environment"
local loader = require "ned.loader"
local report = require "ned.report"
local restart = require "ned.restart"
local vbus = require "ned.vbus"

local busses = {}

-- Above guests, so that a busy one does not keep another from its devices.
local PRIORITY = 90
-- What an io leaves for the next one: sizes and addresses of PCI functions, 208 bytes each; in the last page who held locks.
local STATE_SIZE = 64 << 10
-- A wrong script stays wrong; anything else is worth another try.
local RESTART = {on = {"fault", "killed"}}

local function text_of(value)
  if type(value) == "string" then
    return string.format("%q", value)
  end
  return tostring(value)
end

-- {"id", ..., unsafe_dma = true} as text for io.
local function list_as_text(what, list)
  local parts = {}
  for i, value in ipairs(list) do
    if type(value) ~= "string" then
      report.fail("%s: element %d = %s; expected a device's path, what it is compatible with, or \"PCI/...\"", what, i,
                  report.value(value))
    end
    parts[i] = text_of(value)
  end
  for key, value in pairs(list) do
    if key == "unsafe_dma" and type(value) == "boolean" then
      parts[#parts + 1] = "unsafe_dma = " .. text_of(value)
    elseif math.type(key) ~= "integer" then
      report.fail("%s: %s = %s; expected names of devices and unsafe_dma = true", what, tostring(key), report.value(value))
    end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function check_file(what, name)
  if not core.rom_size(name) then
    report.fail("%s: the ROM has no file '%s'%s", what, name, report.suggest(name, loader.rom_names()))
  end
  return name
end

-- What tells io of one bus, at the end of its arguments. A list or a name: that; otherwise a file.
local function add_arguments(what, arguments, name, value)
  what = string.format("%s: bus '%s'", what, name)
  if type(value) == "table" and getmetatable(value) == nil then
    arguments[#arguments + 1] = "-e"
    arguments[#arguments + 1] = string.format("Io.add_vbus(%q, %s)", name, list_as_text(what, value))
  elseif type(value) == "string" and not value:find("^rom/") then
    add_arguments(what, arguments, name, {value})
  elseif type(value) == "string" then
    arguments[#arguments + 1] = check_file(what, value)
  elseif type(value) == "number" or value == true then
    arguments[#arguments + 1] = check_file(what, "rom/" .. name .. ".vbus")
  else
    report.fail("%s = %s; expected a list of devices, a file, or true for rom/%s.vbus", what, report.value(value), name)
  end
end

local function words_of(what, cmdline)
  if cmdline == nil then
    return {}
  elseif type(cmdline) == "string" then
    local words = {}
    for word in cmdline:gmatch("%S+") do
      words[#words + 1] = word
    end
    return words
  elseif report.is_strings(cmdline) then
    report.fail("%s: cmdline = %s; expected a string or a list of strings", what, report.value(cmdline))
  end
  return table.move(cmdline, 1, #cmdline, 1, {})
end

-- ---- the machine's power ----

local function is_limit(value)
  return not restart.seconds(value) and "a time like \"500ms\", \"10s\" or a number of seconds, at most a day" or nil
end

local limits = {suspend_limit = is_limit, shutdown_limit = is_limit}

-- What option `power` adds to io's arguments and capabilities; the gate at which it serves platform control, or nil.
local function give_power(what, power, given, arguments)
  if power == nil or power == false then
    return nil
  elseif power ~= true and (type(power) ~= "table" or getmetatable(power) ~= nil) then
    report.fail("%s: power = %s; expected true or {suspend_limit = \"10s\", shutdown_limit = \"10s\"}", what,
                report.value(power))
  elseif not environment.platform then
    report.fail("%s: power: ned has no capability 'platform'", what)
  end
  if power ~= true then
    report.check_options(what .. ": power", power, limits)
    for _, name in ipairs(report.names(power)) do
      arguments[#arguments + 1] = string.format("--%s=%dms", name:gsub("_", "-"), math.floor(restart.seconds(power[name]) * 1000))
    end
  end
  local gate = environment.factory:create(abi.Proto.Ipc_gate)
  gate.ref.name = "io's pfc"
  given.platform, given.platform_ctl = environment.platform:m("rw"), gate:svr()
  return gate:m("rw")
end

-- ---- starting ----

local function given_to_io(what, opts)
  local given = {}
  for key, value in pairs(opts.caps or {}) do
    given[key] = value
  end
  for name, rights in pairs {dtb = "r", icu = "rw", iommu = "rw", mmio = "rw"} do
    local handle = environment[name]
    given[name] = given[name] or handle and handle:m(rights)
  end
  if not given.icu or not given.dtb or not given.mmio then
    report.fail("%s: ned has no capability '%s'", what, not given.icu and "icu" or not given.dtb and "dtb" or "mmio")
  end
  given.state = given.state or environment.factory:create(abi.Proto.Dataspace, STATE_SIZE):m("rw")
  return given
end

-- Each key of `list` is a bus; its value says what is on it, and is replaced by the bus' capability. power: the machine's
-- power is io's, and field pfc of what comes back a capability for platform control.
function busses.start(default_loader, list, cmdline, opts, power)
  local what = "start_io"
  opts = opts or {}
  if type(list) ~= "table" or getmetatable(list) ~= nil then
    report.fail("%s: busses = %s; expected {name = devices, ...}", what, report.value(list))
  elseif type(opts) ~= "table" then
    report.fail("%s: opts = %s; expected a table of options", what, report.value(opts))
  end
  local arguments, names = words_of(what, cmdline), report.names(list)
  for _, name in ipairs(names) do
    add_arguments(what, arguments, name, list[name])
  end
  local given = given_to_io(what, opts)
  local pfc = give_power(what, power, given, arguments)
  local server, made = vbus.new_server(), {}
  for _, name in ipairs(names) do
    if given[name] then
      report.fail("%s: bus '%s' has the name of a capability that io needs; call it something else", what, name)
    end
    local gate = environment.factory:create(abi.Proto.Ipc_gate)
    vbus.add(server, gate, name)
    given[name], made[name] = gate:svr(), gate:m("rw")
  end
  local options = {name = "io", log = {"io", "red"}, prio = PRIORITY}
  for key, value in pairs(opts) do
    options[key] = value
  end
  local policy = restart.new(what, ends.program, options.restart == nil and RESTART or options.restart)
  options.caps, options.restart = given, nil
  local task = loader.start(default_loader, options, {"rom/io", table.unpack(arguments)}, {
    kind = ends.program,
    policy = policy,
    is_service = true,
    started = function()
      vbus.started(server)
    end,
    stopped = function()
      vbus.stopped(server)
    end,
  })
  for name, handle in pairs(made) do
    list[name] = handle
  end
  task.pfc = pfc
  report.say("io: started with bus%s %s", #names == 1 and "" or "ses", table.concat(names, ", "))
  return task
end

-- For start_vm's option vbus.
function busses.is_bus(value)
  if caps.is_kind(abi.kind.gate)(value) then
    return "a bus, as vmm.start_io leaves it in its table"
  end
end

return busses
