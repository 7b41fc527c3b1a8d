-- Tests of what ned serves: platform control by functions of a script, and a VM's ctl.
local abi = require "abi"
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

local label, Error, event = abi.label, abi.Error, abi.power_event
local SUSPEND, SHUTDOWN, WAKEUP = abi.inhibitor.SUSPEND, abi.inhibitor.SHUTDOWN, abi.inhibitor.WAKEUP

-- What the newest program was given by that name: a slot of ned's.
local function given(core, name)
  local loads = core.recorded("load")
  for _, cap in ipairs(loads[#loads][2].caps) do
    if cap.name == name then
      return cap.slot, cap.rights
    end
  end
end

-- A client that calls at a gate. What comes back is a table that has `code` and `words` once it is answered.
local function client(core, name)
  local loop = require "ned.loop"
  local self = {gate = type(name) == "string" and given(core, name) or name}
  local function send(words, operation)
    local call = core.call(self.gate, operation, words)
    while #core.pending > 0 do
      loop.step()
    end
    return call
  end
  function self.words(operation, ...)
    return send(string.pack("<" .. ("i8"):rep(select("#", ...)), ...), operation)
  end
  function self.text(operation, number, text)
    return send(string.pack("<i8i8", number, #text) .. text .. ("\0"):rep(-#text % 8), operation)
  end
  -- It becomes the client, as uvmm does at its start.
  function self.listen()
    self.irq, self.life, core.triggered = core.new_irq(), core.new_irq(), nil
    core.sent_irqs = {self.irq, self.life}
    local code = self.words(label.inhibitor_listen).code
    core.sent_irqs = {}
    return code
  end
  function self.start()
    equal(self.listen(), 0)
    equal(core.triggered, self.irq, "told to ask for events")
    equal(self.text(label.inhibitor_acquire, SUSPEND, "vm running").code, 0)
    equal(self.text(label.inhibitor_acquire, SHUTDOWN, "vm running").code, 0)
  end
  -- The next event, "2 0", or the error.
  function self.event()
    local call = self.words(label.inhibitor_event)
    return call.code == 0 and call.numbers[1] .. " " .. call.numbers[2] or call.code
  end
  return self
end

local function said(core, part)
  for _, line in ipairs(core.said) do
    if line:find(part, 1, true) then
      return
    end
  end
  error("not said: " .. part .. "; but:\n" .. table.concat(core.said, "\n"), 2)
end

local function script(text, ...)
  return harness.script("local vmm, loop, core = require 'vmm', require 'ned.loop', require 'core'\n" .. text, ...)
end

-- Time passes for everybody.
local function pass(seconds)
  local loop = require "ned.loop"
  local done = false
  loop.spawn(function()
    loop.sleep(math.max(seconds, 0.001))
    done = true
  end)
  while not done do
    loop.step()
  end
end

-- The method runs in a coroutine; {ok =, value =} when it is through.
local function start(vm, method, ...)
  local loop, result = require "ned.loop", {}
  loop.spawn(function(...)
    result.ok, result.value = pcall(vm[method], vm, ...)
  end, ...)
  return result
end

local function ends(core, reason, code)
  local loop = require "ned.loop"
  core.end_task(core.last_task(), reason, code)
  while #core.pending > 0 do
    loop.step()
  end
end

-- ---- platform control ----

test("without option pfc a VM has no platform control, and always a ctl", function(core)
  script [[vmm.start_vm{id = "a"}]]
  equal(given(core, "pfc"), nil)
  local slot, rights = given(core, "ctl")
  equal(core.objects[slot].kind, abi.kind.gate)
  equal(rights, abi.Rights.r | abi.Rights.w)
end)

test("a capability is handed on, without the right to serve it", function(core)
  script [[vmm.start_vm{id = "a", pfc = L4.Env.platform}]]
  local slot, rights = given(core, "pfc")
  equal(core.objects[slot].kind, abi.kind.platform)
  equal(rights, abi.Rights.r | abi.Rights.w)
  script [[vmm.start_vm{id = "b", pfc = L4.default_loader:new_channel():m("r")}]]
  slot, rights = given(core, "pfc")
  equal(core.objects[slot].kind, abi.kind.gate)
  equal(rights, abi.Rights.r)
end)

test("who serves several VMs is told which one calls", function(core)
  script [[
    vmm.start_vm{id = "a", pfc = L4.Env.platform, ext_args = {"-W"}}
    vmm.start_vm{id = "b", pfc = function() end}]]
  local loads = core.recorded("load")
  contains(table.concat(loads[1][2].argv, " "), "--name " .. loads[1][2].tag .. " -W")
  equal(table.concat(loads[2][2].argv, " "):find("--name", 1, true), nil)
end)

test("what is no platform control is an error with the option's name", function()
  for value, expected in pairs {
    ["7"] = "pfc = 7; expected a function, a table {suspend = function, shutdown = function}, or a capability",
    ["L4.Env.log"] = "expected a capability to platform control: of vmm.new_pfc, io.pfc, or L4.Env.platform",
    ["{suspned = print}"] = "unknown option 'suspned' (= a function); did you mean 'suspend'?",
    ["{suspend = 1}"] = "suspend = 1; expected a function",
  } do
    local message = harness.error_of("require('vmm').start_vm{id = 'a', pfc = " .. value .. "}")
    contains(message, "rom/test.lua:1: start_vm 'a'")
    contains(message, expected)
  end
  contains(harness.error_of("require('vmm').start_vm{pfc = print, ext_caps = {pfc = L4.Env.platform}}"), "ext_caps.pfc")
  contains(harness.error_of("require('vmm').start_vm{ext_caps = {ctl = L4.Env.platform}}"), "ext_caps.ctl")
  contains(harness.error_of("require('vmm').new_pfc(1)"), "rom/test.lua:1: new_pfc: 1 was given where a table of options")
end)

test("a function hears the VM, the event and its argument", function(core)
  local heard = {}
  local vm = script([[local heard = ...; return vmm.start_vm{id = "a", pfc = function(...) heard[#heard + 1] = {...} end}]], heard)
  local uvmm = client(core, "pfc")
  local answer = uvmm.text(label.platform_system_suspend, 5, "a")
  equal(answer.code, 0)
  equal(answer.numbers[1], abi.sleep.NONE)
  equal(uvmm.text(label.platform_system_shutdown, 0, "a").code, 0)
  equal(uvmm.words(label.platform_system_shutdown, 1).code, 0)
  for i, expected in ipairs {"suspend 5", "shutdown false", "shutdown true"} do
    assert(rawequal(heard[i][1], vm))
    equal(heard[i][2] .. " " .. tostring(heard[i][3]), expected)
  end
end)

test("a table has a function for each event; without one nobody minds", function(core)
  local heard = {}
  script([[local heard = ...
    vmm.start_vm{id = "a", pfc = {shutdown = function(vm, reboot) heard[1] = vm.name .. tostring(reboot); return false end}}]], heard)
  local uvmm = client(core, "pfc")
  equal(uvmm.words(label.platform_system_suspend, 0).code, 0)
  equal(heard[1], nil)
  equal(uvmm.words(label.platform_system_shutdown, 1).code, -Error.EPERM)
  equal(heard[1], "atrue")
end)

for _, case in ipairs {
  {"nil", 0, 0, ""},
  {"true", 0, 0, ""},
  {"1", 0, 1, ""},
  {"2", 0, 2, ""},
  {"false", -Error.EPERM, 0, "the script refuses it"},
  {"'not\\nnow'", -Error.EPERM, 0, "not now"},
  {"3", -Error.EIO, 0, "it returned 3; expected true, false, a text"},
  {"{}", -Error.EIO, 0, "it returned a table; expected"},
  {"error('no power')", -Error.EIO, 0, "rom/test.lua:2: no power"},
  {"error('no power', 0)", -Error.EIO, 0, "rom/test.lua:2: no power"},
  {"error({msg = 'odd'})", -Error.EIO, 0, "odd"},
  {"nothing.at.all", -Error.EIO, 0, "rom/test.lua:2: "},
} do
  test("a suspend for which the function returns " .. case[1] .. " is answered so", function(core)
    script("vmm.start_vm{id = 'a', pfc = function() return " .. case[1] .. " end}")
    local answer = client(core, "pfc").words(label.platform_system_suspend, 0)
    equal(answer.code, case[2])
    equal(answer.numbers[1], case[3])
    contains(answer.text, case[4])
    if case[2] == -Error.EIO then
      said(core, "a: pfc: the function for 'suspend' failed: ")
      said(core, case[4])
    end
  end)
end

test("a shutdown's answer has no depth, and tells why not", function(core)
  script "vmm.start_vm{id = 'a', pfc = function() return 'the door is open' end}"
  local answer = client(core, "pfc").words(label.platform_system_shutdown, 0)
  equal(answer.code, -Error.EPERM)
  equal(answer.words, string.pack("<i8i8", -Error.EPERM, 16) .. "the door is open")
end)

test("a function may wait: its caller waits with it, others do not", function(core)
  script [[vmm.start_vm{id = "a", pfc = function(_, event) if event == "suspend" then L4.sleep(5); return "too late" end end}]]
  local uvmm = client(core, "pfc")
  local answer = uvmm.words(label.platform_system_suspend, 0)
  equal(answer.code, nil)
  equal(uvmm.words(label.platform_system_shutdown, 0).code, 0)
  pass(4)
  equal(answer.code, nil)
  pass(2)
  equal(answer.code, -Error.EPERM)
  equal(answer.text, "too late")
end)

test("a second suspend while the script works on the first is refused", function(core)
  script [[vmm.start_vm{id = "a", pfc = function() L4.sleep(5) end}]]
  local uvmm = client(core, "pfc")
  local first = uvmm.words(label.platform_system_suspend, 0)
  local second = uvmm.words(label.platform_system_suspend, 0)
  equal(second.code, -Error.EBUSY)
  contains(second.text, "still works on the suspend before")
  pass(6)
  equal(first.code, 0)
  equal(uvmm.words(label.platform_system_suspend, 0).code, nil)
end)

test("wrong calls are answered by errors and reach no function", function(core)
  script "vmm.start_vm{id = 'a', pfc = function() error('called') end}"
  local uvmm = client(core, "pfc")
  for _, case in ipairs {
    {label.platform_system_suspend, "", Error.EINVAL},
    {label.platform_system_shutdown, "", Error.EINVAL},
    {label.platform_system_shutdown, string.pack("<i8", 2), Error.EINVAL},
    {label.platform_system_shutdown, string.pack("<i8", -1), Error.EINVAL},
    {label.platform_system_suspend, string.pack("<i8i8", 0, 9) .. "12345678", Error.EINVAL},
    {label.platform_system_suspend, string.pack("<i8i8", 0, -1), Error.EINVAL},
    {label.platform_system_suspend, string.pack("<i8i8", 0, 65) .. ("x"):rep(72), Error.EINVAL},
    {0xa03, string.pack("<i8", 0), Error.ENOSYS},
    {0, "", Error.ENOSYS},
    {label.console_write, string.pack("<i8i8", 1, 1), Error.ENOSYS},
    {label.inhibitor_listen, "", Error.ENOSYS},
    {-1, "", Error.ENOSYS},
  } do
    local call = core.call(uvmm.gate, case[1], case[2])
    require("ned.loop").step()
    equal(call.code, -case[3], string.format("label %#x, %d bytes", case[1], #case[2]))
  end
end)

test("no more than sixteen calls wait at a gate; then there is room again", function(core)
  local vmm = require "vmm"
  local shut = 0
  local pfc = vmm.new_pfc{suspend = function() L4.sleep(10) end, shutdown = function() shut = shut + 1 end}
  local flood, calls = client(core, pfc.ref.slot), {}
  for i = 1, 40 do
    calls[i] = flood.words(label.platform_system_suspend, 0)
    equal(calls[i].code, i > 16 and -Error.EBUSY or nil, "call " .. i)
  end
  equal(flood.words(label.platform_system_shutdown, 0).code, -Error.EBUSY)
  equal(shut, 0)
  pass(11)
  for i = 1, 16 do
    equal(calls[i].code, 0)
  end
  equal(require("ned.serve").waiting(), 0)
  equal(flood.words(label.platform_system_shutdown, 0).code, 0)
  equal(shut, 1)
end)

test("many gates together cannot have more than their share wait", function(core)
  local vmm, gates, busy = require "vmm", {}, 0
  for i = 1, 12 do
    gates[i] = vmm.new_pfc{suspend = function() L4.sleep(10) end}
    local flood = client(core, gates[i].ref.slot)
    for _ = 1, 16 do
      busy = busy + (flood.words(label.platform_system_suspend, 0).code and 1 or 0)
    end
  end
  equal(busy, 12 * 16 - 128)
  equal(require("ned.serve").waiting(), 128)
end)

test("new_pfc's functions hear the name that the caller tells, made harmless", function(core)
  local heard = {}
  local pfc = script([[local heard = ...
    return vmm.new_pfc{suspend = function(name, extras) heard[#heard + 1] = tostring(name) .. extras; error("here") end}]], heard)
  local program = client(core, pfc.ref.slot)
  program.text(label.platform_system_suspend, 1, "lx\27[2J")
  program.words(label.platform_system_suspend, 2)
  equal(heard[1], "lx?[2J1")
  equal(heard[2], "nil2")
  said(core, "pfc of lx?[2J: pfc: the function for 'suspend' failed: rom/test.lua:3: here")
  contains(tostring(pfc), "rights rw")
end)

test("new_pfc's gate is served as long as somebody has its capability, and leaves nothing", function(core)
  local slot = script [[local pfc = vmm.new_pfc(function() end); return pfc.ref.slot]]
  collectgarbage()
  collectgarbage()
  equal(core.objects[slot], nil)
  equal(core.count(), 0)
end)

test("a VM that ends leaves no gate, and its calls that wait are dropped", function(core)
  script [[vmm.start_vm{id = "a", mon = false, pfc = function() L4.sleep(5) end}]]
  local answer = client(core, "pfc").words(label.platform_system_suspend, 0)
  ends(core, abi.death.EXIT, 0)
  equal(answer.is_dropped, true)
  pass(6)
  equal(answer.code, nil)
  equal(require("ned.serve").waiting(), 0)
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
end)

test("a VM that the script still has, but that was stopped, holds nothing", function(core)
  local vm = script [[return vmm.start_vm{id = "a", mon = false, pfc = print}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  vm:stop()
  core.drop(uvmm.irq)
  core.drop(uvmm.life)
  collectgarbage()
  collectgarbage()
  equal(core.count(), 0)
  equal(vm:state(), "stopped")
end)

test("a restart in place keeps both gates, and begins with no call and no lock of the one before", function(core)
  local vm = script [[return vmm.start_vm{id = "a", restart = "reset", pfc = function() L4.sleep(5) end}]]
  local pfc, uvmm = client(core, "pfc"), client(core, "ctl")
  uvmm.start()
  local answer = pfc.words(label.platform_system_suspend, 0)
  ends(core, abi.death.EXIT, 102)
  equal(vm:state(), "running")
  equal(answer.is_dropped, true)
  equal(given(core, "pfc"), pfc.gate)
  equal(given(core, "ctl"), uvmm.gate)
  equal(#vm:locks(), 0)
  equal(pfc.words(label.platform_system_suspend, 0).code, nil)
  equal(uvmm.listen(), 0)
end)

-- ---- ctl ----

test("before it listens a uvmm is told so, and one at a time does", function(core)
  script [[vmm.start_vm{id = "a"}]]
  local count = core.count(abi.kind.irq)
  local uvmm = client(core, "ctl")
  for _, operation in ipairs {label.inhibitor_acquire, label.inhibitor_release, label.inhibitor_refuse, label.inhibitor_event,
                              label.inhibitor_lock} do
    equal(uvmm.words(operation, 0).code, -Error.ECANCELED)
  end
  equal(uvmm.words(label.inhibitor_listen).code, -Error.ENOENT)
  core.sent_irqs = {core.new_irq()}
  equal(uvmm.words(label.inhibitor_listen).code, -Error.ENOENT, "without a sign of life")
  core.no_watch = true
  equal(uvmm.listen(), -Error.ENOMEM)
  core.no_watch = false
  equal(core.count(abi.kind.irq), count + 3, "nothing is kept of clients that were refused")
  local dropped = core.dropped_arrived
  equal(uvmm.listen(), 0)
  equal(core.dropped_arrived, dropped + 1, "what came along is let go before the script goes on")
  equal(uvmm.listen(), -Error.EBUSY)
  equal(uvmm.event(), -Error.EAGAIN)
end)

test("wrong calls at ctl are answered by errors", function(core)
  script [[vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  for _, operation in ipairs {label.inhibitor_acquire, label.inhibitor_release, label.inhibitor_refuse} do
    equal(uvmm.words(operation).code, -Error.EINVAL)
    equal(uvmm.words(operation, 3).code, -Error.EINVAL)
    equal(uvmm.words(operation, -1).code, -Error.EINVAL)
  end
  equal(uvmm.text(label.inhibitor_acquire, WAKEUP, ("x"):rep(81)).code, -Error.EINVAL)
  equal(uvmm.words(label.inhibitor_refuse, SUSPEND, 8).code, -Error.EINVAL)
  equal(uvmm.words(label.inhibitor_lock).code, -Error.EINVAL)
  equal(uvmm.words(0xe07).code, -Error.ENOSYS)
  equal(uvmm.words(label.platform_system_suspend, 0).code, -Error.ENOSYS)
end)

test("the locks say whether a VM sleeps", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  equal(vm:state(), "running")
  equal(tostring(vm:locks()), "none")
  uvmm.start()
  equal(vm:state(), "running")
  equal(tostring(vm:locks()), "suspend (vm running), shutdown (vm running)")
  equal(uvmm.words(label.inhibitor_release, SUSPEND).code, 0)
  equal(vm:state(), "suspended")
  equal(tostring(vm), "VM 'a' (suspended)")
  equal(vm:locks()[1].lock .. vm:locks()[1].reason, "shutdownvm running")
  equal(uvmm.words(label.inhibitor_acquire, SUSPEND).code, 0)
  equal(vm:state(), "running")
  -- At its end both locks go.
  equal(uvmm.words(label.inhibitor_release, SHUTDOWN).code, 0)
  equal(uvmm.words(label.inhibitor_release, SUSPEND).code, 0)
  equal(vm:state(), "running")
  ends(core, abi.death.EXIT, 0)
  equal(vm:state(), "stopped")
  equal(tostring(vm:locks()), "none")
end)

test("a client that listens runs until it has told what it holds", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  equal(uvmm.listen(), 0)
  equal(uvmm.text(label.inhibitor_acquire, SHUTDOWN, "vm asleep").code, 0)
  equal(vm:state(), "running")
  equal(uvmm.event(), -Error.EAGAIN)
  equal(vm:state(), "suspended")
end)

test("every client may ask who holds what", function(core)
  script [[vmm.start_vm{id = "a"}]]
  local first = client(core, "ctl")
  first.start()
  script [[vmm.start_vm{id = "b"}]]
  local second = client(core, "ctl")
  second.start()
  equal(second.text(label.inhibitor_acquire, WAKEUP, "-W").code, 0)
  for i, expected in ipairs {"0 a: vm running", "1 a: vm running", "0 b: vm running", "1 b: vm running", "2 b: -W"} do
    local call = first.words(label.inhibitor_lock, i - 1)
    equal(call.numbers[1] .. " " .. call.text, expected)
  end
  equal(first.words(label.inhibitor_lock, 5).code, -Error.ERANGE)
  equal(first.words(label.inhibitor_lock, -1).code, -Error.ERANGE)
end)

test("suspend asks by an event and comes back when the VM sleeps; resume when it runs", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  local asked = start(vm, "suspend")
  equal(core.triggered, uvmm.irq)
  equal(uvmm.event(), event.SUSPEND .. " 0")
  equal(uvmm.event(), -Error.EAGAIN)
  equal(asked.ok, nil)
  uvmm.words(label.inhibitor_release, SUSPEND)
  pass(0)
  equal(asked.value, "suspended")
  equal(start(vm, "suspend").value, "suspended", "it sleeps already")
  core.triggered = nil
  asked = start(vm, "resume")
  equal(core.triggered, uvmm.irq)
  equal(uvmm.event(), event.RESUME .. " 0")
  equal(asked.ok, nil)
  uvmm.words(label.inhibitor_acquire, SUSPEND)
  pass(0)
  equal(asked.value, "running")
  equal(start(vm, "resume").value, "running", "it runs already")
  equal(uvmm.event(), -Error.EAGAIN)
end)

test("a VM that slept and woke up at once has slept", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  local asked = start(vm, "suspend")
  core.call(uvmm.gate, label.inhibitor_release, string.pack("<i8", SUSPEND))
  core.call(uvmm.gate, label.inhibitor_acquire, string.pack("<i8", SUSPEND))
  pass(0)
  equal(asked.ok, true)
  equal(vm:state(), "running")
end)

test("what cannot be done is told with the reason", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  local asked = start(vm, "suspend")
  equal(uvmm.event(), event.SUSPEND .. " 0")
  uvmm.text(label.inhibitor_refuse, SUSPEND, "its guest has no key to be asked by")
  pass(0)
  equal(asked.ok, false)
  contains(asked.value, "a:suspend(): its guest has no key to be asked by")
  -- That was for once.
  asked = start(vm, "suspend", "2s")
  equal(uvmm.event(), event.SUSPEND .. " 0")
  pass(3)
  contains(asked.value, "a:suspend(): its guest did not go to sleep within 2 s")
  asked = start(vm, "poweroff", 1)
  pass(2)
  contains(asked.value, "a:poweroff(): its guest did not power off within 1 s; its uvmm did not take the request")
  equal(uvmm.event(), -Error.EAGAIN, "the request is withdrawn")
  asked = start(vm, "poweroff")
  equal(uvmm.event(), event.SHUTDOWN .. " 0")
  uvmm.text(label.inhibitor_refuse, SHUTDOWN, "")
  pass(0)
  contains(asked.value, "a:poweroff(): it does not say why")
  equal(vm:state(), "running")
  for _, limit in ipairs {"soon", -1, {}, 1e9} do
    contains(start(vm, "suspend", limit).value, "a:suspend(): limit = ")
  end
end)

test("suspend waits for the function that hears of it, and tells its refusal", function(core)
  local vm = script [[local answers = {"not now", true}
    return vmm.start_vm{id = "a", pfc = {suspend = function() L4.sleep(2); return table.remove(answers, 1) end}}]]
  local uvmm, pfc = client(core, "ctl"), client(core, "pfc")
  uvmm.start()
  local asked = start(vm, "suspend")
  uvmm.words(label.inhibitor_release, SUSPEND)
  local call = pfc.words(label.platform_system_suspend, 0)
  equal(asked.ok, nil)
  equal(vm:state(), "running", "it is not settled yet")
  pass(3)
  equal(call.code, -Error.EPERM)
  contains(asked.value, "a:suspend(): its pfc refuses: not now")
  uvmm.words(label.inhibitor_acquire, SUSPEND)
  asked = start(vm, "suspend")
  uvmm.words(label.inhibitor_release, SUSPEND)
  pfc.words(label.platform_system_suspend, 0)
  equal(asked.ok, nil)
  pass(3)
  equal(asked.value, "suspended")
  -- One that wakes up before its function has heard of it.
  uvmm.words(label.inhibitor_acquire, SUSPEND)
  asked = start(vm, "suspend")
  uvmm.words(label.inhibitor_release, SUSPEND)
  pass(0)
  equal(asked.ok, nil)
  uvmm.words(label.inhibitor_acquire, SUSPEND)
  pass(0)
  equal(asked.value, "running")
end)

test("a uvmm that only starts is waited for, and one that never listens is told", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  local asked = start(vm, "suspend", 10)
  pass(1)
  uvmm.start()
  pass(0)
  equal(uvmm.event(), event.SUSPEND .. " 0")
  uvmm.words(label.inhibitor_release, SUSPEND)
  pass(0)
  equal(asked.value, "suspended")
  vm:restart()
  asked = start(vm, "resume", 10)
  pass(11)
  contains(asked.value, "a:resume(): its uvmm did not ask for events within 10 s")
end)

test("poweroff comes back with the VM's end, and its restart policy goes on from there", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  local asked = start(vm, "poweroff")
  equal(uvmm.event(), event.SHUTDOWN .. " 0")
  ends(core, abi.death.EXIT, 0)
  pass(0)
  equal(asked.value, "stopped")
  vm = script [[return vmm.start_vm{id = "b", restart = "always"}]]
  uvmm = client(core, "ctl")
  uvmm.start()
  asked = start(vm, "poweroff")
  ends(core, abi.death.EXIT, 0)
  pass(0)
  equal(asked.value, "running")
  equal(vm.restarts, 1)
end)

test("a VM that ends while it is asked to sleep, or sleeps, has ended", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  local asked = start(vm, "suspend")
  vm:stop()
  pass(0)
  contains(asked.value, "a:suspend(): it ended instead (stopped)")
  equal(vm:state(), "stopped")
  contains(start(vm, "suspend").value, "a:suspend(): it does not run: it is stopped")
  contains(start(vm, "resume").value, "a:resume(): it does not run: it is stopped")
  contains(start(vm, "poweroff").value, "a:poweroff(): it does not run: it is stopped")
  -- And from sleep, by the script and by a crash.
  vm:restart()
  uvmm = client(core, "ctl")
  uvmm.start()
  uvmm.words(label.inhibitor_release, SUSPEND)
  equal(vm:state(), "suspended")
  vm:restart()
  equal(vm:state(), "running")
  equal(uvmm.listen(), 0)
  uvmm.words(label.inhibitor_acquire, SUSPEND)
  uvmm.words(label.inhibitor_acquire, SHUTDOWN)
  uvmm.words(label.inhibitor_release, SUSPEND)
  equal(vm:state(), "suspended")
  ends(core, abi.death.FAULT, 0)
  equal(vm:state(), "failed")
end)

test("what a uvmm that died had told is forgotten, and nothing of it is left", function(core)
  script [[
    local vm = vmm.start_vm{id = "a", mon = false, restart = "always"}]]
  local uvmm = client(core, "ctl")
  local count = core.count()
  for _ = 1, 5 do
    uvmm.start()
    uvmm.words(label.inhibitor_release, SUSPEND)
    ends(core, abi.death.EXIT, 0)
    core.drop(uvmm.irq)
    core.drop(uvmm.life)
    equal(core.count(), count)
  end
end)

test("a client whose irq dies is none any more", function(core)
  local vm = script [[return vmm.start_vm{id = "a"}]]
  local uvmm = client(core, "ctl")
  uvmm.start()
  table.insert(core.pending, core.watched[uvmm.life])
  require("ned.loop").step()
  equal(#vm:locks(), 0)
  equal(uvmm.words(label.inhibitor_event).code, -Error.ECANCELED)
  equal(uvmm.listen(), 0)
end)

-- ---- the machine, from a script ----

-- vm and method as for start(): a gate and one of its methods.
local function answered(core, ...)
  local loop = require "ned.loop"
  core.platform_answered(...)
  while #core.pending > 0 do
    loop.step()
  end
  pass(0)
end

test("a script suspends the machine and turns it off at a gate, while ned goes on", function(core)
  local gate = script [[return L4.default_loader:new_channel()]]
  local asked = start(gate, "system_suspend")
  local slot = gate.ref.slot
  local recorded = core.recorded("platform_call")[1]
  equal(table.concat({recorded[2], recorded[3], recorded[4], recorded[5]}, " "),
        table.concat({slot, label.platform_system_suspend, 0, 120}, " "))
  contains(start(gate, "system_suspend").value, "gate (gate, rights rws): suspend: the call before it has no answer yet")
  pass(100)
  equal(asked.ok, nil)
  answered(core, 2)
  equal(asked.value, 2)
  asked = start(gate, "system_suspend", 7, "3s")
  answered(core, nil, Error.ECANCELED, "vm1 did not sleep")
  contains(asked.value, "suspend: vm1 did not sleep")
  asked = start(gate, "system_shutdown", true)
  answered(core, nil, Error.ETIMEDOUT, "")
  contains(asked.value, "shutdown: the deadline passed (ETIMEDOUT)")
  for i, expected in ipairs {"0 120", "7 3", "1 120"} do
    recorded = core.recorded("platform_call")[i]
    equal(recorded[4] .. " " .. recorded[5], expected)
  end
  asked = start(gate, "system_shutdown", 0)
  answered(core, 0)
  equal(asked.ok, true)
  contains(start(gate, "system_suspend", 0, "soon").value, "suspend: limit = \"soon\"; expected a time")
  contains(start(gate, "system_suspend", "x").value, "extras = \"x\"; expected a whole number")
end)

test("who was broken off while the machine was asked is not in the way of the next", function(core)
  local gate = script [[return L4.default_loader:new_channel()]]
  local loop = require "ned.loop"
  local co = loop.spawn(function()
    pcall(gate.system_suspend, gate)
  end)
  assert(loop.cancel(co, "interrupted"))
  contains(start(gate, "system_suspend").value, "no answer yet")
  answered(core, 1)
  local asked = start(gate, "system_suspend")
  answered(core, 2)
  equal(asked.value, 2)
end)

-- ---- anything may come ----

test("random calls neither break ned nor leave anything", function(core)
  local random = math.random
  local vm = script [[return vmm.start_vm{id = "a", mon = false, pfc = function(_, event) if event == "suspend" then L4.msleep(1) end end}]]
  local labels = {}
  for _, number in pairs(label) do
    labels[#labels + 1] = number
  end
  table.sort(labels)
  math.randomseed(1)
  local gates, answered, count = {client(core, "pfc").gate, client(core, "ctl").gate}, 0, core.count()
  for _ = 1, 20000 do
    local operation = random(3) > 1 and random(0xe01, 0xe06) or random(4) > 1 and random(0xa01, 0xa02) or labels[random(#labels)]
    local words = {}
    for i = 1, random(0, random(0, 62)) do
      words[i] = string.pack("<i8", ({random(0, 3), random(0, 90), -1, random(0)})[random(4)])
    end
    core.sent_irqs = {}
    for i = 1, random(0, 2) do
      core.sent_irqs[i] = core.new_irq()
    end
    local call = core.call(gates[random(2)], operation, table.concat(words))
    while #core.pending > 0 do
      require("ned.loop").step()
    end
    for _, irq in ipairs(core.sent_irqs) do
      core.drop(irq)
    end
    answered = answered + (call.code and 1 or 0)
    if random(100) == 1 then
      pass(1)
      vm:restart()
      core.said, core.calls = {}, {core.recorded("load")[#core.recorded("load")]}
    end
  end
  pass(1)
  assert(answered > 15000, answered)
  equal(require("ned.serve").waiting(), 0)
  vm:restart()
  equal(core.count(), count)
end)

harness.finish()
