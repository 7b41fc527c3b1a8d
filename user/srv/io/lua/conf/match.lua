-- Finding devices: by path with globbing, by what they are compatible with, by PCI class and numbers.
local hw = require "hw"
local report = require "ned.report"

local match = {}

local is_device = {} -- the handles

local all -- in the order of the machine

-- Handles of all devices: {index =, name =, compatible = {...}, is_pci =, unusable =}. One for each device.
function match.devices()
  local count = hw.count()
  all = all or {}
  for i = #all + 1, count do
    local device = hw.device(i)
    device.index = i
    is_device[device] = true
    all[i] = setmetatable(device, {
      __tostring = function(self)
        return self.name
      end,
    })
  end
  return all
end

function match.is_device(value)
  return is_device[value] == true
end

-- "a*b?c" as a pattern of Lua.
local function pattern_of(glob)
  return "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
end

local function is_compatible(device, id)
  for _, text in ipairs(device.compatible) do
    if text == id then
      return true
    end
  end
  return false
end

local function is_pci_match(device, id)
  local yes, why = hw.pci_match(device.index, id)
  if why then
    report.fail("\"%s\": %s", id, why)
  end
  return yes
end

-- The devices that one id means.
local function find(id)
  local found = {}
  local pattern = pattern_of(id)
  local is_pci = id:find("^PCI/") ~= nil
  for _, device in ipairs(match.devices()) do
    local yes
    if is_pci then
      yes = device.is_pci and is_pci_match(device, id)
    else
      yes = device.name == id or device.name:find(pattern) ~= nil or is_compatible(device, id)
    end
    if yes then
      found[#found + 1] = device
    end
  end
  if is_pci and #found == 0 then
    if #match.devices() > 0 then
      is_pci_match(match.devices()[1], id)
    end
  end
  return found
end

-- What an id can be, for suggestions.
local function names()
  local set = {}
  for _, device in ipairs(match.devices()) do
    set[device.name] = true
    for _, text in ipairs(device.compatible) do
      set[text] = true
    end
  end
  return report.names(set)
end

-- A list of devices; `missing`: the ids that mean none, so that who uses the list can say so. Of several that an id
-- means, those that nobody may have are left out.
function match.match(...)
  local list = {missing = {}}
  for i = 1, select("#", ...) do
    local id = select(i, ...)
    if type(id) ~= "string" or id == "" then
      report.fail("match(%s); expected a device's path, what it is compatible with, or \"PCI/...\"", report.value(id))
    end
    local found, usable = find(id), {}
    for _, device in ipairs(found) do
      if not device.unusable then
        usable[#usable + 1] = device
      end
    end
    if #usable == 0 and #found > 0 then
      usable = {found[1]} -- putting it on a bus says why not
    end
    table.move(usable, 1, #usable, #list + 1, list)
    if #found == 0 then
      list.missing[#list.missing + 1] = id
    end
  end
  return list
end

-- The list has to mean something.
function match.check(list, bus)
  local id = list.missing and list.missing[1]
  if id and id:find("^PCI/") then
    local pci = {}
    for _, device in ipairs(match.devices()) do
      if device.is_pci then
        pci[#pci + 1] = device.name
      end
    end
    report.fail("%s: no PCI function is \"%s\"%s", bus, id,
                #pci == 0 and "; the machine has none" or "; there are " .. table.concat(pci, ", "))
  elseif id then
    report.fail("%s: the machine has no device '%s'%s", bus, id, report.suggest(id, names()))
  end
  return list
end

return match
