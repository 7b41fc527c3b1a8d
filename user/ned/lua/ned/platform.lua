-- Platform control at gates, such as io.pfc: system_suspend and system_shutdown as methods. Whoever serves it may ask
-- others first, so ned goes on meanwhile; one call at a time.
local abi = require "abi"
local caps = require "ned.caps"
local core = require "core"
local environment = require "ned.environment"
local loop = require "ned.loop"
local report = require "ned.report"
local restart = require "ned.restart"

local PATIENCE = 120 -- seconds; they do not pass while the machine sleeps

local badge   -- of the irq that says that there is an answer
local current -- the call that waits for it; whoever made it may have been broken off

-- The depth; or nil and a sentence.
local function call(self, label, argument, limit)
  badge = badge or loop.add_handler(function()
    current.depth, current.code, current.why = core.platform_answer()
    current.is_answered, current = true, nil
  end)
  local ok, code = core.platform_call(self.ref.slot, label, argument, limit, environment.factory.ref.slot, badge)
  if not ok then
    return nil, code == abi.Error.EBUSY and "the call before it has no answer yet" or report.error_text(code)
  end
  local mine = {}
  current = mine
  loop.wait(function()
    return mine.is_answered
  end)
  if mine.depth then
    return mine.depth
  end
  return nil, mine.why and mine.why ~= "" and mine.why or report.error_text(mine.code)
end

local function ask(self, what, label, argument, limit)
  local seconds = restart.seconds(limit == nil and PATIENCE or limit)
  if not seconds then
    report.fail("%s: %s: limit = %s; expected a time like \"10s\" or a number of seconds, at most a day", tostring(self), what,
                report.value(limit))
  end
  core.console_flush()
  local depth, why = call(self, label, argument, seconds)
  if not depth then
    report.fail("%s: %s: %s", tostring(self), what, why)
  end
  return depth
end

local gate = caps.methods_of(abi.kind.gate)

-- Comes back when the machine is awake again, with how deep it slept (abi: sleep).
function gate.system_suspend(self, extras, limit)
  if extras ~= nil and math.type(extras) ~= "integer" then
    report.fail("%s: suspend: extras = %s; expected a whole number", tostring(self), report.value(extras))
  end
  return ask(self, "suspend", abi.label.platform_system_suspend, extras or 0, limit)
end

function gate.system_shutdown(self, reboot, limit)
  ask(self, "shutdown", abi.label.platform_system_shutdown, reboot ~= nil and reboot ~= false and reboot ~= 0 and 1 or 0, limit)
end
