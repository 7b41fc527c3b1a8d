-- Tests of capabilities, factories and L4.Env as scripts see them.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

test("a dataspace is created with its size, flags and alignment", function(core)
  harness.script [[
    local ds = L4.Env.user_factory:create(L4.Proto.Dataspace, 60 * 1024 * 1024, L4.Mem_alloc_flags.Super_pages, 21)
    assert(ds:is_valid() and ds:size() == 60 << 20)
  ]]
  local call = core.recorded("create")[1]
  equal(call[3], abi.Proto.Dataspace)
  equal(call[4], 60 << 20)
  equal(call[5], 4)
  equal(call[6], 21)
end)

test("a size that is a float without a fraction is a size", function(core)
  harness.script [[L4.Env.user_factory:create(L4.Proto.Dataspace, 1.5 * 1024 * 1024)]]
  equal(core.recorded("create")[1][4], 1536 << 10)
end)

test("sizes are rounded up to pages", function(core)
  harness.script [[L4.Env.user_factory:create(L4.Proto.Dataspace, 1)]]
  equal(core.recorded("create")[1][4], 4096)
end)

test("a size that is no number of bytes is refused with line, value and expectation", function()
  local message = harness.error_of [[

    L4.Env.user_factory:create(L4.Proto.Dataspace, "60M")]]
  contains(message, "rom/test.lua:2: ")
  contains(message, "size = \"60M\"")
  contains(message, "a whole number")
end)

test("running out of memory says what was asked, what is left and the largest free piece", function(core)
  core.memory.used = 200 << 20
  local message = harness.error_of [[L4.Env.user_factory:create(L4.Proto.Dataspace, 100 << 20)]]
  contains(message, "rom/test.lua:1: no memory for a dataspace of 100 MiB")
  contains(message, "56 MiB left of its 256 MiB")
  contains(message, "largest free piece is 128 MiB")
end)

test("memory of handles nobody can reach is taken back before giving up", function(core)
  collectgarbage("stop") -- not by itself, in between
  harness.script [[
    L4.Env.user_factory:create(L4.Proto.Dataspace, 200 << 20)
    L4.Env.user_factory:create(L4.Proto.Dataspace, 200 << 20)
  ]]
  collectgarbage("restart")
  equal(#core.recorded("create"), 3)
end)

test("a negative size with Continuous is the biggest block that leaves so much free", function(core)
  harness.script [[L4.Env.user_factory:create(L4.Proto.Dataspace, -(200 << 20), L4.Mem_alloc_flags.Continuous)]]
  equal(core.recorded("create")[1][4], 56 << 20)
end)

test("an unknown proto names what can be made", function()
  local message = harness.error_of [[L4.Env.user_factory:create(L4.Proto.Namespace)]]
  contains(message, "L4.Proto.Namespace")
  contains(message, "L4.Proto.Dataspace")
end)

test("a misspelled proto is suggested", function()
  contains(harness.error_of [[return L4.Proto.Datspace]], "did you mean 'Dataspace'?")
end)

test("a misspelled method is suggested, with the object's name", function()
  local message = harness.error_of [[L4.Env.user_factory:crate(1)]]
  contains(message, "factory (factory, rights rws) has no method 'crate'; did you mean 'create'?")
end)

test("m makes a handle with other rights and leaves the first as it was", function()
  harness.script [[
    local ds = L4.Env.user_factory:create(L4.Proto.Dataspace, 4096)
    assert(ds:m() == 7)
    assert(ds:m("r"):m() == 4)
    assert(ds:mode("RW"):m() == 5)
    assert(ds:rights("w"):m() == 5, "r is always implied")
    assert(ds:m(L4.Rights.rw):m() == 5)
    assert(ds:svr():m() == 15)
    assert(ds:m() == 7)
    assert(ds == ds:m("r"))
  ]]
end)

test("a right that does not exist is refused with those that do", function()
  local message = harness.error_of [[L4.Env.log:m("rx")]]
  contains(message, "'x' is no right")
  contains(message, "r read, w write")
end)

test("a right that ned does not have cannot be given", function()
  contains(harness.error_of [[L4.Env.rom:m("rw")]], "ned itself has r")
end)

test("a capability that a machine may not have is nil, a misspelled one an error", function()
  harness.script [[assert(L4.Env.dma_mgr == nil and L4.Env.vbus == nil)]]
  contains(harness.error_of [[return L4.Env.user_factry]], "did you mean 'user_factory'?")
end)

test("user_factory, mem_alloc and factory are one", function()
  harness.script [[assert(L4.Env.user_factory == L4.Env.factory and L4.Env.mem_alloc == L4.Env.factory)]]
end)

test("a capability nobody holds is dropped", function(core)
  harness.script [[L4.Env.user_factory:create(L4.Proto.Irq_sender)]]
  equal(core.count(abi.kind.irq), 1)
  collectgarbage()
  equal(core.count(abi.kind.irq), 0)
end)

test("capabilities of the environment are never dropped", function(core)
  harness.script [[local log = L4.Env.log:m("r")]]
  collectgarbage()
  equal(#core.recorded("drop"), 0)
end)

test("rom:query gives a copy of a file when called, and says which is missing", function()
  harness.script [[
    local query = L4.Env.rom:query("Image")
    assert(type(query) == "function" and query():size() == 4096)
  ]]
  contains(harness.error_of [[L4.Env.rom:query("nothing")()]], "the ROM has no such file")
end)

test("the platform is turned off and restarted", function(core)
  harness.script [[
    L4.Env.platform:system_shutdown(0)
    L4.Env.platform:system_shutdown(1)
    L4.Env.platform:system_suspend()
  ]]
  equal(core.recorded("shutdown")[1][3], false)
  equal(core.recorded("shutdown")[2][3], true)
  equal(core.recorded("suspend")[1][3], 0)
end)

test("schedulers are limited in priority and CPUs", function(core)
  harness.script [[L4.Env.user_factory:create(L4.Proto.Scheduler, 30, 20, 6)]]
  local call = core.recorded("limit")[1]
  equal(call[3], 29)
  equal(call[4], 6)
  contains(harness.error_of [[L4.Env.user_factory:create(L4.Proto.Scheduler, 20, 30)]], "limit = 20 has to be above offset")
  contains(harness.error_of [[L4.Env.user_factory:create(L4.Proto.Scheduler, 30, 20, 0xf0)]], "no CPU")
end)

test("CPU sets are numbers, ranges, lists and unions", function()
  harness.script [[
    assert(L4.Cpu_set:new("0-2,5").mask == 0x27)
    assert(L4.Cpu_set:new({1, 3}).mask == 10)
    assert(L4.Cpu_set:new(2).mask == 4)
    assert((L4.Cpu_set:new(0) | L4.Cpu_set:new(1)):factory_args() == 3)
    assert(L4.Cpu_set:new({}):add(4).mask == 16)
  ]]
  contains(harness.error_of [[L4.Cpu_set:new("a-b")]], "expected something like")
end)

test("memory that fits in pieces, but not so aligned, is refused with the alignment", function(core)
  core.memory.used = 250 << 20
  contains(harness.error_of [[L4.Env.user_factory:create(L4.Proto.Dataspace, 8 << 20, 0, 24)]],
           "no memory for a dataspace of 8 MiB aligned to 16 MiB: factory has 6 MiB left")
end)

test("a DMA domain maps at an address, and a physical one says where memory is", function(core)
  harness.script [[
    local ds = L4.Env.user_factory:create(L4.Proto.Dataspace, 3 << 20)
    local domain = L4.Env.user_factory:create(L4.Proto.Dma_space)
    assert(domain:dma_info().kind == "translating")
    local at, size = domain:dma_map(ds, 0x1000000)
    assert(at == 0x1000000 and size == 3 << 20)
    domain:dma_unmap(at, size)
    L4.Env.iommu:physical(domain)
    assert(domain:dma_info().kind == "physical" and domain:dma_info().limit == 1 << 40)
    at, size = domain:dma_map(ds:m("r"), 0, 0x1000, 0x2000)
    assert(at == 0x50001000 and size == 0x2000)
    assert(L4.Env.iommu:count() == 1)
  ]]
  local calls = core.recorded("dma_map")
  equal(calls[1][7], abi.map.R | abi.map.W) -- as the handle's rights are
  equal(calls[2][7], abi.map.R)
  equal(core.recorded("dma_unmap")[1][3], 0x1000000)
end)

test("what cannot be done with a DMA domain is said with the reason", function(core)
  local make = "local domain, ds = L4.Env.user_factory:create(L4.Proto.Dma_space), L4.Env.user_factory:create(L4.Proto.Dataspace, 4096) "
  local vm = "local domain, ds = L4.Env.user_factory:create(L4.Proto.Vm), L4.Env.user_factory:create(L4.Proto.Dataspace, 4096) "
  contains(harness.error_of(vm .. "domain:dma_map(ds)"), "it is no DMA domain, or the numbers are no whole pages")
  contains(harness.error_of(vm .. "domain:dma_info()"), "VM space (space, rights rws): it is no DMA domain")
  contains(harness.error_of(vm .. "L4.Env.iommu:physical(domain)"), "cannot be made physical: it is no DMA domain")
  contains(harness.error_of(make .. "L4.Env.iommu:physical(ds)"), "expected a DMA domain")
  contains(harness.error_of(make .. "domain:dma_map(domain)"), "expected a dataspace")
  core.dma_error = abi.Error.EBUSY
  contains(harness.error_of(make .. "L4.Env.iommu:physical(domain)"), "something is mapped in it, or a device bound to it")
  core.dma_error = abi.Error.ERANGE
  contains(harness.error_of(make .. "domain:dma_map(ds, 0x1000)"), "4 KiB at offset 0 of dataspace of 4 KiB")
  contains(harness.error_of(make .. "domain:dma_map(ds, 0x1000)"), "cannot be mapped at 0x1000: an argument lies outside")
  contains(harness.error_of(make .. "domain:dma_unmap(0x1000, 4096)"), "4 KiB at 0x1000 cannot be unmapped")
  core.dma_error = abi.Error.EPERM
  contains(harness.error_of(make .. "domain:dma_map(L4.Env.mmio, 0, 0, 4096)"), "cannot be mapped at 0: only slices of it can")
end)

test("a window over memory or over what the hypervisor drives is refused with the address", function(core)
  core.slice_error = abi.Error.EPERM
  contains(harness.error_of [[L4.Env.mmio:slice(0x8000000, 0x10000)]],
           "mmio (dataspace, rights rws): no window of 64 KiB at 0x8000000: memory or registers of the hypervisor's own")
end)

test("an unknown name of L4 itself is suggested", function()
  contains(harness.error_of [[L4.defalt_loader:start({}, "")]], "did you mean 'default_loader'?")
end)

harness.finish()
