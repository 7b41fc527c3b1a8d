-- The configuration language: module Io as scripts know it, and wrap. Names are those of L4Re's io.
local body = require "conf.body"
local hardware = require "conf.hardware"
local hw = require "hw"
local match = require "conf.match"
local report = require "ned.report"

local Io = {}

-- Where the script is now, for messages that come later.
local function here()
  local where = report.where()
  return where ~= "" and where:gsub(": $", "") or "the command line"
end

-- ---- the machine ----

local system = {}

function system.match(self, ...)
  if self ~= Io.hw_bus then
    report.fail("call match with ':', as in Io.system_bus():match(\"PCI/network\")")
  end
  return match.match(...)
end

function system.device(self, path)
  local list = match.check(match.match(path), "Io.system_bus():device")
  return list[1]
end

function system.devices()
  return {table.unpack(match.devices())}
end

Io.hw_bus = report.strict("the system bus", system)

function Io.system_bus()
  return Io.hw_bus
end

function Io.hw_add_devices(fn)
  hardware.add_devices(fn)
end

Io.Hw, Io.Res, Io.Resource = hardware.Hw, hardware.Res, hardware.Resource
for name, value in pairs(hardware.flags) do
  Io[name] = value
end

-- ---- buses ----

local is_wrapped = {} -- lists that wrap returned
local is_bus = {}

-- Devices as a bus takes them. filter: the resources to keep, by name; all if not said.
local function wrap(devices, filter)
  if match.is_device(devices) then
    devices = {devices}
  elseif type(devices) == "string" then
    devices = match.match(devices)
  elseif type(devices) ~= "table" then
    report.fail("wrap(%s); expected a device or a list of these, as match returns", report.value(devices))
  end
  if filter ~= nil then
    local expected = report.is_strings(filter)
    if expected then
      report.fail("wrap: filter: expected %s, the resources to keep, like {\"reg0\", \"irq0\"}", expected)
    end
  end
  match.check(devices, "wrap")
  local wrapped = {where = here(), filter = filter}
  for i, device in ipairs(devices) do
    if not match.is_device(device) then
      report.fail("wrap: element %d is %s; expected a device", i, report.value(device))
    end
    wrapped[i] = device
  end
  is_wrapped[wrapped] = true
  return wrapped
end

local function add_child(bus, name, value)
  if value == nil then
    return
  elseif is_bus[value] and value.is_pci then
    for _, wrapped in ipairs(value.children) do
      bus.children[#bus.children + 1] = wrapped
    end
  elseif is_wrapped[value] then
    bus.children[#bus.children + 1] = value
  else
    report.fail("a bus: %s = %s; expected wrap(...) of devices", tostring(name), report.value(value))
  end
end

local function set_property(bus, key, value)
  if key == "unsafe_dma" then
    if type(value) ~= "boolean" then
      report.fail("Property.unsafe_dma = %s; expected true or false", report.value(value))
    end
    bus.unsafe_dma = value
  elseif key ~= "num_msis" then -- interrupts by message come with the interrupt translation service
    report.fail("a bus: Property.%s means nothing here%s", tostring(key), report.suggest(key, {"unsafe_dma", "num_msis"}))
  end
end

local function new_bus(what, fn, is_pci)
  local bus = {children = {}, where = here(), is_pci = is_pci}
  body.run(what, fn, {
    Property = body.sink("Property", function(key, value)
      set_property(bus, key, value)
    end),
  }, function(name, value)
    add_child(bus, name, value)
  end)
  is_bus[bus] = true
  return bus
end

Io.Vi = report.strict("Io.Vi", {
  System_bus = function(fn)
    return new_bus("Io.Vi.System_bus", fn, false)
  end,
  PCI_bus = function(fn)
    return new_bus("Io.Vi.PCI_bus", fn, true)
  end,
})

-- {"id" or device or wrap(...), ..., unsafe_dma = true}: a bus without a function.
local function bus_of_list(name, list)
  local bus = {children = {}, where = here()}
  for key, value in pairs(list) do
    if key == "unsafe_dma" then
      set_property(bus, key, value)
    elseif math.type(key) ~= "integer" then
      report.fail("bus '%s': %s = %s; expected names of devices and unsafe_dma = true", name, tostring(key), report.value(value))
    end
  end
  for _, value in ipairs(list) do
    if type(value) == "string" then
      value = wrap(match.check(match.match(value), "bus '" .. name .. "'"))
    elseif match.is_device(value) then
      value = wrap(value)
    end
    add_child(bus, name, value)
  end
  return bus
end

local function check(value, message)
  if not value then
    report.fail("%s", message)
  end
  return value
end

local function publish(name, bus)
  local number = check(hw.bus(name, bus.where))
  for _, wrapped in ipairs(bus.children) do
    for _, device in ipairs(wrapped) do
      if wrapped.filter then
        check(hw.filter(device.index, wrapped.filter))
      end
      check(hw.put(number, device.index, wrapped.where))
    end
  end
  if bus.unsafe_dma then
    hw.set_unsafe_dma(number)
  end
end

-- The bus is at the gate of that name.
function Io.add_vbus(name, bus)
  if type(name) ~= "string" or name == "" then
    report.fail("Io.add_vbus(%s, ...); expected the name of the gate", report.value(name))
  end
  if is_wrapped[bus] then
    bus = {bus}
  elseif type(bus) == "string" then
    bus = {bus}
  end
  if type(bus) ~= "table" or match.is_device(bus) then
    report.fail("bus '%s' = %s; expected Io.Vi.System_bus(function() ... end), or a list of devices", name,
                report.value(bus))
  end
  if not is_bus[bus] then
    bus = bus_of_list(name, bus)
  elseif bus.is_pci then
    report.fail("bus '%s' is an Io.Vi.PCI_bus; put it on an Io.Vi.System_bus", name)
  end
  publish(name, bus)
end

function Io.add_vbusses(busses)
  if type(busses) ~= "table" then
    report.fail("Io.add_vbusses(%s); expected {name = bus, ...}", report.value(busses))
  end
  for _, name in ipairs(report.names(busses)) do
    Io.add_vbus(name, busses[name])
  end
end

-- ---- running scripts ----

rawset(_G, "Io", report.strict("Io", Io))
rawset(_G, "wrap", wrap)

local function compile(name, text)
  local chunk, message = load(text:gsub("^#[^\n]*", ""), "@" .. name, "t")
  if not chunk then
    error(message, 0)
  end
  return chunk
end

-- Reading a global that nobody set is a typo.
setmetatable(_G, {
  __index = function(_, key)
    report.fail("global '%s' is not defined%s", tostring(key),
                report.nearest(tostring(key), report.names(_G)) and report.suggest(key, report.names(_G)) or "")
  end,
})

return function(name, text)
  compile(name, text)()
end
