-- L4.Env: ned's own capabilities, by the names that scripts know.
local caps = require "ned.caps"
local core = require "core"
local report = require "ned.report"

require "ned.factory"

local environment = {}

for name, entry in pairs(core.capabilities()) do
  environment[name] = caps.of_environment(name, entry.slot)
end

-- One factory has all memory and makes all objects.
environment.user_factory = environment.user_factory or environment.factory
environment.mem_alloc = environment.mem_alloc or environment.factory

-- Names of L4Re that a machine or this system may not have: nil, so that scripts can ask.
local optional = {
  parent = true, rm = true, dbg_events = true, rwfs = true, icu = true, iommu = true, dma_mgr = true, arm_smc = true,
  sigma0 = true, mem = true, jdb = true, kip = true, vesa = true, log = true, rom = true, scheduler = true,
  platform = true, dtb = true, mmio = true, task = true, vbus = true, pfc = true, factory = true, user_factory = true, mem_alloc = true,
}

return report.strict("L4.Env", environment, optional)
