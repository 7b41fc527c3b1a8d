-- Tests of channels of a console server: who gets one, what the server is told, and what happens when it dies.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local START = [[
  local cons = L4.default_loader:new_channel()
  local server = L4.default_loader:start({caps = {cons = cons:svr()}}, "rom/cons -a")
]]
local WITH_CONS = START .. "L4.default_loader.log_fab = cons\n"

-- What the server was told, in order.
local function attached(core)
  local texts = {}
  for i, call in ipairs(core.recorded("attach")) do
    texts[i] = call[4]
  end
  return table.concat(texts, " ")
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

-- The capability of that name in the last program that was loaded.
local function given(core, name)
  local loads = core.recorded("load")
  for _, cap in ipairs(loads[#loads][2].caps) do
    if cap.name == name then
      return cap
    end
  end
end

test("create makes a gate and hands it to the server with name, colour and options", function(core)
  local channel = harness.script(START .. [[return cons:create(L4.Proto.Log, "vm1", "green", "bufsz=4096", "key=x")]])
  equal(attached(core), "vm1|32|bufsz=4096|key=x|")
  equal(core.objects[core.recorded("attach")[1][3]].kind, abi.kind.gate)
  contains(tostring(channel), "vm1 (gate, rights rw)")
end)

test("what the server refuses is an error of the script", function(core)
  core.refusal = "'bufsize=1': expected one of bufsz=N"
  equal(harness.error_of(START .. [[cons:create(L4.Proto.Log, "vm1", "g", "bufsize=1")]]),
        "rom/test.lua:3: create(L4.Proto.Log) 'vm1': 'bufsize=1': expected one of bufsz=N")
  contains(harness.error_of(START .. [[cons:create(L4.Proto.Log, "vm1", "grene")]]), "did you mean 'green'?")
  contains(harness.error_of(START .. [[cons:create(L4.Proto.Log, "vm1", "g", 7)]]), "a list of strings; one is 7")
  contains(harness.error_of(START .. [[cons:create(L4.Proto.Dataspace, 7)]]), "expected L4.Proto.Log")
end)

test("a channel made before its server runs is handed over when it does", function(core)
  harness.script [[
    local cons = L4.default_loader:new_channel()
    local early = cons:create(L4.Proto.Log, "early")
    L4.default_loader:start({caps = {cons = cons:svr()}}, "rom/cons")
    return early
  ]]
  equal(attached(core), "early|0|")
end)

test("with log_fab ned and each program get a channel of their own", function(core)
  harness.script(WITH_CONS .. [[L4.default_loader:start({log = {"one", "r", "show"}}, "rom/uvmm")]])
  equal(attached(core), "ned|36| one|31|show|")
  equal(given(core, "log").slot, core.recorded("attach")[2][3])
  equal(given(core, "log").rights, 5)
  equal(core.recorded("load")[2][2].tag, "uvmm")
  harness.script [[L4.default_loader:start({}, "rom/uvmm")]]
  equal(core.recorded("attach")[3][4], "uvmm|0|")
  equal(core.recorded("load")[3][2].tag, nil)
end)

test("the console server itself speaks to the machine's console", function(core)
  harness.script(WITH_CONS)
  equal(given(core, "log").slot, 3)
end)

test("a log may be a channel that the script made", function(core)
  harness.script(START .. [[L4.default_loader:start({log = cons:create(L4.Proto.Log, "mine")}, "rom/uvmm")]])
  equal(attached(core), "mine|0|")
  equal(given(core, "log").slot, core.recorded("attach")[1][3])
  contains(harness.error_of [[L4.default_loader:start({log = L4.Env.icu}, "rom/uvmm")]], "expected {tag, colour}, or a log")
  contains(harness.error_of [[L4.default_loader:start({log = {"a", "r", "show"}}, "rom/uvmm")]], "is for a console server")
end)

test("a channel ends with the program that it was made for", function(core)
  harness.script(WITH_CONS .. [[L4.default_loader:start({}, "rom/uvmm"):kill()]])
  local close = core.recorded("close")
  equal(#close, 1)
  equal(close[1][3], 2)
end)

test("when a program ends its servers let go of what it gave them, in each of its runs", function(core)
  harness.script(WITH_CONS .. [[
    local vmm = require "vmm"
    local vm = vmm.start_vm{id = 1}
    vm:restart()
    vm:stop()
  ]])
  -- Channels 1: ned, 2: mon1 or the log, 3: the other one.
  local let_go = core.recorded("channel_let_go")
  equal(#let_go, 4)
  equal(let_go[1][3] + let_go[2][3], 2 + 3)
  equal(let_go[3][3] + let_go[4][3], 2 + 3)
end)

test("a channel that nobody can reach any more is closed", function(core)
  harness.script(START .. [[cons:create(L4.Proto.Log, "lost")]])
  collectgarbage()
  collectgarbage()
  equal(#core.recorded("close"), 1)
end)

test("a console server that dies is started again and gets all channels, under the names it gave", function(core)
  core.other_name = "x:1"
  local server, kept = harness.script(WITH_CONS .. [[
    local a = cons:create(L4.Proto.Log, "x", "r")
    local task = L4.default_loader:start({log = {"y"}}, "rom/uvmm")
    return server, {a, task}
  ]])
  core.other_name = nil
  core.end_task(server.slot, abi.death.FAULT, 0)
  pass(1)
  equal(#kept, 2)
  equal(server:state(), "running")
  equal(server.restarts, 1)
  local calls = core.recorded("attach")
  equal(#calls, 6)
  equal(calls[4][4], "x:1|36|")
  for i = 1, 3 do
    equal(calls[i][3], calls[i + 3][3])
  end
end)

test("a console server that is killed by the script stays dead, and one with restart = false as well", function(core)
  local server = harness.script(WITH_CONS .. [[server:kill() return server]])
  equal(server:state(), "zombie")
  harness.script [[L4.default_loader:start({log = L4.default_loader.log_fab:create(L4.Proto.Log, "z")}, "rom/uvmm")]]
  equal(attached(core), "ned|36|")
end)

test("a server that does not answer is asked again", function(core)
  core.is_deaf = true
  local kept = harness.script(START .. [[return cons:create(L4.Proto.Log, "x")]])
  core.is_deaf = false
  pass(3)
  contains(tostring(kept), "x (gate")
  equal(attached(core), "x|0| x|0|")
end)

test("a console server does not count when everything else has ended", function()
  harness.script(WITH_CONS)
  equal(require("ned.tasks").is_idle(), true)
  harness.script [[L4.default_loader:start({}, "rom/uvmm")]]
  equal(require("ned.tasks").is_idle(), false)
end)

test("a VM has a log, a monitor and, if asked for, a debugger's channel, for all its runs", function(core)
  package.preload.vmm = assert(loadfile("user/ned/lua/vmm.lua"))
  local vm = harness.script(WITH_CONS .. [[return require("vmm").start_vm{id = 3, gdb = true}]])
  equal(attached(core), "ned|36| vm3|0| mon3|34|hide| gdb3|34|hide|")
  local slots = {given(core, "log").slot, given(core, "mon").slot, given(core, "gdb").slot}
  vm:restart()
  equal(given(core, "log").slot, slots[1])
  equal(given(core, "mon").slot, slots[2])
  equal(given(core, "gdb").slot, slots[3])
  equal(#core.recorded("attach"), 4)
  equal(core.recorded("load")[3][2].tag, "uvmm")
  harness.script [[require("vmm").start_vm{id = "plain", mon = false}]]
  equal(given(core, "mon"), nil)
  equal(core.recorded("attach")[5][4], "plain|0|")
end)

test("without a console server a VM has no monitor, and asking for one is an error", function(core)
  package.preload.vmm = assert(loadfile("user/ned/lua/vmm.lua"))
  harness.script [[require("vmm").start_vm{id = 1}]]
  equal(given(core, "mon"), nil)
  equal(core.recorded("load")[1][2].tag, "vm1")
  contains(harness.error_of [[require("vmm").start_vm{id = 2, gdb = true}]], "gdb = true: there is no console server")
end)

test("L4.start_cons does it in one call", function(core)
  local gate = harness.script [[return L4.start_cons{connect = "vm1", args = {"-k"}}]]
  contains(tostring(gate), "gate")
  equal(table.concat(core.recorded("load")[1][2].argv, " "), "rom/cons -a -c vm1 -k")
  equal(attached(core), "ned|36|")
  rawset(_G, "arg", {"framed"})
  harness.script [[L4.start_cons{show = false, args = {"-t"}}]]
  equal(table.concat(core.recorded("load")[2][2].argv, " "), "rom/cons --framed -t")
  contains(harness.error_of [[L4.start_cons{conect = "x"}]], "unknown option 'conect' (= \"x\"); did you mean 'connect'?")
end)

harness.finish()
