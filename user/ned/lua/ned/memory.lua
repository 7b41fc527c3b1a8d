-- L4.Info.memory: who has the machine's memory. The parts together are all of it.
--
--   machine = hypervisor + rom + ned + ram + what each factory paid + free
--
-- Everything made after boot is charged to the root factory or to one made of it, and both say how much. What is
-- charged to nobody is the hypervisor's: its image with stacks and tables, the bookkeeping of RAM, pages of small
-- objects that are not full, and what firmware keeps.
local abi = require "abi"
local core = require "core"
local environment = require "ned.environment"
local report = require "ned.report"
local tasks = require "ned.tasks"

local memory = {}

-- What was made out of the root factory and takes much of it: refs of dataspaces and factories, in their order.
local made, count = setmetatable({}, {__mode = "k"}), 0

function memory.note(factory, handle)
  local kind = handle.ref.kind
  if factory == environment.factory and (kind == abi.kind.dataspace or kind == abi.kind.factory) then
    count = count + 1
    made[handle.ref] = count
  end
end

local function is_before(a, b)
  return made[a] < made[b]
end

local function refs()
  local list = {}
  for ref in pairs(made) do
    list[#list + 1] = ref
  end
  table.sort(list, is_before)
  return list
end

-- "hypervisor   412 KiB": how tostring shows a part.
local function line(name, bytes, quota)
  return string.format("%-18s%11s%s", name, report.size(bytes), quota and " of " .. report.size(quota) or "")
end

local function text(self)
  local lines = {line("hypervisor", self.hypervisor), line("ROM", self.rom), line("ned", self.ned)}
  for _, payer in ipairs(self.factories) do
    lines[#lines + 1] = line(payer.name, payer.used, payer.quota)
  end
  lines[#lines + 1] = line("RAM of the script", self.ram)
  lines[#lines + 1] = line("free", self.free)
  return table.concat(lines, "\n")
end

-- {machine =, hypervisor =, rom =, ned =, ram =, free =, factories = {{name =, used =, quota =}, ...}}, in bytes; at the
-- prompt a line for each. A factory is named after the programs that pay with it; ram is what the script made as
-- dataspaces.
function memory.read()
  local names, factories, ram, promised, used = tasks.payers(), {}, 0, 0, 0
  for _, ref in ipairs(refs()) do
    local info = ref.kind == abi.kind.factory and core.factory_info(ref.slot)
    local ds = ref.kind == abi.kind.dataspace and core.dataspace_info(ref.slot)
    if info then
      factories[#factories + 1] = {name = names[ref] or ref.name, used = info.used, quota = info.quota}
      promised, used = promised + info.quota, used + info.used
    elseif ds then
      ram = ram + ds.size
    end
  end
  local root = environment.factory:info()
  local rom = environment.rom and environment.rom:size() or 0
  local charged = root.used - promised + used
  return setmetatable({
    machine = root.machine, free = root.machine_free, rom = rom, ram = ram, factories = factories,
    ned = root.used - promised - ram, hypervisor = root.machine - root.machine_free - rom - charged,
  }, {__tostring = text})
end

return memory
