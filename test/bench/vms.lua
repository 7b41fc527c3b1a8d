-- Times VMs from the script's call to the guest's first instruction, and tells the memory they take; then turns the machine off.
-- Arguments: "start": one VM, started, and started again after its end. "again": VMs that begin anew in place, reset by
-- their guest and by the script. "vms", "vcpus", "ram": how a start grows with their number.
-- Lines: "at NAME X T", the counter at the call; "memory NAME X BYTES", what the machine has free. The guest's own lines follow.
local L4 = require "L4"
local vmm = require "vmm"
local what = ...

local function tell(kind, name, x, value) print(string.format("%s %s %d %.0f", kind, name, x, value)) end
local function now() return os.clock() * 1e9 end

-- Without what the script holds no more: VMs that ended, with their RAM.
local function free()
  collectgarbage()
  collectgarbage()
  return L4.Env.factory:info().machine_free
end

local function start(name, x, options)
  options.kernel, options.bootargs = "rom/guest", "only=" .. (options.only or "none")
  options.only = nil
  local before = free()
  tell("at", name, x, now())
  local vm = vmm.start_vm(options)
  return vm, before
end

local function start_and_end(name, x, options)
  local vm = start(name, x, options)
  vm:wait()
  return vm
end

local scripts = {}

function scripts.start()
  local vm = start_and_end("vm_start", 1, {id = "vm", mem = 256, vcpus = 1})
  tell("at", "vm_restart", 1, now())
  vm:restart()
  vm:wait()
end

-- The guest itself says when it resets, in the same clock; it would do so in each life.
function scripts.again()
  start("first_life", 1, {id = "resets", mem = 256, vcpus = 1, only = "reset", restart = {on = "reset", max = 1}}):wait()
  local vm = start("first_life", 2, {id = "stays", mem = 256, vcpus = 1, only = "wait", restart = "reset"})
  L4.sleep(0.3)
  tell("at", "vm_restart_running", 1, now())
  vm:restart()
  L4.sleep(0.3)
end

function scripts.ram()
  for _, mib in ipairs{64, 128, 256, 512, 1024, 2048, 4096} do
    start_and_end("vm_start_by_ram", mib, {id = "vm" .. mib, mem = mib, vcpus = 1}):stop()
  end
end

-- Guests that stay: what a VM takes while it runs, besides its RAM.
local function stay(what, n, vcpus)
  local vm, before = start("vm_start_by_" .. what, n, {id = "vm" .. n, mem = 64, vcpus = vcpus, only = "wait"})
  L4.sleep(0.3)
  tell("memory", "vm_memory_by_" .. what, n, before - free() - 64 * 1024 * 1024)
  return vm
end

function scripts.vms()
  for n = 1, 8 do stay("vms", n, 1) end
end

function scripts.vcpus()
  for n = 1, 8 do stay("vcpus", n, n):stop() end
end

scripts[what]()
L4.Env.platform:system_shutdown()
