-- Tests of L4.Loader and of task objects.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local function given(core)
  local names = {}
  for _, cap in ipairs(core.recorded("load")[1][2].caps) do
    names[cap.name] = cap.rights
  end
  return names
end

test("the script of the user guide starts uvmm with ram, rw", function(core)
  harness.script [[
local ramds = L4.Env.user_factory:create(L4.Proto.Dataspace, 60 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ramds:m("rw")}}, "rom/uvmm")
]]
  local request = core.recorded("load")[1][2]
  equal(request.file, "rom/uvmm")
  equal(#request.argv, 1)
  equal(given(core).ram, 5)
  equal(#core.recorded("start"), 1)
  equal(core.said[1], "uvmm: started rom/uvmm")
end)

test("a program gets the named capabilities and log, rom, factory and scheduler, nothing else", function(core)
  harness.script [[L4.default_loader:start({caps = {c = L4.Env.icu:m("rw")}}, "rom/uvmm")]]
  local names = {}
  for name in pairs(given(core)) do
    names[#names + 1] = name
  end
  table.sort(names)
  equal(table.concat(names, " "), "c factory log rom scheduler")
  equal(given(core).rom, 4)
  equal(given(core).factory, 6)
end)

test("capabilities come as functions and nested tables too", function(core)
  harness.script [[L4.default_loader:start({caps = {k = L4.Env.rom:query("Image"), sub = {x = L4.Env.log}}}, "rom/uvmm")]]
  equal(given(core).k, 4)
  equal(given(core)["sub/x"], 7)
end)

test("start splits at white space, startv does not", function(core)
  harness.script [[
    L4.default_loader:start({}, "rom/uvmm -c  a")
    L4.default_loader:startv({}, "rom/uvmm", "-c", "a b", 7)
  ]]
  local loads = core.recorded("load")
  equal(table.concat(loads[1][2].argv, "|"), "rom/uvmm|-c|a")
  equal(table.concat(loads[2][2].argv, "|"), "rom/uvmm|-c|a b|7")
end)

test("tag and colour of the log go to the program", function(core)
  harness.script [[L4.default_loader:start({log = {"vm1", "g"}}, "rom/uvmm")]]
  harness.script [[L4.default_loader:start({log = {"vm2", "R"}}, "rom/uvmm")]]
  local loads = core.recorded("load")
  equal(loads[1][2].tag, "vm1")
  equal(loads[1][2].colour, 32)
  equal(loads[2][2].colour, 91)
end)

test("a colour that does not exist is refused", function()
  contains(harness.error_of [[L4.default_loader:start({log = {"a", "grene"}}, "rom/uvmm")]], "did you mean 'green'?")
end)

test("a program pays with a factory of its own, whose quota mem sets", function(core)
  harness.script [[L4.default_loader:start({mem = 4 << 20}, "rom/uvmm")]]
  local call = core.recorded("create")[1]
  equal(call[3], abi.Proto.Factory)
  equal(call[4], 4 << 20)
  assert(core.recorded("load")[1][2].factory >= 100)
end)

test("'.' in place of ':' is explained", function()
  contains(harness.error_of [[L4.default_loader.startv({}, "rom/uvmm")]], "L4.default_loader:startv(...)")
end)

test("an unknown option is an error with a suggestion", function()
  local message = harness.error_of [[L4.default_loader:start({cap = {}}, "rom/uvmm")]]
  contains(message, "rom/test.lua:1: rom/uvmm: unknown option 'cap' (= a table); did you mean 'caps'?")
end)

test("a missing program is an error with the nearest file", function(core)
  contains(harness.error_of [[L4.default_loader:start({}, "rom/uvm")]], "rom/uvm cannot be started: the ROM has no such file; did you mean 'rom/uvmm'?")
  collectgarbage()
  equal(core.count(), 0)
end)

test("a file that is no program is an error that says why", function()
  contains(harness.error_of [[L4.default_loader:start({}, "rom/Image")]], "the file is no ELF file")
end)

test("a capability that is none is named", function()
  contains(harness.error_of [[L4.default_loader:start({caps = {ram = 5}}, "rom/uvmm")]], "caps.ram = 5")
  contains(harness.error_of [[L4.default_loader:start({caps = {L4.Env.log}}, "rom/uvmm")]], "without a name")
end)

test("programs spread over the CPUs and leave room when they end", function(core)
  harness.script [[
    for i = 1, 5 do
      L4.default_loader:start({}, "rom/uvmm")
    end
  ]]
  local places = {}
  for _, call in ipairs(core.recorded("place")) do
    places[#places + 1] = call[5]
  end
  equal(table.concat(places, " "), "0 1 2 3 0")
end)

test("prio and cpus give a limited scheduler", function(core)
  harness.script [[L4.default_loader:start({prio = 40, cpus = "2-3"}, "rom/uvmm")]]
  local limit, place = core.recorded("limit")[1], core.recorded("place")[1]
  equal(limit[3], 50)
  equal(limit[4], 12)
  equal(place[4], 40)
  equal(place[5], 0)
end)

test("two programs of one name are told apart", function(core)
  harness.script [[
    local a = L4.default_loader:start({}, "rom/uvmm")
    local b = L4.default_loader:start({}, "rom/uvmm")
    assert(a.name == "uvmm" and b.name == "uvmm-2")
  ]]
  equal(core.recorded("load")[2][2].tag, "uvmm-2")
end)

-- Ends of tasks

local loop_script = [[
  local core = require "core"
  local loop = require "ned.loop"
]]

test("wait gives the exit code and lets other coroutines go on", function(core)
  local log = harness.script(loop_script .. [[
    local log = {}
    local t = L4.default_loader:start({}, "rom/uvmm")
    loop.spawn(function()
      local code = t:wait()
      log[#log + 1] = "code " .. code
    end)
    loop.spawn(function()
      L4.sleep(1)
      log[#log + 1] = "slept"
      core.end_task(t.slot, 1, 7)
    end)
    log[#log + 1] = "main"
    t:wait()
    log[#log + 1] = t:state() .. " " .. t:exit_code() .. " " .. t:reason()
    loop.step()
    return log
  ]])
  equal(table.concat(log, ", "), "main, slept, zombie 7 exit, code 7")
  equal(core.said[2], "uvmm ended with exit code 7")
end)

test("a plain coroutine of the script that waits comes back by itself", function()
  local log = harness.script(loop_script .. [[
    local log = {}
    local t = L4.default_loader:start({}, "rom/uvmm")
    coroutine.wrap(function()
      t:wait()
      log[#log + 1] = "ended"
    end)()
    log[#log + 1] = "main"
    core.end_task(t.slot, 1, 0)
    loop.step()
    loop.step()
    return log
  ]])
  equal(table.concat(log, ", "), "main, ended")
end)

test("a fault is told with its place, and has no exit code", function(core)
  harness.script(loop_script .. [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    core.end_task(t.slot, 2, 0x92000046)
    local code, reason = t:wait()
    assert(code == nil and reason == "fault")
  ]])
  contains(core.said[2], "died of a fault: pc 0x400100, address 0x10, esr 0x92000046")
end)

test("kill destroys the task; a second kill gives the exit code there was", function(core)
  harness.script(loop_script .. [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    assert(t:kill() == "killed" and t:state() == "zombie" and t:reason() == "killed")
    local u = L4.default_loader:start({}, "rom/uvmm")
    core.end_task(u.slot, 1, 3)
    u:wait()
    assert(u:kill() == 3)
  ]])
  -- The one that was killed, and what was left of the one that exited.
  equal(#core.recorded("destroy"), 2)
end)

test("the exit handler is called once, at once when the task has ended", function()
  local log = harness.script(loop_script .. [[
    local log = {}
    local function handler(code)
      log[#log + 1] = code
    end
    local t = L4.default_loader:start({}, "rom/uvmm")
    t:exit_handler(handler)
    core.end_task(t.slot, 1, 5)
    t:wait()
    t:exit_handler(handler)
    return log
  ]])
  equal(table.concat(log, " "), "5 5")
end)

test("nothing of a program is left after its end", function(core)
  harness.script(loop_script .. [[
    local t = L4.default_loader:start({prio = 3}, "rom/uvmm")
    core.end_task(t.slot, 1, 0)
    t:wait()
  ]])
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
end)

test("a program that cannot be watched or started leaves nothing", function(core)
  core.no_watch = true
  contains(harness.error_of [[L4.default_loader:start({}, "rom/uvmm")]], "its end cannot be watched")
  core.no_watch, core.no_start = false, true
  contains(harness.error_of [[L4.default_loader:start({}, "rom/uvmm")]], "EINVAL")
  core.no_start = false
  require("ned.loop").step()
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
end)

test("a misspelled method of a task is suggested", function()
  contains(harness.error_of [[L4.default_loader:start({}, "rom/uvmm"):exitcode()]], "did you mean 'exit_code'?")
end)

test("loaders have defaults of their own", function(core)
  harness.script [[
    local l = L4.Loader.new({mem = 2 << 20})
    l:start({}, "rom/uvmm")
  ]]
  equal(core.recorded("create")[1][4], 2 << 20)
  contains(harness.error_of [[L4.default_loader.log_fab = L4.Env.log]], "expected the gate of a console server")
  contains(harness.error_of [[L4.default_loader.ns_fab = L4.Env.log]], "is not there yet")
  contains(harness.error_of [[L4.default_loader.log_fb = 1]], "unknown option 'log_fb'")
end)

harness.finish()
