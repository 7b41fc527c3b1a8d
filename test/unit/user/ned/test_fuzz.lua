-- Random option tables for vmm.start_vm and loader:start: never anything but success or one clean sentence with the line of
-- the script, and nothing is left of either.
--
-- The same rounds each time: NED_FUZZ_ROUNDS of them, from NED_FUZZ_SEED on; or as many as NED_FUZZ_SECONDS allow.
local abi = require "abi"
local harness = require "harness"
local test, equal = harness.test, harness.equal

local clock, getenv, traceback = os.clock, os.getenv, debug.traceback
local ROUNDS = tonumber(getenv("NED_FUZZ_ROUNDS") or "6000")
local SEED = tonumber(getenv("NED_FUZZ_SEED") or "1")
local SECONDS = tonumber(getenv("NED_FUZZ_SECONDS") or "")

local random = math.random

local function pick(list)
  return list[random(#list)]
end

local words = {
  "", "a", "vm", "rom/uvmm", "rom/Image", "rom/initrd", "rom/vm.dtb", "rom/vm.dtb:limit=0x1", "raw:rom/Image", "rom/none", "0", "0-3",
  "1,2-3", "3-1", "0-99999999999999999999", "64", "-1", "crash", "reset", "always", "off", "panic", "stopped", "500ms", "1s", "1e9s", "99m", "green", "r",
  "%s%d%n", "a\0b", "\xff\xfe", ("x"):rep(40), ("y"):rep(5000), "a\nb", "rw", "16", "0x10", "1e3", "nan", "console=ttyAMA0 quiet", "id", "caps",
}
local numbers = {
  0, 1, 2, 4, 16, 21, 64, 128, 255, 256, 4096, 1 << 20, 1 << 31, 1 << 40, 1 << 47, 1 << 62, -1, -16, 0.5, 1.5, 16.0, 1e9, 1e300, -1e300,
  math.maxinteger, math.mininteger, 1 / 0, -1 / 0, 0 / 0, 1 / 4096, 2.5e-300,
}
local keys_of = {
  vm = {"id", "mem", "mem_align", "kernel", "fdt", "rd", "bootargs", "ram_base", "prio", "cpus", "scheduler", "log", "ext_args", "ext_caps", "verbose",
        "net", "vbus", "pfc", "restart", "mon", "gdb", "jdb"},
  program = {"caps", "log", "mem", "factory", "scheduler", "prio", "cpus", "name", "restart", "rm_fab", "ldr_flags"},
  restart = {"on", "max", "within", "backoff"},
}
-- What is often right, so that rounds get far.
local likely = {
  id = {"a", 1, "b"}, mem = {16, 1 << 20, 1}, mem_align = {12, 21}, kernel = {"rom/Image"}, fdt = {"rom/vm.dtb"}, rd = {"rom/initrd"}, bootargs = {"quiet"},
  ram_base = {0, 0x40000000}, prio = {1, 16, 255}, cpus = {1, "0-1", 0xf}, verbose = {true}, mon = {false}, jdb = {false}, name = {"n"},
  restart = {"crash", "reset", false}, on = {"crash", "always"}, max = {1, 3}, within = {"5s"}, backoff = {"1s", 0}, gdb = {false},
}

local make_value

local function handle()
  local kind = random(6)
  local factory = L4.Env.user_factory
  if kind == 1 then
    return factory:create(L4.Proto.Dataspace, 4096 * random(4))
  elseif kind == 2 then
    return factory:create(L4.Proto.Factory, 1 << 20)
  elseif kind == 3 then
    return factory:create(L4.Proto.Scheduler, random(2, 256), 0, random(15))
  elseif kind == 4 then
    return factory:create(L4.Proto.Log, "log", "g")
  elseif kind == 5 then
    return L4.default_loader:new_channel()
  end
  return pick {L4.Env.log, L4.Env.rom, L4.Env.factory, L4.Env.platform, L4.Env.icu, L4.Env.task}
end

local function make_table(depth)
  local t = {}
  for _ = 1, random(0, 4) do
    local key = pick {1, 2, "name", pick(keys_of.restart), pick(words), pick(numbers), true}
    if key == key then
      t[key] = make_value(nil, depth + 1)
    end
  end
  if random(12) == 1 then
    t.self = t
  end
  if random(15) == 1 then
    setmetatable(t, {__name = "odd"})
  end
  return t
end

local functions = {
  function() end,
  function() return 1 end,
  function() return L4.Env.log end,
  function() return {} end,
  function() error("the script's own error") end,
  function() error({code = 1}) end,
}

function make_value(key, depth)
  local kind = random(10)
  if key and likely[key] and kind <= 7 then
    return pick(likely[key])
  elseif kind <= 2 then
    return pick(words)
  elseif kind <= 4 then
    return pick(numbers)
  elseif kind == 5 then
    return pick {true, false}
  elseif kind == 6 then
    return handle()
  elseif kind == 7 then
    return pick(functions)
  elseif depth > 3 then
    return {}
  end
  return make_table(depth)
end

local function make_options(keys, depth)
  local options = {}
  for _ = 1, random(0, 6) do
    local key = random(25) == 1 and pick(words) or pick(keys)
    options[key] = make_value(key, depth)
  end
  if keys ~= keys_of.restart and random(3) == 1 then
    options.restart = make_options(keys_of.restart, depth + 1)
  end
  if random(30) == 1 then
    options[random(3)] = make_value(nil, depth)
  end
  return options
end

local begin_vm = assert(load("local vmm, options = ...; local made = vmm.start_vm(options); return made", "@rom/fuzz.lua", "t"))
local begin_program = assert(load("local file, options = ...; local made = L4.default_loader:start(options, file); return made", "@rom/fuzz.lua", "t"))

-- Marks an error of ours with where it comes from.
local function explain(message)
  return type(message) == "string" and {text = message, trace = traceback(message, 2)} or {value = message}
end

local own = {"the script's own error"}

-- A sentence for people, with the place; not Lua's complaint about our code.
local function check_message(failure)
  if failure.value ~= nil then
    return type(failure.value) == "table" and failure.value.code == 1 -- thrown by the script's function
  end
  local text = failure.text
  if text:find(own[1], 1, true) then
    return true
  end
  return text:find("^rom/fuzz%.lua:1: ") and not text:find("\n", 1, true) and not text:find("attempt to ", 1, true) and
         not text:find("bad argument", 1, true) and not text:find("stack overflow", 1, true) and
         not text:find("user/ned/lua", 1, true) and #text < 2000
end

local function drain(core)
  local loop = require "ned.loop"
  while #core.pending > 0 do
    loop.step()
  end
end

local function collect()
  collectgarbage()
  collectgarbage()
end

local function round(core, number)
  math.randomseed(number)
  local is_vm = random(2) == 1
  -- Some rounds run out of something on the way.
  core.no_watch, core.no_start = random(12) == 1, random(12) == 1
  local options = random(40) == 1 and make_value(nil, 2) or make_options(is_vm and keys_of.vm or keys_of.program, 1)
  local ok, result
  if is_vm then
    ok, result = xpcall(begin_vm, explain, require "vmm", options)
  else
    ok, result = xpcall(begin_program, explain, pick {"rom/uvmm", "rom/uvmm a b", "rom/Image", "rom/none", "", "rom/uvmm " .. pick(words)}, options)
  end
  core.no_watch, core.no_start = false, false
  if not ok and not check_message(result) then
    error(string.format("round %d: no clean sentence: %s", number, result.trace or tostring(result.value)), 0)
  elseif ok then
    drain(core)
    result:kill()
  end
  options, result = nil, nil
  drain(core)
  core.said, core.calls = {}, {}
  return ok
end

-- Every hundred rounds nothing may be left; who leaked is then found one by one.
local function check_nothing_left(core, first, last)
  collect()
  if core.count() == 0 then
    return
  end
  for number = first, last do
    core.reset()
    round(core, number)
    collect()
    if core.count() ~= 0 then
      error("round " .. number .. " leaks " .. core.count() .. " objects", 0)
    end
  end
  error(string.format("rounds %d to %d leak together", first, last), 0)
end

test("random option tables end in success or one clean sentence, and leave nothing", function(core)
  local number, finish = SEED, SECONDS and clock() + SECONDS
  local succeeded = 0
  core.memory.quota = 1 << 40
  repeat
    local first = number
    for _ = 1, 100 do
      succeeded = succeeded + (round(core, number) and 1 or 0)
      number = number + 1
    end
    check_nothing_left(core, first, number - 1)
  until finish and clock() >= finish or not finish and number >= SEED + ROUNDS
  equal(core.count(abi.kind.space), 0)
  -- Else the tables are so wrong that nothing behind the first look is tried.
  assert(succeeded > (number - SEED) // 50, succeeded .. " of " .. number - SEED .. " were started")
end)

harness.finish()
