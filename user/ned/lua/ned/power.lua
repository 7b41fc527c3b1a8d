-- A VM's sleep as scripts see it: its platform control, its `ctl`, and the methods for both.
local ctl = require "ned.ctl"
local pfc = require "ned.pfc"
local report = require "ned.report"
local caps = require "ned.caps"
local abi = require "abi"
local serve = require "ned.serve"

local power = {}

-- What its uvmm is given from its first start to its end for good: {caps = {ctl =, pfc =}}.
function power.open(vm, option)
  local self = {ctl = ctl.open(vm.name), caps = {}}
  self.caps.ctl = self.ctl.gate
  if caps.is_handle(option) then
    -- Whoever serves it, the VM does not.
    self.caps.pfc = option:m(option:m() & ~abi.Rights.s)
  elseif option then
    local ok, made = pcall(pfc.of_vm, vm, option)
    if not ok then
      ctl.close(self.ctl)
      error(made, 0)
    end
    self.caps.pfc, self.pfc = made.gate, made
  end
  return self
end

-- Its uvmm is dead; perhaps another comes.
function power.stopped(self)
  ctl.stopped(self.ctl)
  if self.pfc then
    serve.drop_calls(self.pfc.record)
  end
end

function power.close(self)
  ctl.close(self.ctl)
  self.caps = {}
  if self.pfc then
    serve.close(self.pfc.record)
    self.pfc = nil
  end
end

-- Not while its own power manager thinks about it.
function power.is_asleep(self)
  return ctl.is_asleep(self.ctl) and not (self.pfc and pfc.is_asked(self.pfc))
end

-- For ctl.suspend: whether a function of the script has decided on a suspend after now, and what is wrong then.
local function decision_of(self)
  local made = self.pfc
  local before = made and pfc.decision(made)
  return function()
    return not made or pfc.decision(made) ~= before
  end, function()
    local count, refusal = 0, nil
    if made then
      count, refusal = pfc.decision(made)
    end
    return count ~= before and refusal or nil
  end
end

local function what_of(vm, method)
  local what = vm.name .. ":" .. method .. "()"
  if vm.task:state() ~= "running" then
    report.fail("%s: it does not run: it is %s", what, vm:state())
  end
  return what
end

-- Methods of VMs.
function power.add_methods(methods)
  -- Ask its guest to sleep, and wait until it does, at most `limit` (a minute). An error says why it does not.
  function methods.suspend(self, limit)
    local what = what_of(self, "suspend")
    local is_decided, refusal = decision_of(self.power)
    if not ctl.suspend(self.power.ctl, what, limit, is_decided) then
      report.fail("%s: it ended instead (%s)", what, self:reason() or "and runs again")
    elseif refusal() then
      report.fail("%s: its pfc refuses: %s", what, refusal())
    end
    return self:state()
  end

  -- Wake it up, and wait until it runs.
  function methods.resume(self, limit)
    local what = what_of(self, "resume")
    if not ctl.resume(self.power.ctl, what, limit) then
      report.fail("%s: it ended instead (%s)", what, self:reason() or "and runs again")
    end
    return self:state()
  end

  -- Ask its guest to power off, and wait until it has. What follows is its restart policy's, as after any end.
  function methods.poweroff(self, limit)
    ctl.power_off(self.power.ctl, what_of(self, "poweroff"), limit)
    return self:state()
  end

  -- What it holds: {{lock = "suspend", reason = "..."}, ...}; that of "suspend" says that it runs.
  function methods.locks(self)
    return ctl.locks(self.power.ctl)
  end
end

return power
