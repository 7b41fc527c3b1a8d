-- What happens when the last VM has ended for good: the script's word on it, and turning the machine off.
local ends = require "ned.ends"
local environment = require "ned.environment"
local loop = require "ned.loop"
local report = require "ned.report"
local tasks = require "ned.tasks"

local last = {action = false} -- "off", "reboot", a function or false

local is_done = false

-- Turn the machine off, or restart it.
function last.shut_down(reboot)
  if not environment.platform then
    report.say("the machine cannot be turned off: ned has no capability 'platform'")
    return
  end
  local ok, message = pcall(environment.platform.system_shutdown, environment.platform, reboot)
  if not ok then
    report.say("%s", message)
  end
end

-- Called again and again once the script is through: acts once each time that the last VM has ended.
function last.look()
  if not tasks.all_ended(ends.vm) then
    is_done = false
  elseif last.action and not is_done then
    is_done = true
    report.say("all VMs have ended")
    if type(last.action) == "function" then
      loop.spawn(last.action)
    else
      last.shut_down(last.action == "reboot")
    end
  end
end

return last
