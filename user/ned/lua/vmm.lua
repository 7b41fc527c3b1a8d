-- Module vmm: virtual machines by a table of options. The keys are those of L4Re's vmm.lua.
local L4 = require "L4"
local abi = require "abi"
local busses = require "ned.busses"
local caps = require "ned.caps"
local core = require "core"
local ends = require "ned.ends"
local last = require "ned.last"
local loader = require "ned.loader"
local log = require "ned.log"
local pfc = require "ned.pfc"
local power = require "ned.power"
local report = require "ned.report"
local restart = require "ned.restart"
local sched = require "ned.sched"
local tasks = require "ned.tasks"

local vmm = {}

local DEFAULT_MIB = 16
local DEFAULT_ALIGN = 21
local NOT_THERE = "is not there yet; start_vm without it"

local function is_id(value)
  if math.type(value) ~= "integer" and (type(value) ~= "string" or value == "") then
    return "a number or a name"
  end
end

local function is_memory(value)
  local number = tonumber(value)
  if value == false then
    return nil
  end
  if number and number > 0 and math.tointeger(number * 4096) or not caps.is_kind(abi.kind.dataspace)(value) then
    return nil
  end
  return "a number of MiB, a dataspace, or false"
end

local function is_file_or_files(value)
  return type(value) ~= "string" and report.is_strings(value) and "a file's name, or a list of these" or nil
end

local function is_address(value)
  if math.type(value) ~= "integer" or value < 0 then
    return "an address, a whole number"
  end
end

local function is_table(value)
  return type(value) ~= "table" and "a table of capabilities" or nil
end

local function is_bool(value)
  return type(value) ~= "boolean" and "true or false" or nil
end

local options_of_vm = {
  id = is_id,
  mem = is_memory,
  mem_align = report.is_integer(12, 30),
  keep_ram = is_bool,
  kernel = report.is_string,
  fdt = is_file_or_files,
  rd = report.is_string,
  bootargs = report.is_string,
  ram_base = is_address,
  vcpus = report.is_integer(1, 64),
  prio = report.is_integer(1, 255),
  cpus = sched.is_cpus,
  scheduler = caps.is_kind(abi.kind.scheduler),
  log = loader.is_log,
  ext_args = report.is_strings,
  ext_caps = is_table,
  verbose = is_bool,
  net = NOT_THERE,
  vbus = busses.is_bus,
  pfc = pfc.is_pfc,
  restart = function() end, -- ned.restart looks at it
  mon = is_bool,
  gdb = is_bool,
  jdb = function(value)
    return value ~= false and "false: a debugger is not there yet" or nil
  end,
}

local Vm = {}
local methods = {}

local function check_file(what, option, name)
  local found, code = core.rom_size(name)
  if not found then
    local why = code == abi.Error.ENOENT and "the ROM has no such file" .. report.suggest(name, loader.rom_names()) or
                report.error_text(code)
    report.fail("%s: %s = %s: %s", what, option, report.value(name), why)
  end
end

-- false: the memory nodes of its device tree name all it has.
local function memory_of(what, options)
  local mem = options.mem == nil and DEFAULT_MIB or options.mem
  if not mem then
    return nil
  end
  if caps.is_handle(mem) then
    return mem
  end
  if type(mem) == "string" then
    report.say("%s: mem = %q: better written as a number", what, mem)
  end
  local flags = abi.mem.Continuous | abi.mem.Pinned | abi.mem.Super_pages
  local size = math.tointeger(tonumber(mem) * (1 << 20))
  return L4.Env.user_factory:create(L4.Proto.Dataspace, size, flags, options.mem_align or DEFAULT_ALIGN)
end

-- uvmm's arguments. Every file is looked for now, while the script's line can be named.
local function arguments_of(what, name, options)
  local args = {}
  local function add(...)
    for _, arg in ipairs {...} do
      args[#args + 1] = arg
    end
  end
  if options.verbose then
    add("-v")
  end
  if options.kernel then
    -- "raw:rom/file": what stands before the last ':' chooses the way to load it.
    check_file(what, "kernel", options.kernel:match("([^:]*)$"))
    add("-k", options.kernel)
  end
  for _, fdt in ipairs(type(options.fdt) == "string" and {options.fdt} or options.fdt or {}) do
    -- "rom/file:limit=..."
    check_file(what, "fdt", fdt:match("^([^:]*)"))
    add("-d", fdt)
  end
  if options.rd then
    check_file(what, "rd", options.rd)
    add("-r", options.rd)
  end
  if options.bootargs then
    add("-c", options.bootargs)
  end
  if options.vcpus then
    add("-n", tostring(math.tointeger(options.vcpus)))
  end
  if options.ram_base then
    add("-b", string.format("%#x", options.ram_base))
  end
  if options.keep_ram then
    add("--keep-ram")
  end
  -- Functions of the script know whose they are; who serves several VMs is told.
  if caps.is_handle(options.pfc) then
    add("--name", name)
  end
  add(table.unpack(options.ext_args or {}))
  return args
end

local next_id = 1

local function name_of(id)
  if id == nil then
    id = next_id
    next_id = next_id + 1
  end
  return type(id) == "number" and "vm" .. id or id
end

local function announce(name, ram, options)
  local parts = {ram and report.size(ram:size()) .. " RAM" or "RAM of its device tree", options.kernel or "rom/Image"}
  if options.rd then
    parts[#parts + 1] = options.rd
  end
  if options.vcpus then
    parts[#parts + 1] = string.format("%d vCPU%s", options.vcpus, options.vcpus == 1 and "" or "s")
  end
  if options.prio then
    parts[#parts + 1] = "priority " .. options.prio
  end
  report.say("%s: virtual machine with %s", name, table.concat(parts, ", "))
end

-- What the guest before wrote is never seen by the next: not even its uvmm, which clears all its guest's RAM itself, sees it.
local function clear(what, ram)
  local ok, code = core.dataspace_clear(ram.ref.slot, 0, ram:size())
  if not ok then
    report.fail("%s: its RAM cannot be cleared: %s", what, report.error_text(code))
  end
end

-- Begin a VM's life: memory if it has none yet, and its uvmm. Its restarts are in place, in the same memory.
local function begin(self)
  local options, what = self.options, self.what
  local ram = memory_of(what, options)
  local given = {}
  for key, value in pairs(options.ext_caps or {}) do
    given[key] = value
  end
  given.ram = ram and ram:m("rw") or nil
  given.vbus = options.vbus
  self.power = power.open(self, options.pfc)
  for name, cap in pairs(self.power.caps) do
    given[name] = cap
  end
  for name, channel in pairs(self.channels) do
    given[name] = given[name] or channel
  end
  local ok, task = pcall(loader.start, L4.default_loader, {
    caps = given,
    log = self.log,
    name = self.name,
    prio = options.prio,
    cpus = options.cpus,
    scheduler = options.scheduler,
  }, {"rom/uvmm", table.unpack(self.arguments)}, {
    kind = ends.vm,
    policy = restart.new(what, ends.vm, options.restart),
    owner = self,
    before = function()
      if ram and not options.keep_ram then
        clear(what, ram)
      end
    end,
    stopped = function()
      power.stopped(self.power)
    end,
    at_end = function()
      power.close(self.power)
    end,
  })
  if not ok then
    power.close(self.power)
    error(task, 0)
  end
  self.task = task
  if self.handler then
    self.task:exit_handler(self.handler)
  end
  announce(self.name, ram, options)
end

-- Its channels: they outlive its restarts. With a console server: the log under the VM's name, unless the script says
-- where it goes; a monitor, and a debugger's channel if the script asks for one.
local function make_channels(self, id)
  local fab, options = L4.default_loader.log_fab, self.options
  self.channels = {}
  self.log = log.of_option(options.log, self.name, fab or nil)
  if not self.log then
    report.fail("%s: log = %s; expected {tag, colour}, or a log", self.what, report.value(options.log))
  elseif not fab and (options.mon or options.gdb) then
    report.fail("%s: %s = true: there is no console server; set L4.default_loader.log_fab first", self.what,
                options.mon and "mon" or "gdb")
  end
  if fab and options.mon ~= false then
    self.channels.mon = fab:create(L4.Proto.Log, "mon" .. id, "blue", "hide")
  end
  if options.gdb then
    self.channels.gdb = fab:create(L4.Proto.Log, "gdb" .. id, "blue", "hide")
  end
end

-- Start a virtual machine; see docs/ned.md for the options. An object with stop, state, wait, exit_code comes back.
function vmm.start_vm(options)
  local what = "start_vm"
  if type(options) == "table" and is_id(options.id) == nil then
    what = "start_vm '" .. tostring(options.id) .. "'"
  end
  report.check_options(what, options, options_of_vm)
  restart.new(what, ends.vm, options.restart)
  local name = name_of(options.id)
  what = "start_vm '" .. name .. "'"
  if (options.ext_caps or {}).ram then
    report.fail("%s: ext_caps.ram: the VM's RAM is option mem", what)
  elseif (options.ext_caps or {}).vbus then
    report.fail("%s: ext_caps.vbus: the VM's bus is option vbus", what)
  elseif (options.ext_caps or {}).pfc and options.pfc then
    report.fail("%s: ext_caps.pfc: the VM's platform control is option pfc already", what)
  elseif (options.ext_caps or {}).ctl then
    report.fail("%s: ext_caps.ctl: that name is taken by what vm:suspend() needs; call it something else", what)
  end
  if options.pfc and not caps.is_handle(options.pfc) then
    pfc.check_handlers(what .. ": pfc", options.pfc)
  end
  local self = {name = name, what = what, options = vmm.table_override(options), arguments = arguments_of(what, name, options)}
  self.ended_restarts = 0
  make_channels(self, options.id == nil and name:match("%d+") or options.id)
  begin(self)
  return setmetatable(self, Vm)
end

-- "running", or "suspended" while its guest sleeps; "restarting" between two runs; then "stopped" when the guest turned itself off or the script stopped it,
-- "reset" when it wanted to start anew, "failed" when it or its uvmm could not go on.
function methods.state(self)
  local state = self.task:state()
  if state == "running" and power.is_asleep(self.power) then
    return "suspended"
  end
  return state ~= "zombie" and state or ends.vm.state_of[self.task:ending()] or "failed"
end

-- End it now, whatever the guest does, and for good. Its memory is free afterwards.
function methods.stop(self)
  self.task:kill()
  return self:state()
end

-- Begin anew: in place, or with new memory when it had ended for good.
function methods.restart(self)
  if self.task:state() ~= "zombie" then
    self.task:restart()
    return
  end
  local before = self.ended_restarts + self.task.restarts
  begin(self)
  self.ended_restarts = before + 1
end

-- Wait until it has ended for good: the exit code of its uvmm (nil without one), exit, fault or killed, the state, and
-- how it ended.
function methods.wait(self)
  local code, reason, ending = self.task:wait()
  return code, reason, self:state(), ending
end

-- How it ended: a word of ned.ends. nil while it runs.
function methods.reason(self)
  return self.task:ending()
end

function methods.exit_code(self)
  return self.task:exit_code()
end

function methods.cycles(self)
  return self.task:cycles()
end

function methods.exit_handler(self, fn)
  self.task:exit_handler(fn)
  self.handler = fn
  return true
end

methods.kill = methods.stop

power.add_methods(methods)

function Vm.__index(self, key)
  if methods[key] then
    return methods[key]
  elseif key == "restarts" then
    return rawget(self, "ended_restarts") + rawget(self, "task").restarts
  elseif key == "handler" then
    return nil
  end
  report.fail("VM '%s' has no '%s'%s", rawget(self, "name"), tostring(key), report.suggest(key, report.names(methods)))
end

function Vm.__names()
  return report.names(methods)
end

function Vm.__tostring(self)
  return "VM '" .. self.name .. "' (" .. self:state() .. ")"
end

-- The VMs that run or are about to again, by name: for the prompt, where the script's locals are not.
function vmm.vms()
  local vms = {}
  for _, vm in ipairs(tasks.owners(ends.vm)) do
    vms[vm.name] = vm
  end
  return report.strict("vmm.vms()", vms)
end

-- Platform control for programs: {suspend = function(name, extras), shutdown = function(name, reboot)}; see docs/ned.md.
function vmm.new_pfc(handlers)
  return pfc.new(handlers)
end

-- A scheduler for start_vm's option of that name.
function vmm.new_sched(prio, mask)
  return L4.Env.user_factory:create(L4.Proto.Scheduler, prio + 10, prio, mask)
end

function vmm.set_sched(options, prio, cpus)
  if prio ~= nil or cpus ~= nil then
    options.scheduler = vmm.new_sched(prio or 1, cpus)
  end
end

-- Later tables win.
function vmm.table_override(...)
  local result = {}
  for _, t in ipairs {...} do
    for key, value in pairs(t) do
      result[key] = value
    end
  end
  return result
end

-- What happens when the script is through and the last VM has ended for good: "off" and "reboot" are about the machine;
-- or a function; false: nothing.
function vmm.when_all_ended(action)
  if action ~= "off" and action ~= "reboot" and action ~= false and type(action) ~= "function" then
    report.fail("vmm.when_all_ended(%s); expected \"off\", \"reboot\", a function or false", report.value(action))
  end
  last.action = action
end

-- The hardware server, with a bus for each key of the table `busses`; see docs/io.md. Also start_io{busses =, cmdline =,
-- opts =, power =}; with power the task that comes back has a field pfc, the machine's power for VMs.
function vmm.start_io(list, cmdline, opts)
  local power
  if type(list) == "table" and type(rawget(list, "busses")) == "table" and cmdline == nil and opts == nil then
    report.check_options("start_io", list, {
      busses = is_table,
      cmdline = function() end, -- busses.start looks at it
      opts = is_table,
      power = function() end, -- it looks at that as well
    })
    list, cmdline, opts, power = list.busses, list.cmdline, list.opts, list.power
  end
  return busses.start(L4.default_loader, list, cmdline, opts, power)
end

for _, name in ipairs {"start_virtio_switch", "start_virtio_switch_tbl"} do
  vmm[name] = function()
    report.fail("vmm.%s is not there yet: there is no such server", name)
  end
end

return report.strict("vmm", vmm)
