-- Io.hw_add_devices and Io.Hw.Device: devices that the host device tree does not know.
local abi = require "abi"
local body = require "conf.body"
local hw = require "hw"
local report = require "ned.report"

local hardware = {}

local DF_DMA = 1
local types = { -- spelled and numbered as in L4Re
  Irq_type_none = 0, Irq_type_level_high = 0x3, Irq_type_level_low = 0x7, Irq_type_raising_edge = 0x1,
  Irq_type_falling_edge = 0x5, Irq_type_both_edges = 0x9,
}

hardware.flags = {Hw_device_DF_dma_supported = DF_DMA}
hardware.Resource = report.strict("Io.Resource", types)

local Res = {}
local is_resource = {}

local function resource(fields)
  is_resource[fields] = true
  return fields
end

local function check_number(what, value)
  if math.type(value) ~= "integer" then
    report.fail("%s: %s; expected a whole number", what, report.value(value))
  end
  return value
end

local function mmio(name, rights)
  return function(first, last, flags)
    local what = "Io.Res." .. name
    check_number(what, first)
    check_number(what, last)
    if math.ult(last, first) or first == 0 and last == -1 then
      report.fail("%s(%#x, %#x): the end, which is the last byte's address, is before the start", what, first, last)
    elseif flags ~= nil and flags ~= 0 then
      report.fail("%s: flags %s; registers are neither cached nor prefetched, leave them out", what, report.value(flags))
    end
    return resource {first = first, size = last - first + 1, rights = rights}
  end
end

Res.mmio = mmio("mmio", abi.Rights.r | abi.Rights.w)
Res.mmio_rw = mmio("mmio_rw", abi.Rights.r | abi.Rights.w)
Res.mmio_r = mmio("mmio_r", abi.Rights.r)
Res.mmio_w = mmio("mmio_w", abi.Rights.w)

-- The number as the interrupt controller counts: SPI 0 is 32.
function Res.irq(number, kind)
  local count = hw.irq_end()
  kind = kind or types.Irq_type_none
  check_number("Io.Res.irq", number)
  if number < 32 or number >= count then
    report.fail("Io.Res.irq(%d): the machine has no such interrupt to give; it has 32 to %d", number, count - 1)
  end
  if kind == types.Irq_type_none or kind == types.Irq_type_level_high then
    return resource {intid = number, mode = abi.irq_mode.LEVEL}
  elseif kind == types.Irq_type_raising_edge then
    return resource {intid = number, mode = abi.irq_mode.EDGE}
  end
  report.fail("Io.Res.irq(%d, %s): the interrupt controller knows Io.Resource.Irq_type_level_high and Irq_type_raising_edge",
              number, report.value(kind))
end

function Res.io()
  report.fail("Io.Res.io: this machine has no I/O ports")
end

hardware.Res = report.strict("Io.Res", Res)

local is_made = {} -- what Io.Hw.Device returned and nobody named yet

local function compatible_of(value)
  if type(value) == "string" then
    return {value}
  end
  local expected = report.is_strings(value)
  if expected then
    report.fail("Io.Hw.Device: compatible = %s; expected a string or %s", report.value(value), expected)
  end
  return value
end

local function set_property(device, key, value)
  if key == "flags" then
    device.is_dma = check_number("Property.flags", value) & DF_DMA ~= 0
  elseif key == "hid" then
    device.hid = value
  elseif key == "iommu" or key == "sid" then
    device[key] = check_number("Property." .. key, value)
  else
    report.fail("Io.Hw.Device: Property.%s means nothing here%s", tostring(key),
                report.suggest(key, {"flags", "hid", "iommu", "sid"}))
  end
end

local function add_resource(device, key, value)
  if not is_resource[value] then
    report.fail("Resource.%s = %s; expected Io.Res.mmio(first, last) or Io.Res.irq(number, type)", tostring(key),
                report.value(value))
  elseif type(key) ~= "string" or #key > 8 then
    report.fail("Resource.%s: names of resources have up to 8 characters, like reg0 and irq0", tostring(key))
  end
  device.resources[#device.resources + 1] = {id = key, value = value}
end

local function new_device(fn)
  local device = {resources = {}, compatible = {}}
  body.run("Io.Hw.Device", fn, {
    Property = body.sink("Property", function(key, value)
      set_property(device, key, value)
    end),
    Resource = body.sink("Resource", function(key, value)
      add_resource(device, key, value)
    end),
  }, function(name, value)
    if name ~= "compatible" then
      report.fail("Io.Hw.Device: %s = %s; expected compatible, Property.x or Resource.x", name, report.value(value))
    end
    device.compatible = compatible_of(value)
  end)
  is_made[device] = true
  return device
end

local Hw = {Device = new_device, Arm_dma_device = new_device}

for _, name in ipairs {"Ecam_pcie_bridge", "Rcar3_pcie_bridge", "Pcie_imx8qm", "Pcie_tegra194"} do
  Hw[name] = function()
    report.fail("Io.Hw.%s is not needed: io finds PCI bridges in the host device tree", name)
  end
end

hardware.Hw = report.strict("Io.Hw", Hw)

local function check(value, message)
  if not value then
    report.fail("%s", message)
  end
  return value
end

local function add(name, device)
  local index = check(hw.add(name, device.compatible))
  for _, r in ipairs(device.resources) do
    local value = r.value
    if value.intid then
      check(hw.add_irq(index, r.id, value.intid, value.mode), name .. " has too many resources")
    else
      check(hw.add_mem(index, r.id, value.first, value.size, value.rights), name .. " has too many resources")
    end
  end
  if device.sid then
    check(hw.add_stream(index, device.iommu or 0, device.sid), name .. " has too many streams")
  elseif device.is_dma then
    hw.set_dma(index)
  end
end

function hardware.add_devices(fn)
  body.run("Io.hw_add_devices", fn, {}, function(name, device)
    if not is_made[device] then
      report.fail("Io.hw_add_devices: %s = %s; expected Io.Hw.Device(function() ... end)", name, report.value(device))
    end
    is_made[device] = nil
    for _, known in ipairs(require("conf.match").devices()) do
      if known.name == (device.hid or name) then
        report.fail("Io.hw_add_devices: there is a device '%s' already", known.name)
      end
    end
    add(device.hid or name, device)
  end)
end

return hardware
