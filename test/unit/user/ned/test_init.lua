-- Tests of ned's main module: options, scripts, errors, the end.
local harness = require "harness"
local test, equal, contains = harness.test, harness.equal, harness.contains

-- Run ned with these arguments until it has nothing left to do; its lines come back.
local function ned(core, files, ...)
  for name, text in pairs(files) do
    core.rom[name] = text
  end
  setmetatable(_G, nil)
  package.preload.vmm = assert(loadfile("user/ned/lua/vmm.lua"))
  -- init leaves only the ROM to look in; these are not loaded yet.
  for _, name in ipairs {"busses", "ctl", "pfc", "platform", "power", "serve"} do
    package.preload["ned." .. name] = assert(loadfile("user/ned/lua/ned/" .. name .. ".lua"))
  end
  local saved = {path = package.path, cpath = package.cpath, os = os}
  local ok, message = pcall(require "ned.init", {...})
  package.path, package.cpath = saved.path, saved.cpath
  rawset(_G, "os", saved.os)
  setmetatable(_G, nil)
  assert(not ok and tostring(message):find("the test waits for ever"), message)
  return table.concat(core.said, "\n")
end

test("the first argument is the script, the others are its arg", function(core)
  local said = ned(core, {["a.lua"] = [[
    require("core").say(arg[0] .. " " .. arg[1] .. " " .. (...))
  ]]}, "rom/a.lua", "x")
  equal(said, "rom/a.lua\nrom/a.lua x x\nthe script is through and started nothing")
end)

test("without arguments the script is rom/ned.lua", function(core)
  contains(ned(core, {["ned.lua"] = ""}), "rom/ned.lua\nthe script is through")
end)

test("--execute runs statements before the script", function(core)
  local said = ned(core, {["a.lua"] = [[require("core").say("v " .. v)]]}, "-e", "v = 5", "rom/a.lua")
  contains(said, "v 5")
end)

test("an unknown option is told with the nearest", function(core)
  contains(ned(core, {}, "--wait-and-exti"), "unknown option '--wait-and-exti'; did you mean '--wait-and-exit'?")
end)

test("a missing script is told with the nearest", function(core)
  contains(ned(core, {["first-light.lua"] = ""}, "rom/first-ligth.lua"),
           "error: rom/first-ligth.lua: the ROM has no such file; did you mean 'rom/first-light.lua'?\nnothing had been started")
end)

test("a syntax error names file and line", function(core)
  contains(ned(core, {["a.lua"] = "\nlocal x = = 1"}, "rom/a.lua"), "error: rom/a.lua:2: unexpected symbol near '='")
end)

test("'::' as the user guide prints it is explained", function(core)
  local said = ned(core, {["a.lua"] = [[
local ramds = 1
L4.default_loader::startv({caps = {ram = ramds}}, "rom/uvmm")]]}, "rom/a.lua")
  contains(said, "rom/a.lua:2:")
  contains(said, "write ':' to call a method, L4.default_loader:startv(...); Lua reads '::' as a label")
end)

test("a script that fails says what runs", function(core)
  local said = ned(core, {["a.lua"] = [[
    L4.default_loader:start({}, "rom/uvmm")
    local vmm = require "vmm"
    vmm.start_vm{mem_algin = 1}
  ]]}, "rom/a.lua")
  contains(said, "error: rom/a.lua:3: start_vm: unknown option 'mem_algin'")
  contains(said, "still running: uvmm")
end)

test("an undefined global is an error with a suggestion", function(core)
  contains(ned(core, {["a.lua"] = "L4.sleep(tonumbr(1))"}, "rom/a.lua"), "global 'tonumbr' is not defined; did you mean 'tonumber'?")
end)

test("an undefined global that looks like a module is one too", function(core)
  contains(ned(core, {["a.lua"] = "L5.sleep(1)"}, "rom/a.lua"), "global 'L5' is not defined; did you mean 'L4'?")
end)

test("scripts may set globals and sleep", function(core)
  local said = ned(core, {["a.lua"] = [[
    started = L4.Info.arch()
    L4.msleep(500)
    require("core").say(started .. " " .. os.clock())
  ]]}, "rom/a.lua")
  contains(said, "arm64 0.5")
end)

test("the end of everything is told once", function(core)
  local said = ned(core, {["a.lua"] = [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    require("core").end_task(t.slot, 1, 0)
  ]]}, "rom/a.lua")
  equal(said, "rom/a.lua\nuvmm: started rom/uvmm\nuvmm ended with exit code 0\nthe script is through and everything it started has ended")
end)

test("--wait-and-exit turns the machine off when everything has ended", function(core)
  ned(core, {["a.lua"] = [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    require("core").end_task(t.slot, 1, 0)
  ]]}, "--wait-and-exit", "rom/a.lua")
  equal(#core.recorded("shutdown"), 1)
end)

test("--exit turns it off as soon as the script is through", function(core)
  ned(core, {["a.lua"] = [[L4.default_loader:start({}, "rom/uvmm")]]}, "--exit", "rom/a.lua")
  equal(#core.recorded("shutdown"), 1)
end)

test("a coroutine that fails later is told as well", function(core)
  local said = ned(core, {["a.lua"] = [[
    local t = L4.default_loader:start({}, "rom/uvmm")
    t:exit_handler(function(code)
      error("handler " .. code)
    end)
    require("core").end_task(t.slot, 1, 4)
  ]]}, "rom/a.lua")
  contains(said, "error: rom/a.lua:3: handler 4\nall that had been started has ended")
end)

for name, programs in pairs {["first-light.lua"] = 1, ["linux.lua"] = 1, ["two-guests.lua"] = 3} do
  test("example " .. name .. " starts what it says", function(core)
    core.memory = {quota = 1 << 30, used = 0, machine_free = 1 << 30, largest_free = 1 << 30}
    local file = assert(io.open("examples/" .. name))
    local text = file:read("a")
    file:close()
    local said = ned(core, {[name] = text}, "rom/" .. name)
    assert(not said:find("error:"), said)
    equal(#core.recorded("start"), programs)
  end)
end

harness.finish()
