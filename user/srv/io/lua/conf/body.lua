-- Bodies of the configuration language: Io.Vi.System_bus(function() ... end). Inside, assigning to a name that was not
-- there makes a child or a property; everything else is read as outside.
local report = require "ned.report"

local body = {}

-- The number of the function's upvalue _ENV, or nil: it uses no global.
local function find_environment(fn)
  for i = 1, 255 do
    local name = debug.getupvalue(fn, i)
    if name == nil or name == "_ENV" then
      return name and i
    end
  end
end

-- A table for Property.x = ... and Resource.x = ...: fn(key, value) is called for each assignment.
function body.sink(what, fn)
  return setmetatable({}, {
    __index = function(_, key)
      report.fail("%s.%s was not set", what, tostring(key))
    end,
    __newindex = function(_, key, value)
      fn(key, value)
    end,
  })
end

-- Run the body. special: names that mean something else inside; assign(name, value) gets all other assignments.
function body.run(what, fn, special, assign)
  if type(fn) ~= "function" then
    report.fail("%s(%s); expected a function, like %s(function() ... end)", what, report.value(fn), what)
  end
  local index = find_environment(fn)
  if not index then
    return -- it says nothing
  end
  local _, outside = debug.getupvalue(fn, index)
  local set = {}
  local environment = setmetatable({}, {
    __index = function(_, key)
      if special[key] ~= nil then
        return special[key]
      elseif set[key] ~= nil then
        return set[key]
      end
      return outside[key]
    end,
    __newindex = function(_, key, value)
      assign(key, value)
      set[key] = value
    end,
  })
  -- The chunk keeps its own.
  debug.upvaluejoin(fn, index, function()
    return environment
  end, 1)
  fn()
end

return body
