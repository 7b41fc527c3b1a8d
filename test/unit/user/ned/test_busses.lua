-- Tests of vmm.start_io: what io is told, the gates of buses, and what happens when clients or io end.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local function script(text)
  return harness.script("local vmm = require 'vmm'\n" .. text)
end

local function error_of(text)
  return harness.error_of("local vmm = require 'vmm'\n" .. text)
end

local function load_of(core, number)
  return core.recorded("load")[number][2]
end

local function caps_of(core, number)
  local caps = {}
  for _, cap in ipairs(load_of(core, number).caps) do
    caps[cap.name] = cap
  end
  return caps
end

local function pass(seconds)
  local loop = require "ned.loop"
  local done = false
  loop.spawn(function()
    loop.sleep(seconds)
    done = true
  end)
  while not done do
    loop.step()
  end
end

test("each bus is a gate that io serves, and its key in the table is the client's end of it", function(core)
  local list = script [[
    local list = {net = {"PCI/network", unsafe_dma = true}, clock = "arm,pl031"}
    vmm.start_io(list)
    vmm.start_vm{id = "a", vbus = list.net}
    return list
  ]]
  equal(table.concat(load_of(core, 1).argv, " "),
        [[rom/io -e Io.add_vbus("clock", {"arm,pl031"}) -e Io.add_vbus("net", {"PCI/network", unsafe_dma = true})]])
  local io, vm = caps_of(core, 1), caps_of(core, 2)
  equal(io.net.slot, vm.vbus.slot)
  equal(io.net.rights & abi.Rights.s, abi.Rights.s)
  equal(vm.vbus.rights & abi.Rights.s, 0)
  equal(io.icu.rights & abi.Rights.w, abi.Rights.w)
  equal(io.dtb.rights & abi.Rights.w, 0)
  assert(io.mmio and io.clock)
  equal(io.iommu.rights & abi.Rights.w, abi.Rights.w)
  equal(io.state.rights & abi.Rights.w, abi.Rights.w)
  contains(tostring(list.clock), "bus clock")
end)

test("files describe buses as well, and the command line comes first", function(core)
  core.rom["hw.io"], core.rom["vm.vbus"], core.rom["own.lua"] = "x", "x", "x"
  script [[vmm.start_io({vm = 1, other = "rom/own.lua"}, "-v rom/hw.io", {prio = 80})]]
  equal(table.concat(load_of(core, 1).argv, " "), "rom/io -v rom/hw.io rom/own.lua rom/vm.vbus")
  equal(core.recorded("place")[1][4], 80)
  script [[vmm.start_io{busses = {vm = true}, cmdline = {"-v"}}]]
  equal(table.concat(load_of(core, 2).argv, " "), "rom/io -v rom/vm.vbus")
end)

test("with option power io gets the machine's, and VMs a capability for it", function(core)
  local io = script [[
    local list = {a = {}}
    local io = vmm.start_io{busses = list, power = {suspend_limit = "2s", shutdown_limit = 0.5}}
    vmm.start_vm{id = "a", vbus = list.a, pfc = io.pfc}
    return io
  ]]
  equal(table.concat(load_of(core, 1).argv, " "), [[rom/io -e Io.add_vbus("a", {}) --shutdown-limit=500ms --suspend-limit=2000ms]])
  local given, vm = caps_of(core, 1), caps_of(core, 2)
  equal(given.platform_ctl.slot, vm.pfc.slot)
  equal(given.platform_ctl.rights & abi.Rights.s, abi.Rights.s)
  equal(vm.pfc.rights & abi.Rights.s, 0)
  equal(given.platform.rights & abi.Rights.w, abi.Rights.w)
  contains(tostring(io.pfc), "pfc")
  script [[local io = vmm.start_io{busses = {a = {}}, power = true}; assert(io.pfc)]]
  equal(table.concat(load_of(core, 3).argv, " "), [[rom/io -e Io.add_vbus("a", {})]])
  local without = script [[return vmm.start_io{busses = {a = {}}}]]
  contains(tostring(select(2, pcall(function() return without.pfc end))), "has no 'pfc'")
  equal(caps_of(core, 4).platform_ctl, nil)
  equal(caps_of(core, 4).platform, nil)
end)

test("what start_io cannot use is an error with names, before anything is started", function(core)
  contains(error_of [[vmm.start_io{busses = {}, power = 7}]], "power = 7; expected true or {suspend_limit =")
  contains(error_of [[vmm.start_io{busses = {}, power = {limit = 1}}]], "unknown option 'limit'")
  contains(error_of [[vmm.start_io{busses = {}, power = {suspend_limit = "soon"}}]], "suspend_limit = \"soon\"; expected a time like")
  contains(error_of [[vmm.start_io{busses = {platform_ctl = {}}, power = true}]], "bus 'platform_ctl' has the name of a capability")
  contains(error_of [[vmm.start_io(1)]], "start_io: busses = 1; expected {name = devices, ...}")
  contains(error_of [[vmm.start_io{net = true}]], "start_io: bus 'net': the ROM has no file 'rom/net.vbus'")
  contains(error_of [[vmm.start_io{net = {1}}]], "bus 'net': element 1 = 1; expected a device's path")
  contains(error_of [[vmm.start_io{net = {"a", unsafe = true}}]], "bus 'net': unsafe = true; expected names of devices")
  contains(error_of [[vmm.start_io{icu = {"a"}}]], "bus 'icu' has the name of a capability that io needs")
  contains(error_of [[vmm.start_io({}, 7)]], "cmdline = 7; expected a string")
  contains(error_of [[vmm.start_io{busses = {}, cmdlin = ""}]], "did you mean 'cmdline'?")
  contains(error_of [[vmm.start_vm{vbus = 1}]], "vbus = 1; expected a bus, as vmm.start_io leaves it")
  contains(error_of [[vmm.start_vm{ext_caps = {vbus = L4.Env.icu}}]], "the VM's bus is option vbus")
  equal(#core.recorded("load"), 0)
end)

test("when a VM has ended io is told, in each of its runs, before the next begins", function(core)
  script [[
    local list = {net = {"x"}}
    vmm.start_io(list)
    local vm = vmm.start_vm{id = 1, vbus = list.net}
    vm:restart()
    vm:stop()
  ]]
  equal(#core.recorded("settle"), 2)
  local order = {}
  for _, call in ipairs(core.calls) do
    if call[1] == "settle" or call[1] == "load" then
      order[#order + 1] = call[1]
    end
  end
  equal(table.concat(order, " "), "load load settle load settle")
end)

test("io that dies is started again with the same gates, and hears then of VMs that ended meanwhile", function(core)
  local io, vm = script [[
    local list = {net = {"x"}}
    local io = vmm.start_io(list)
    return io, vmm.start_vm{id = 1, vbus = list.net}
  ]]
  core.is_deaf = true
  core.end_task(vm.task.slot, abi.death.EXIT, 0)
  core.end_task(io.slot, abi.death.FAULT, 0)
  pass(0.5)
  core.is_deaf = false
  local before = #core.recorded("settle")
  pass(3)
  equal(io:state(), "running")
  equal(io.restarts, 1)
  equal(caps_of(core, 3).net.slot, caps_of(core, 1).net.slot)
  equal(#core.recorded("settle"), before + 1)
end)

test("io is told who has a bus, again when it was started again", function(core)
  core.is_deaf = true
  local io = script [[
    local list = {net = {"x"}, free = {"y"}}
    local io = vmm.start_io(list)
    vmm.start_vm{id = 7, vbus = list.net}
    return io
  ]]
  pass(1.2)
  core.is_deaf = false
  pass(1.2)
  local calls = core.recorded("vbus_name")
  assert(#calls > 1)
  equal(calls[#calls][2], caps_of(core, 1).net.slot)
  equal(calls[#calls][3], "vm7")
  pass(2)
  equal(#core.recorded("vbus_name"), #calls)
  core.end_task(io.slot, abi.death.FAULT, 0)
  pass(2)
  equal(#core.recorded("vbus_name"), #calls + 1)
end)

test("a VM that ended while io did not hear begins again after io did", function(core)
  local vm = script [[
    local list = {net = {"x"}}
    vmm.start_io(list)
    return vmm.start_vm{id = 1, vbus = list.net}
  ]]
  core.is_deaf = true
  vm:stop()
  core.is_deaf = false
  core.calls = {}
  vm:restart()
  local order = {}
  for _, call in ipairs(core.calls) do
    if call[1] == "settle" or call[1] == "load" then
      order[#order + 1] = call[1]
    end
  end
  equal(table.concat(order, " "), "settle load")
end)

test("io that gives up because of its script is not started again, and io keeps nothing running", function(core)
  local io = script [[return vmm.start_io{net = {"x"}}]]
  equal(require("ned.tasks").is_idle(), true)
  core.end_task(io.slot, abi.death.EXIT, 1)
  pass(1)
  equal(io:state(), "zombie")
end)

harness.finish()
