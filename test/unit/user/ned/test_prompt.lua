-- Tests of the prompt: values, errors, unfinished statements, waiting, ^C, completion.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local function open(core)
  setmetatable(_G, nil)
  local prompt = require "ned.prompt"
  equal(prompt.open(L4.Env.log, true), true)
  core.is_attended = true
  return prompt
end

-- Somebody types these lines (or events); what is said after comes back.
local function type(core, ...)
  local before = #core.said
  for _, line in ipairs {...} do
    core.typed[#core.typed + 1] = line == "^C" and {"interrupt", ""} or {"enter", line}
  end
  core.pending[#core.pending + 1] = core.console_badge
  require("ned.loop").step()
  return table.concat(core.said, "\n", before + 1)
end

-- Time passes for everybody.
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

local function last_prompt(core)
  local calls = core.recorded("prompt")
  return calls[#calls] and calls[#calls][2]
end

test("an expression tells its values, a statement nothing", function(core)
  open(core)
  equal(type(core, "1 + 1"), "2")
  equal(type(core, "1, nil, 'x'"), "1\tnil\tx")
  equal(type(core, "a_global = 7"), "")
  equal(type(core, "a_global", "'a\\nb'"), "7\na\nb")
  equal(type(core, ""), "")
  equal(last_prompt(core), "ned> ")
end)

test("errors name the prompt's line and what is meant", function(core)
  open(core)
  equal(type(core, "x = = 1"), "prompt:1: unexpected symbol near '='")
  contains(type(core, "error('oh')"), "prompt:1: oh")
  equal(type(core, "'value' -- and why"), "value")
  contains(type(core, "L4.default_loader:start({logg = 1}, 'rom/uvmm')"), "prompt:1: rom/uvmm: unknown option 'logg'")
  equal(type(core, "error({msg = 'table'})"), "table")
  equal(type(core, "setmetatable({}, {__tostring = function() error('bad') end})"), "prompt:1: bad")
end)

test("a statement goes on in the next line until it is whole, or until ^C", function(core)
  open(core)
  equal(type(core, "for i = 1, 2 do"), "")
  equal(last_prompt(core), "ned>> ")
  equal(type(core, "require('core').say(tostring(i))", "end"), "1\n2")
  equal(last_prompt(core), "ned> ")
  type(core, "if true then", "^C")
  equal(type(core, "5"), "5")
  contains(type(core, "if true then", ""), "'end' expected")
end)

test("what waits lets others run, and the next line comes after it", function(core)
  open(core)
  local ran
  require("ned.loop").spawn(function()
    L4.sleep(1)
    ran = true
  end)
  equal(type(core, "L4.sleep(2) return 'slept', 1"), "")
  equal(type(core, "'second'"), "")
  pass(1.5)
  equal(ran, true)
  equal(core.said[#core.said], nil)
  pass(1)
  equal(table.concat(core.said, " "), "slept\t1 second")
end)

test("^C ends what waits", function(core)
  open(core)
  type(core, "L4.sleep(100)")
  core.is_interrupted = true
  equal(type(core), "interrupted by Ctrl-C at the prompt")
  equal(type(core, "6"), "6")
  type(core, "coroutine.yield()")
  core.is_interrupted = true
  equal(type(core), "interrupted; nothing resumes what it left")
  equal(type(core, "7"), "7")
end)

test("the prompt is there while somebody is", function(core)
  core.is_attended = false
  local prompt = require "ned.prompt"
  prompt.open(L4.Env.log, false)
  equal(last_prompt(core), nil)
  core.is_attended = true
  type(core)
  equal(last_prompt(core), "ned> ")
  core.is_attended = false
  type(core)
  equal(core.recorded("show")[1][2], false)
end)

test("a console that another program reads gives no prompt", function(core)
  core.console_error = abi.Error.EBUSY
  equal(require("ned.prompt").open(L4.Env.log, true), false)
  equal(core.said[1], "there is no prompt: another program reads the console")
end)

test("names are completed: globals, fields, methods of our objects", function(core)
  local prompt = open(core)
  local function complete(text)
    local names, size = prompt.complete(text)
    return table.concat(names, " ") .. " " .. size
  end
  rawset(_G, "zebra_one", L4.default_loader)
  equal(complete("x = zeb"), "zebra_one 3")
  equal(complete("zebra_one:new_"), "new_channel 4")
  equal(complete("L4.Env.plat"), "platform 4")
  equal(complete("L4.Env.factory:cr"), "create 2")
  equal(complete("L4.nothing.x"), " 1")
  contains(complete("L4.Proto."), "Dataspace")
  core.typed[1] = {"complete", "zebra_o"}
  type(core)
  equal(core.recorded("insert")[1][2], "ne")
  core.typed[1] = {"complete", "L4.Env.factory:m"}
  type(core)
  equal(core.said[#core.said], "m  mode")
  rawset(_G, "zebra_one", nil)
end)

harness.finish()
