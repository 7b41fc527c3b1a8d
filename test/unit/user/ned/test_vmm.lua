-- Tests of module vmm.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local function vm(text)
  return harness.script("local vmm = require 'vmm'\n" .. text)
end

local function error_of(text)
  return harness.error_of("local vmm = require 'vmm'\n" .. text)
end

local function arguments(core)
  return table.concat(core.recorded("load")[1][2].argv, " ")
end

test("a VM without options has 16 MiB, uvmm's own files and a number", function(core)
  vm [[vmm.start_vm{}]]
  equal(arguments(core), "rom/uvmm")
  local call = core.recorded("create")[1]
  equal(call[4], 16 << 20)
  equal(call[5], 7)
  equal(call[6], 21)
  equal(core.recorded("load")[1][2].tag, "vm1")
  equal(core.said[1], "vm1: virtual machine with 16 MiB RAM, rom/Image")
end)

test("all options become uvmm's arguments in order", function(core)
  vm [[
    vmm.start_vm{
      id = "linux", mem = 128, mem_align = 24, kernel = "raw:rom/Image", fdt = {"rom/vm.dtb:limit=0x48000000", "rom/vm.dtb"},
      rd = "rom/initrd", bootargs = "console=ttyAMA0 quiet", vcpus = 2, ram_base = 0x40000000, verbose = true,
      ext_args = {"-D", "cpu=trace"}, log = {"lx", "y"}, mon = false,
    }]]
  equal(arguments(core), "rom/uvmm -v -k raw:rom/Image -d rom/vm.dtb:limit=0x48000000 -d rom/vm.dtb -r rom/initrd " ..
        "-c console=ttyAMA0 quiet -n 2 -b 0x40000000 -D cpu=trace")
  equal(core.recorded("load")[1][2].tag, "lx")
  equal(core.recorded("create")[1][6], 24)
end)

test("memory can be a dataspace, and a numeric string with a remark", function(core)
  vm [[vmm.start_vm{id = 3, mem = L4.Env.user_factory:create(L4.Proto.Dataspace, 1 << 20)}]]
  equal(core.said[1], "vm3: virtual machine with 1 MiB RAM, rom/Image")
  vm [[vmm.start_vm{id = 4, mem = "32"}]]
  contains(core.said[2], "better written as a number")
end)

test("uvmm gets ram with rw and the extra capabilities", function(core)
  vm [[vmm.start_vm{ext_caps = {pfc = L4.Env.platform:m("w")}}]]
  local caps = {}
  for _, cap in ipairs(core.recorded("load")[1][2].caps) do
    caps[cap.name] = cap.rights
  end
  equal(caps.ram, 5)
  equal(caps.pfc, 5)
end)

test("a misspelled key is an error with line, VM, value and suggestion", function(core)
  local message = error_of [[vmm.start_vm{id = 1, mem_algin = 21}]]
  equal(message, "rom/test.lua:2: start_vm '1': unknown option 'mem_algin' (= 21); did you mean 'mem_align'?")
  equal(#core.recorded("create"), 0)
end)

test("wrong types say what was expected", function()
  contains(error_of [[vmm.start_vm{mem = "6O"}]], [[mem = "6O"; expected a number of MiB, a dataspace, or false]])
  contains(error_of [[vmm.start_vm{kernel = 5}]], "kernel = 5; expected a string")
  contains(error_of [[vmm.start_vm{mem_align = 64}]], "expected a whole number from 12 to 30")
  contains(error_of [[vmm.start_vm{fdt = {1}}]], "fdt = a table; expected a file's name")
  contains(error_of [[vmm.start_vm{cpus = 0}]], "CPUs as a mask")
  contains(error_of [[vmm.start_vm("x")]], "a table of options was expected")
  contains(error_of [[vmm.start_vm{{}}]], "a value without a name")
end)

test("files are looked for before anything is made", function(core)
  contains(error_of [[vmm.start_vm{id = "a", kernel = "rom/Imgae"}]],
           "start_vm 'a': kernel = \"rom/Imgae\": the ROM has no such file; did you mean 'rom/Image'?")
  contains(error_of [[vmm.start_vm{fdt = "rom/none.dtb:limit=1"}]], "fdt = \"rom/none.dtb\"")
  equal(core.count(), 0)
end)

test("what later versions have says so", function()
  contains(error_of [[vmm.start_vm{net = 1}]], "option 'net' (= 1): is not there yet")
  contains(error_of [[vmm.start_vm{mon = true}]], "mon = true: there is no console server")
  contains(error_of [[vmm.start_vm{}:suspned()]], "did you mean 'suspend'?")
end)

test("too little memory names the VM's need", function(core)
  contains(error_of [[vmm.start_vm{mem = 1024}]], "no memory for a dataspace of 1 GiB in one piece")
  collectgarbage()
  equal(core.count(), 0)
end)

test("a VM is stopped, waited for, and its state told", function(core)
  vm [[
    local core = require "core"
    local a = vmm.start_vm{id = "a"}
    assert(a:state() == "running")
    assert(a:stop() == "stopped" and a:state() == "stopped")
    for code, state in pairs{[0] = "stopped", [0x66] = "reset", [1] = "failed"} do
      local b = vmm.start_vm{id = "b"}
      core.end_task(b.task.slot, 1, code)
      local got, reason, ended = b:wait()
      assert(got == code and reason == "exit" and ended == state, ended)
    end
  ]]
end)

test("a VM that runs tells its cycles", function()
  vm [[
    local core = require "core"
    local a = vmm.start_vm{id = "a"}
    local before = a:cycles()
    core.time = core.time + 2
    assert(a:cycles() - before == 2000, a:cycles())
    a:stop()
    assert(a:cycles() == nil)
  ]]
end)

test("the RAM of a VM that ended is free", function(core)
  vm [[vmm.start_vm{mem = 200}:stop()]]
  collectgarbage()
  collectgarbage()
  equal(core.memory.used, 0)
  equal(core.count(abi.kind.dataspace), 0)
end)

test("VMs that run are found by name, others are an error with those there are", function(core)
  vm [[
    vmm.start_vm{id = "a"}
    local b = vmm.start_vm{id = 2}
    assert(vmm.vms().vm2 == b and vmm.vms().a:state() == "running")
    vmm.vms().a:stop()
    local names = {}
    for name in pairs(vmm.vms()) do names[#names + 1] = name end
    assert(#names == 1 and names[1] == "vm2", table.concat(names, " "))
  ]]
  contains(error_of [[vmm.start_vm{id = "left"} local vm = vmm.vms().lift]], "did you mean 'left'?")
end)

test("priority and CPUs are respected", function(core)
  vm [[vmm.start_vm{prio = 20, cpus = 2}]]
  local limit = core.recorded("limit")[1]
  equal(limit[3], 30)
  equal(limit[4], 2)
  vm [[vmm.start_vm{scheduler = vmm.new_sched(50, 1)}]]
  equal(core.recorded("place")[2][4], 50)
end)

harness.finish()
