-- Tests of ned's Lua modules under the host's Lua: TAP on stdout, fresh modules for each test, no stray globals.
local harness = {}

local ours = {"^ned%.", "^L4$", "^vmm$", "^core$"}
local failed, count = 0, 0

-- A global that a module of ned sets or reads without being allowed to is an error.
local function guard_globals()
  setmetatable(_G, {
    __newindex = function(_, key)
      error("stray global '" .. tostring(key) .. "' is set", 2)
    end,
    __index = function(_, key)
      error("stray global '" .. tostring(key) .. "' is read", 2)
    end,
  })
end

local function fresh_modules()
  for name in pairs(package.loaded) do
    for _, pattern in ipairs(ours) do
      if name:find(pattern) then
        package.loaded[name] = nil
      end
    end
  end
end

-- A script as a user writes it, compiled under a name of its own so that messages can be compared.
function harness.script(text, ...)
  local chunk = assert(load(text, "@rom/test.lua", "t"))
  return chunk(...)
end

-- The message with which a script fails; an error of the test when it does not.
function harness.error_of(text)
  local chunk = assert(load(text, "@rom/test.lua", "t"))
  local ok, message = pcall(chunk)
  assert(not ok, "the script was expected to fail")
  return message
end

function harness.equal(got, expected, what)
  if got ~= expected then
    error(string.format("%sgot %s, expected %s", what and what .. ": " or "", tostring(got), tostring(expected)), 2)
  end
end

function harness.contains(text, part)
  if not tostring(text):find(part, 1, true) then
    error(string.format("%q does not contain %q", tostring(text), part), 2)
  end
end

-- test("a sentence", function) runs at once.
function harness.test(name, fn)
  count = count + 1
  fresh_modules()
  setmetatable(_G, nil)
  rawset(_G, "L4", nil)
  rawset(_G, "arg", nil)
  guard_globals()
  local core = require "core"
  rawset(_G, "L4", require "L4")
  local ok, message = xpcall(fn, debug.traceback, core)
  if ok then
    print("ok " .. count .. " - " .. name)
  else
    failed = failed + 1
    print("not ok " .. count .. " - " .. name .. "\n# " .. tostring(message):gsub("\n", "\n# "))
  end
end

function harness.finish()
  setmetatable(_G, nil)
  print("1.." .. count)
  os.exit(failed == 0)
end

return harness
