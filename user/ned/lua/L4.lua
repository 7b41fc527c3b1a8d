-- Module L4: what scripts use. The names are those of L4Re's ned.
local abi = require "abi"
local caps = require "ned.caps"
local cons = require "ned.cons"
local core = require "core"
local environment = require "ned.environment"
local factory = require "ned.factory"
local loader = require "ned.loader"
local loop = require "ned.loop"
local memory = require "ned.memory"
local report = require "ned.report"
local sched = require "ned.sched"

require "ned.platform"

local L4 = {}

L4.Env = environment
L4.Proto = report.strict("L4.Proto", factory.Proto)
L4.Rights = report.strict("L4.Rights", {
  r = abi.Rights.r, w = abi.Rights.w, s = abi.Rights.s, d = abi.Rights.d, n = 16, c = 32, ro = 4, rw = 5, rws = 7,
})
L4.Mem_alloc_flags = report.strict("L4.Mem_alloc_flags", abi.mem)
L4.Ldr_flags = report.strict("L4.Ldr_flags", {eager_map = 1, all_segs_cow = 2, pinned_segs = 4})
L4.Dbg = report.strict("L4.Dbg", {
  Info = 1, Warn = 2, Boot = 4, Server = 0x10, Exceptions = 0x20, Cmd_line = 0x40, Loader = 0x80, Name_space = 0x400,
  All = 0xffff,
})
L4.Cpu_set = sched.Cpu_set

L4.Loader = report.strict("L4.Loader", {new = loader.new})
L4.default_loader = loader.new {}

-- Start rom/cons and send all text through it; the gate and the task come back.
function L4.start_cons(options)
  return cons.start(L4.default_loader, options)
end

L4.Info = report.strict("L4.Info", {
  Kip = report.strict("L4.Info.Kip", {
    str = function()
      return "Uvmm's hypervisor, ABI 1"
    end,
  }),
  arch = function()
    return "arm64"
  end,
  platform = function()
    return "device tree"
  end,
  mword_bits = function()
    return 64
  end,
  -- How many capabilities ned itself holds.
  slots = function()
    return core.slots()
  end,
  -- Who has the machine's memory.
  memory = memory.read,
})

local function check_time(name, value)
  if type(value) ~= "number" or value ~= value or value < 0 then
    report.fail("L4.%s(%s); expected a number from 0 on", name, report.value(value))
  end
end

-- Let others run for that long.
function L4.sleep(seconds)
  check_time("sleep", seconds)
  loop.sleep(seconds)
end

function L4.msleep(milliseconds)
  check_time("msleep", milliseconds)
  loop.sleep(milliseconds / 1000)
end

-- The capability when it is of that type (a number of L4.Proto), else nil.
function L4.cast(kind, cap)
  local kind_of_proto = {
    [abi.Proto.Dataspace] = abi.kind.dataspace, [abi.Proto.Factory] = abi.kind.factory,
    [abi.Proto.Scheduler] = abi.kind.scheduler, [abi.Proto.Irq_sender] = abi.kind.irq,
    [abi.Proto.Ipc_gate] = abi.kind.gate, [abi.Proto.Log] = abi.kind.console,
  }
  if not caps.is_handle(cap) then
    report.fail("L4.cast: %s is no capability", report.value(cap))
  end
  return kind_of_proto[kind] == cap.ref.kind and cap or nil
end

return report.strict("L4", L4)
