-- Tests of how programs and VMs end and begin again.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local prelude = [[
  local vmm, core, loop = require "vmm", require "core", require "ned.loop"
  local EXIT, FAULT, KILLED = 1, 2, 3
  -- The VM or program ends so, and ned does what follows at once.
  local function ends(reason, code)
    core.end_task(core.last_task(), reason, code or 0)
    while #core.pending > 0 do
      loop.step()
    end
  end
  -- Time passes until everybody who sleeps has been woken.
  local function later()
    while loop.has_sleepers() do
      loop.step()
    end
  end
]]

local function script(text)
  return harness.script(prelude .. text)
end

local function error_of(text)
  return harness.error_of("local vmm = require 'vmm'; " .. text)
end

local function said(core, part)
  for _, line in ipairs(core.said) do
    if line:find(part, 1, true) then
      return
    end
  end
  error("not said: " .. part .. "; but:\n" .. table.concat(core.said, "\n"), 2)
end

local function starts(core)
  return #core.recorded("start")
end

local function ending(core, reason, code)
  return harness.script(prelude .. [[
    local reason, code = ...
    local vm = vmm.start_vm{id = "a"}
    assert(vm:reason() == nil and vm:state() == "running")
    ends(reason, code)
    local exit_code, why, state, word = vm:wait()
    assert(exit_code == (reason == EXIT and code or nil))
    assert(why == ({"exit", "fault", "killed"})[reason])
    assert(state == vm:state() and word == vm:reason())
    return word .. " " .. state
  ]], reason, code)
end

for _, case in ipairs {
  {1, 0, "off stopped", "a ended: the guest turned it off (off, exit code 0)"},
  {1, 1, "error failed", "a ended: its uvmm gave up (error, exit code 1)"},
  {1, 2, "guest-fault failed", "a ended: the guest did what it cannot go on after (guest-fault, exit code 2)"},
  {1, 3, "panic failed", "a ended: the guest's kernel panicked (panic, exit code 3)"},
  {1, 4, "halted failed", "(halted, exit code 4)"},
  {1, 5, "cpus-off stopped", "a ended: the guest turned its last CPU off (cpus-off, exit code 5)"},
  {1, 102, "reset reset", "a ended: the guest asked for a restart (reset, exit code 102)"},
  {1, 77, "error failed", "(error, exit code 77)"},
  {2, 0x92000046, "fault failed", "a ended: its uvmm died of a fault (fault, pc 0x400100, address 0x10, esr 0x92000046)"},
  {3, 0, "killed failed", "a ended: its uvmm was killed from outside (killed)"},
} do
  test("an end by " .. case[3]:match("%S+") .. " (" .. case[1] .. ", " .. case[2] .. ") is told apart", function(core)
    equal(ending(core, case[1], case[2]), case[3])
    said(core, case[4])
  end)
end

test("a VM that the script stops is stopped, not killed", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = "always"}
    assert(vm:stop() == "stopped" and vm:reason() == "stopped")
    later()
    assert(vm:state() == "stopped")
  ]]
  said(core, "a ended: stopped by the script (stopped)")
  equal(starts(core), 1)
end)

test("a program that ended is told from one that was killed from outside", function(core)
  script [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    ends(EXIT, 0)
    assert(t:ending() == "done" and t:reason() == "exit")
    t = L4.default_loader:start({}, "rom/uvmm")
    ends(KILLED)
    assert(t:ending() == "killed")
    t = L4.default_loader:start({}, "rom/uvmm")
    t:kill()
    assert(t:ending() == "stopped" and t:reason() == "killed")
  ]]
  said(core, "uvmm was killed")
  said(core, "uvmm was stopped")
end)

test("without the option nothing is restarted", function(core)
  script [[
    for code = 0, 5 do vmm.start_vm{id = "a"}; ends(EXIT, code) end
    vmm.start_vm{id = "a", restart = false}
    ends(EXIT, 102)
    later()
  ]]
  equal(starts(core), 7)
end)

test("a restart is in place: same RAM, cleared first, same arguments and capabilities, one quota", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", mem = 32, kernel = "rom/Image", ext_caps = {pfc = L4.Env.platform}, restart = {on = "reset"}}
    ends(EXIT, 102)
    assert(vm:state() == "running" and vm.restarts == 1)
  ]]
  local load = core.recorded("load")
  equal(#load, 2)
  local first, second = load[1][2], load[2][2]
  equal(table.concat(second.argv, " "), table.concat(first.argv, " "))
  equal(second.factory, first.factory)
  equal(#second.caps, #first.caps)
  for i, cap in ipairs(first.caps) do
    equal(second.caps[i].name .. second.caps[i].slot .. " " .. second.caps[i].rights, cap.name .. cap.slot .. " " .. cap.rights)
  end
  local cleared = core.recorded("clear")
  equal(#cleared, 1)
  equal(cleared[1][4], 32 << 20)
  -- Cleared after the death of the first and before the second is loaded.
  local order = {}
  for _, call in ipairs(core.calls) do
    if call[1] == "load" or call[1] == "destroy" or call[1] == "clear" then
      order[#order + 1] = call[1]
    end
  end
  equal(table.concat(order, " "), "load destroy clear load")
end)

test("a restart keeps what is in RAM if the script says so, and uvmm is told", function(core)
  script [[
    vmm.start_vm{id = "a", keep_ram = true, restart = "reset"}
    ends(EXIT, 102)
  ]]
  equal(#core.recorded("load"), 2)
  equal(#core.recorded("clear"), 0)
  equal(table.concat(core.recorded("load")[2][2].argv, " "), "rom/uvmm --keep-ram")
end)

test("a VM without mem has only what its device tree names", function(core)
  script [[
    vmm.start_vm{id = "a", mem = false, ext_caps = {low = L4.Env.user_factory:create(L4.Proto.Dataspace, 4096):m("rw")}, restart = "reset"}
    ends(EXIT, 102)
  ]]
  equal(#core.recorded("load"), 2)
  for _, cap in ipairs(core.recorded("load")[2][2].caps) do
    assert(cap.name ~= "ram")
  end
end)

test("what the old instance left in its factory is complained of", function(core)
  script [[
    vmm.start_vm{id = "a", restart = "reset"}
    core.objects[core.recorded("load")[1][2].factory].used = 4096
    ends(EXIT, 102)
  ]]
  said(core, "a: 4 KiB of its factory are still in use after its end")
end)

test("only ends that are named are restarted; crash stands for six", function(core)
  script [[
    for _, code in ipairs {1, 2, 3, 4} do
      local vm = vmm.start_vm{id = "a", restart = {on = "crash", backoff = 0}}
      ends(EXIT, code)
      assert(vm:state() == "running", code)
      ends(FAULT, 1)
      assert(vm:state() == "running")
      ends(KILLED)
      assert(vm:state() == "running")
      ends(EXIT, 102)
      assert(vm:state() == "reset")
      vm = vmm.start_vm{id = "a", restart = {on = {"panic", "off"}}}
      ends(EXIT, 0)
      assert(vm:state() == "running")
      ends(EXIT, 5)
      assert(vm:state() == "stopped")
    end
    local vm = vmm.start_vm{id = "a", restart = "always"}
    for _, code in ipairs {0, 102, 5} do
      ends(EXIT, code)
      assert(vm:state() == "running", code)
    end
  ]]
end)

test("crashes are restarted after a delay that doubles, up to a limit", function(core)
  local at = script [[
    local vm = vmm.start_vm{id = "a", restart = {on = "crash", backoff = "3s"}}
    local at = {}
    for i = 1, 4 do
      local before = core.time
      ends(EXIT, 3)
      assert(vm:state() == "restarting")
      later()
      assert(vm:state() == "running")
      at[i] = core.time - before
    end
    return at
  ]]
  equal(table.concat(at, " "), "3.0 6.0 10.0 10.0")
  said(core, "a: restart 1 in 3 s")
  said(core, "a: restart 4 in 10 s")
end)

test("without backoff a reset is restarted at once and a crash after 100 ms", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = "always"}
    ends(EXIT, 102)
    assert(vm:state() == "running")
    vm:stop()
    vm = vmm.start_vm{id = "b", restart = "always"}
    ends(EXIT, 3)
    assert(vm:state() == "restarting")
  ]]
  said(core, "b: restart 1 in 100 ms")
end)

test("no more than max restarts in a row, and a long run starts the count anew", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = {on = "crash", max = 2, backoff = 0, within = "30s"}}
    ends(EXIT, 3)
    ends(EXIT, 3)
    core.time = core.time + 31
    ends(EXIT, 3)
    ends(EXIT, 3)
    assert(vm:state() == "running" and vm.restarts == 4)
    ends(EXIT, 3)
    assert(vm:state() == "failed" and vm:reason() == "panic")
  ]]
  said(core, "a is not restarted: it was restarted 2 times and then ran 0 ms again; option restart allows max = 2")
  said(core, "a: restart 2 of 2")
end)

test("a function decides: VM, reason and code go in, true, false or a time come out", function(core)
  local log = script [[
    local log, answers = {}, {true, "2s", false}
    local vm
    vm = vmm.start_vm{id = "a", restart = function(which, reason, code)
      assert(which == vm and not which:state():find("running"))
      log[#log + 1] = reason .. " " .. code
      L4.sleep(1)
      return table.remove(answers, 1)
    end}
    ends(EXIT, 102)
    later()
    assert(vm:state() == "running")
    ends(EXIT, 3)
    local before = core.time
    later()
    assert(vm:state() == "running" and core.time - before == 3)
    ends(EXIT, 0)
    later()
    assert(vm:state() == "stopped" and vm.restarts == 2)
    return table.concat(log, ", ")
  ]]
  equal(log, "reset 102, panic 3, off 0")
end)

test("a function that fails or answers nonsense is told, and the VM stays ended", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = function() return "soon" end}
    ends(EXIT, 3)
    assert(vm:state() == "failed")
    vm = vmm.start_vm{id = "b", restart = function() error("no idea") end}
    ends(EXIT, 3)
    assert(vm:state() == "failed")
  ]]
  said(core, "a is not restarted: its restart function returned \"soon\"; expected true, false or a time like \"1s\"")
  said(core, "b is not restarted: rom/test.lua")
end)

test("stop ends a VM that waits for its restart; restart does not wait", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = {on = "crash", backoff = "5s"}}
    ends(EXIT, 3)
    assert(vm:state() == "restarting")
    vm:stop()
    later()
    assert(vm:state() == "failed")
    vm = vmm.start_vm{id = "b", restart = {on = "crash", backoff = "5s"}}
    ends(EXIT, 3)
    vm:restart()
    assert(vm:state() == "running" and vm.restarts == 1)
    later()
    assert(vm.restarts == 1)
  ]]
  equal(starts(core), 3)
end)

test("restart works on a VM that runs and on one that has ended, and the name stays", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", mem = 32}
    local ends_seen = 0
    vm:exit_handler(function() ends_seen = ends_seen + 1 end)
    vm:restart()
    assert(vm:state() == "running" and vm.restarts == 1 and ends_seen == 0)
    vm:stop()
    assert(ends_seen == 1)
    vm:restart()
    assert(vm:state() == "running" and vm.restarts == 2 and vm.name == "a")
    vm:stop()
    assert(ends_seen == 2)
  ]]
  equal(#core.recorded("clear"), 1)
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
end)

test("wait, the exit handler and `running` are about the end for good", function(core)
  script [[
    local tasks = require "ned.tasks"
    local handled = 0
    local vm = vmm.start_vm{id = "a", restart = {on = "reset"}}
    vm:exit_handler(function(code)
      assert(code == 0)
      handled = handled + 1
    end)
    local waited
    coroutine.wrap(function() waited = vm:wait() end)()
    ends(EXIT, 102)
    assert(handled == 0 and waited == nil and #tasks.running() == 1)
    ends(EXIT, 0)
    loop.step()
    assert(handled == 1 and waited == 0 and #tasks.running() == 0)
  ]]
end)

test("a restart that fails ends the VM with a sentence and nothing left", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", restart = "reset"}
    core.no_start = true
    ends(EXIT, 102)
    assert(vm:state() == "failed" and vm:reason() == "error")
    local ok, message = pcall(vm.restart, vm)
    assert(not ok and message:find("EINVAL"), message)
    core.no_start = false
    core.no_watch = true
    ok, message = pcall(vm.restart, vm)
    assert(not ok and message:find("cannot be watched"), message)
    core.no_watch = false
  ]]
  said(core, "a is not restarted: an argument is malformed (EINVAL)")
  require("ned.loop").step()
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
end)

test("programs have the option as well, with words of their own, and are told of each restart", function(core)
  local seen = script [[
    local seen = {}
    local t = L4.default_loader:start({restart = {on = {"fault", "killed"}, backoff = 0}}, "rom/uvmm")
    t:restart_handler(function(task) seen[#seen + 1] = task.restarts end)
    ends(FAULT, 1)
    ends(KILLED)
    t:restart()
    assert(t:state() == "running")
    ends(EXIT, 0)
    assert(t:state() == "zombie")
    return seen
  ]]
  equal(table.concat(seen, " "), "1 2 3")
  contains(error_of [[L4.default_loader:start({restart = "panic"}, "rom/uvmm")]], "restart: on: \"panic\" is no way to end")
  contains(error_of [[local t = L4.default_loader:start({}, "rom/uvmm"); t:restart()]], "it was started without option restart")
  contains(error_of [[local t = L4.default_loader:start({restart = "crash"}, "rom/uvmm"); t:kill(); t:restart()]],
           "has ended and cannot be restarted")
end)

test("wrong restart options are errors of one sentence, and nothing is made", function(core)
  for text, part in pairs {
    ["5"] = "start_vm 'a': restart = 5; expected a table like {on = \"crash\", max = 3, backoff = \"1s\"}, a word, a function or false",
    ["'crahs'"] = "start_vm 'a': restart: on: \"crahs\" is no way to end; did you mean 'crash'?",
    ["'stopped'"] = "is no way to end",
    ["{max = 1}"] = "restart: on is missing",
    ["{on = 'crash', mx = 1}"] = "restart: unknown option 'mx' (= 1); did you mean 'max'?",
    ["{on = 'crash', max = -1}"] = "restart: max = -1; expected a whole number from 0",
    ["{on = 'crash', backoff = '1h'}"] = "restart: backoff = \"1h\"; expected a time like \"500ms\"",
    ["{on = 'crash', backoff = 0/0}"] = "expected a time",
    ["{on = {}}"] = "on = a table; expected a word or a list of words",
    ["{on = {1}}"] = "expected a word or a list of words",
    ["{'crash'}"] = "a value without a name",
    ["true"] = "restart = true; expected",
  } do
    contains(error_of("vmm.start_vm{id = 'a', restart = " .. text .. "}"), part)
  end
  equal(core.count(), 0)
end)

test("times are numbers of seconds or have a unit", function()
  local seconds = require("ned.restart").seconds
  equal(seconds("500ms"), 0.5)
  equal(seconds("1.5 s"), 1.5)
  equal(seconds("2m"), 120)
  equal(seconds(0), 0)
  for _, bad in ipairs {"", "5", "s", "-1s", "1e3s", -1, 1 / 0, 86401, "99999m"} do
    equal(seconds(bad), nil)
  end
end)

local function look(core)
  require("ned.last").look()
  return #core.recorded("shutdown")
end

test("the end of the last VM for good turns the machine off when the script says so", function(core)
  script [[vmm.when_all_ended("off")]]
  equal(look(core), 0)
  script [[
    local a = vmm.start_vm{id = "a", restart = {on = "reset", backoff = "1s"}}
    local b = vmm.start_vm{id = "b"}
    L4.default_loader:start({}, "rom/uvmm server")
    core.end_task(b.task.slot, EXIT, 0)
    loop.step()
    core.end_task(a.task.slot, EXIT, 102)
    loop.step()
    assert(a:state() == "restarting")
    require("ned.last").look()
    later()
    require("ned.last").look()
    assert(#core.recorded("shutdown") == 0 and a:state() == "running")
    core.end_task(a.task.slot, EXIT, 0)
    loop.step()
  ]]
  equal(look(core), 1)
  equal(core.recorded("shutdown")[1][3], false)
  equal(look(core), 1)
end)

test("it can restart the machine, call a function, or be nothing again", function(core)
  script [[
    vmm.start_vm{}:stop()
    vmm.when_all_ended("reboot")
    require("ned.last").look()
    assert(core.recorded("shutdown")[1][3] == true)
    local called = 0
    vmm.when_all_ended(function() called = called + 1 end)
    vmm.start_vm{}
    require("ned.last").look()
    ends(EXIT, 0)
    require("ned.last").look()
    assert(called == 1)
    vmm.start_vm{}:stop()
    vmm.when_all_ended(false)
    require("ned.last").look()
  ]]
  equal(#core.recorded("shutdown"), 1)
  contains(error_of [[vmm.when_all_ended("of")]], "vmm.when_all_ended(\"of\"); expected \"off\", \"reboot\", a function or false")
end)

equal(abi.death.KILLED, 3)
harness.finish()
