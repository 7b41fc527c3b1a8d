-- L4.Loader: programs from the ROM, with exactly the capabilities named.
local abi = require "abi"
local caps = require "ned.caps"
local channels = require "ned.channels"
local core = require "core"
local ends = require "ned.ends"
local environment = require "ned.environment"
local log = require "ned.log"
local prompt = require "ned.prompt"
local report = require "ned.report"
local restart = require "ned.restart"
local sched = require "ned.sched"
local tasks = require "ned.tasks"
local vbus = require "ned.vbus"

-- What a program can spend when the script does not say: its own image, stacks, heap and page tables, not a guest's RAM.
local DEFAULT_QUOTA = 16 << 20

local Loader = {}
local methods = {}

local DEEPEST = 8 -- tables in tables of option caps

local NOT_THERE = "is not there yet"
local NO_EFFECT = "has no effect here"

local function is_log(value)
  local kind = type(value)
  if kind ~= "function" and kind ~= "table" or caps.is_handle(value) and not log.is_channel(value) then
    return "{tag, colour}, or a log"
  end
end

-- The gate of a console server; false: none again.
local function is_log_fab(value)
  if value ~= false and caps.is_kind(abi.kind.gate)(value) then
    return "the gate of a console server, like rom/cons, or false"
  end
end

local function is_quota(value)
  if math.type(value) == "integer" and value > 0 or not caps.is_kind(abi.kind.factory)(value) then
    return nil
  end
  return "a factory, or a number of bytes"
end

local function is_table(value)
  return type(value) ~= "table" and "a table" or nil
end

local start_options = {
  caps = is_table,
  log = is_log,
  mem = is_quota,
  factory = is_quota,
  scheduler = caps.is_kind(abi.kind.scheduler),
  prio = report.is_integer(1, 255),
  cpus = sched.is_cpus,
  name = report.is_string,
  restart = function() end, -- ned.restart looks at it
  rm_fab = NOT_THERE, ns = NOT_THERE, ns_fab = NOT_THERE, dbg_events = NOT_THERE,
  l4re_dbg = NO_EFFECT, ldr_flags = NO_EFFECT, l4re_loader = NO_EFFECT, base = NO_EFFECT, itas_base = NO_EFFECT,
}

local loader_options = {
  mem = is_quota, factory = is_quota, scheduler = caps.is_kind(abi.kind.scheduler),
  log_fab = is_log_fab, ns_fab = NOT_THERE, rm_fab = NOT_THERE, sched_fab = NOT_THERE, loader = NO_EFFECT,
  dbg_events = NOT_THERE,
}

-- The names that go to the program, as {name =, handle =}: nested tables become "outer/inner".
local function collect(what, given, prefix, list)
  for _, name in ipairs(report.names(given)) do
    local value = given[name]
    if type(value) == "function" then
      value = value()
    end
    if caps.is_handle(value) then
      list[#list + 1] = {name = prefix .. name, handle = value}
    elseif type(value) == "table" and getmetatable(value) == nil then
      if select(2, prefix:gsub("/", "")) == DEEPEST then
        report.fail("%s: caps.%s: tables nest at most %d deep; is one inside itself?", what, prefix .. name, DEEPEST)
      end
      collect(what, value, prefix .. name .. "/", list)
    else
      report.fail("%s: caps.%s = %s; expected a capability, a function that returns one, or a table of these", what,
                  prefix .. name, report.value(value))
    end
  end
  for key in pairs(given) do
    if type(key) ~= "string" then
      report.fail("%s: caps: a capability without a name (%s); expected name = capability", what, report.value(given[key]))
    end
  end
  return list
end

local function add_default(list, name, handle)
  for _, entry in ipairs(list) do
    if entry.name == name then
      return
    end
  end
  if handle then
    list[#list + 1] = {name = name, handle = handle}
  end
end

local function rom_names()
  local names = {}
  for _, name in ipairs(core.rom_list()) do
    names[#names + 1] = "rom/" .. name
  end
  return names
end

-- What a program pays with. A number: a factory of its own with that quota.
local function factory_of(what, value)
  if caps.is_handle(value) then
    return value
  end
  local ok, made = pcall(environment.factory.create, environment.factory, abi.Proto.Factory, value or DEFAULT_QUOTA)
  if not ok then
    report.fail("%s: its memory: %s", what, (tostring(made):gsub("^%S+:%d+: ", "")))
  end
  return made
end

local function scheduler_of(what, self, options)
  local parent = options.scheduler or self.scheduler or environment.scheduler
  if not parent then
    return nil
  end
  if parent ~= environment.scheduler and not options.prio and not options.cpus then
    return parent
  end
  local base = options.prio or rawget(parent, "ref").base or sched.DEFAULT_PRIORITY
  return sched.limit(what, parent, base, base + sched.PRIORITY_RANGE, sched.mask_of(options.cpus))
end

local function load_failed(what, code, doing, factory)
  if code == abi.Error.ENOENT then
    report.fail("%s cannot be started: the ROM has no such file%s", what, report.suggest(what, rom_names()))
  elseif code == abi.Error.EINVAL then
    report.fail("%s cannot be started: the file %s", what, doing)
  end
  local info = code == abi.Error.ENOMEM and core.factory_info(factory.ref.slot)
  report.fail("%s cannot be started: %s: %s%s", what, doing, report.error_text(code),
              info and string.format("; its factory has %s left of %s (option mem)", report.size(info.quota - info.used),
                                     report.size(info.quota)) or "")
end

-- Make everything but let nothing run.
local function load(what, file, argv, factory, list, text)
  local request = {file = file, factory = factory.ref.slot, argv = argv, caps = {}, tag = text.tag, colour = text.colour}
  for i, entry in ipairs(list) do
    request.caps[i] = {name = entry.name, slot = entry.handle.ref.slot, rights = entry.handle:m()}
  end
  local program, code, doing = core.load(request)
  if not program then
    load_failed(what, code, doing, factory)
  end
  return program
end

local function check_arguments(what, argv)
  for i = 1, #argv do
    if type(argv[i]) == "number" then
      argv[i] = tostring(argv[i])
    end
    if type(argv[i]) ~= "string" then
      report.fail("%s: argument %d = %s; expected a string", what, i - 1, report.value(argv[i]))
    end
    if argv[i]:find("\0", 1, true) then
      report.fail("%s: argument %d contains a zero byte", what, i - 1)
    end
  end
end

-- One instance of a program, from its file to its first instruction. Fails with nothing left behind.
local function launch(task, what, file, argv, factory, scheduler, list, text)
  local program = load(what, file, argv, factory, list, text)
  local is_attached = false
  local ok, message = pcall(function()
    tasks.attach(task, program.task, environment.factory)
    is_attached = true
    if scheduler then
      task.releases[1] = sched.place(what, scheduler, program.thread)
    end
    caps.check(core.start(program.thread, program.entry, program.stack, program.environment))
  end)
  core.drop(program.thread)
  if not ok then
    core.destroy(program.task)
    if is_attached then
      tasks.detach(task)
    else
      core.drop(program.task)
    end
    error(message, 0)
  end
end

-- Start options for a program; argv[1] is its file. The task comes back. `extra`, of other modules of ned: kind, policy,
-- owner and is_service as tasks.begin takes them; before(), called ahead of each restart; started() and stopped(), when an
-- instance runs and when it does not any more; at_end(), when it has ended for good.
local function start(self, options, argv, extra)
  local file = argv[1]
  if type(file) ~= "string" or file == "" then
    report.fail("start: no program; expected its name in the ROM, like \"rom/uvmm\"")
  end
  local what = file
  extra = extra or {}
  report.check_options(what, options, start_options)
  check_arguments(what, argv)
  local list = collect(what, options.caps or {}, "", {})
  local served = channels.served(list)
  local policy = extra.policy
  if served and options.restart == nil then
    -- All text of the machine goes through it.
    policy = restart.new(what, ends.program, "crash")
  elseif not policy then
    policy = restart.new(what, ends.program, options.restart)
  end
  local base = file:match("([^/]+)$") or file
  local text = log.of_option(options.log, tasks.free_name(options.name or base), not served and self.log_fab or nil)
  if not text then
    report.fail("%s: log = %s; expected {tag, colour}, or a log", what, report.value(options.log))
  end
  local name = tasks.free_name(options.name or text.tag or base)
  local payer = options.factory or options.mem or self.factory or self.mem
  local factory = factory_of(what, payer)
  local scheduler = scheduler_of(what, self, options)
  add_default(list, "log", text.handle or environment.log and environment.log:m("rw"))
  -- On a channel its name is told already.
  local mark = {tag = text.tag, colour = text.colour}
  if text.handle then
    mark.tag = base ~= text.tag and base or nil
  end
  add_default(list, "rom", environment.rom and environment.rom:m("r"))
  add_default(list, "factory", factory:m("rs"))
  add_default(list, "scheduler", scheduler and scheduler:m("rws"))

  return tasks.begin {
    name = name,
    file = file,
    kind = extra.kind or ends.program,
    policy = policy,
    is_restartable = extra.kind ~= nil,
    owner = extra.owner,
    -- What ned itself has to keep as long as the program runs.
    keep = {factory, scheduler, list},
    is_service = served ~= nil or extra.is_service,
    is_maker = extra.is_service,
    let_go = function()
      vbus.let_go(list)
      channels.let_go(list)
    end,
    at_end = function()
      if text.is_own then
        channels.close(text.handle)
      end
      if extra.at_end then
        extra.at_end()
      end
    end,
    own_factory = not caps.is_handle(payer) and factory or nil,
    launch = function(task)
      if task.status and extra.before then
        extra.before()
      end
      vbus.taken(list, task.name)
      launch(task, what, file, argv, factory, scheduler, list, mark)
      if served then
        table.insert(task.releases, function()
          channels.stopped(served)
        end)
        channels.started(served)
      end
      table.insert(task.releases, extra.stopped)
      if extra.started then
        extra.started()
      end
    end,
  }
end

local function check_self(self, method)
  if getmetatable(self) ~= Loader then
    report.fail("call %s with ':', as in L4.default_loader:%s(...); with '.' the loader itself is missing", method, method)
  end
end

-- POSIX environments have nobody to read them yet.
local function without_environment(argv)
  if type(argv[#argv]) == "table" then
    report.fail("%s: a table as the last argument (an environment) is not there yet", tostring(argv[1]))
  end
  return argv
end

local function announce(task, argv)
  report.say("%s: started %s", task.name, table.concat(argv, " "))
  return task
end

-- Start with exact arguments: startv(options, "rom/program", "argument", ...).
function methods.startv(self, options, ...)
  check_self(self, "startv")
  return announce(start(self, options, without_environment {...}), {...})
end

-- The same from one string, split at white space.
function methods.start(self, options, command, ...)
  check_self(self, "start")
  if type(command) ~= "string" then
    report.fail("start: %s was given where the program and its arguments were expected, as one string", report.value(command))
  end
  local argv = {}
  for word in command:gmatch("%S+") do
    argv[#argv + 1] = word
  end
  table.move({...}, 1, select("#", ...), #argv + 1, argv)
  return announce(start(self, options, without_environment(argv)), argv)
end

-- A gate: pass chan:svr() to the server and chan to its clients.
function methods.new_channel(self)
  check_self(self, "new_channel")
  return environment.factory:create(abi.Proto.Ipc_gate)
end

-- A scheduler for programs: {cpus =, prio_offset =, prio_limit =}.
function methods.create_sched_proxy(self, options)
  check_self(self, "create_sched_proxy")
  report.check_options("create_sched_proxy", options, {
    cpus = sched.is_cpus, prio_offset = report.is_integer(0, 255), prio_limit = report.is_integer(1, 256), fab = NO_EFFECT,
  })
  local offset = options.prio_offset or 0
  local limit = options.prio_limit or offset + 10
  return sched.limit("create_sched_proxy", environment.scheduler, math.max(offset, 1), limit - 1, sched.mask_of(options.cpus))
end

-- "a b  c" -> {"a", "b", "c"}
function methods.split_args(_, text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

function Loader.__index(self, key)
  if methods[key] then
    return methods[key]
  elseif type(loader_options[key]) == "function" then
    return nil
  end
  report.fail("a loader has no '%s'%s", tostring(key), report.suggest(key, report.names(methods, loader_options)))
end

-- ned's own lines go the same way, and its prompt comes with them.
local function use_log_fab(gate)
  if not prompt.is_open() then
    prompt.open(gate:create(abi.Proto.Log, "ned", "cyan"), false)
  end
end

function Loader.__tostring()
  return "loader"
end

function Loader.__names()
  return report.names(methods, loader_options)
end

function Loader.__newindex(self, key, value)
  report.check_options("loader", {[key] = value}, loader_options)
  rawset(self, key, value)
  if key == "log_fab" and value and self == require("L4").default_loader then
    use_log_fab(value)
  end
end

-- L4.Loader.new{factory =, mem =, scheduler =}: defaults for the programs it starts.
function Loader.new(options)
  options = options or {}
  report.check_options("L4.Loader.new", options, loader_options)
  local self = {}
  for key, value in pairs(options) do
    self[key] = value
  end
  return setmetatable(self, Loader)
end

return {new = Loader.new, start = start, rom_names = rom_names, is_log = is_log}
