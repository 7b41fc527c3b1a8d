-- Tests of L4.Info.memory: who has the machine's memory.
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local KIB = 1 << 10
local MIB = 1 << 20

-- ned took 1 MiB of the root factory; the machine has 4 MiB more than that ever had.
local function machine(core)
  core.memory.used = MIB
  core.memory.machine_free = 255 * MIB
end

test("what nobody pays is the hypervisor's, what no other factory and no dataspace is, ned's", function(core)
  machine(core)
  local memory = L4.Info.memory()
  equal(memory.machine, 260 * MIB)
  equal(memory.hypervisor, 4 * MIB)
  equal(memory.ned, MIB)
  equal(memory.ram, 0)
  equal(#memory.factories, 0)
end)

test("a program's factory has its name, and counts with what is used of it", function(core)
  machine(core)
  rawset(_G, "task", harness.script [[return L4.default_loader:start({mem = 2 << 20, name = "one"}, "rom/uvmm")]])
  local ram = L4.Env.factory:create(L4.Proto.Dataspace, 8 * MIB)
  for _, object in pairs(core.objects) do
    if object.size == 2 * MIB then
      object.used = 100 * KIB
    end
  end
  core.memory.used = MIB + 8 * MIB + 2 * MIB
  core.memory.machine_free = core.memory.machine_free - 8 * MIB - 100 * KIB
  local memory = L4.Info.memory()
  equal(memory.factories[1].name, "one")
  equal(memory.factories[1].used, 100 * KIB)
  equal(memory.factories[1].quota, 2 * MIB)
  equal(memory.ram, ram:size())
  equal(memory.ned, MIB)
  equal(memory.hypervisor, 4 * MIB)
  contains(memory, "one                   100 KiB of 2 MiB\n")
end)

test("what was made out of another factory is in that one's account", function(core)
  machine(core)
  local other = L4.Env.factory:create(L4.Proto.Factory, 4 * MIB)
  other:create(L4.Proto.Dataspace, MIB)
  equal(L4.Info.memory().ram, 0)
  equal(L4.Info.memory().factories[1].name, "factory with 4 MiB")
end)

test("what is gone is not told", function(core)
  machine(core)
  L4.Env.factory:create(L4.Proto.Factory, 4 * MIB)
  collectgarbage()
  collectgarbage()
  equal(#L4.Info.memory().factories, 0)
end)

harness.finish()
