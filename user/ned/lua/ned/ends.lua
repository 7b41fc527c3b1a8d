-- How things end: one word for each way, made of what the hypervisor says (reason, code). The words are what scripts
-- compare, what option `restart` takes, and what ned's lines say.
local abi = require "abi"

local ends = {}

-- Exit codes of uvmm: enum in user/uvmm/host/host.h.
local word_of_uvmm = {
  [0] = "off", [1] = "error", [2] = "guest-fault", [3] = "panic", [4] = "halted", [5] = "cpus-off", [102] = "reset",
}

local vm_texts = {
  off = "the guest turned it off",
  reset = "the guest asked for a restart",
  panic = "the guest's kernel panicked",
  halted = "halted: all CPUs of the guest are in loops that nothing can end",
  ["guest-fault"] = "the guest did what it cannot go on after",
  ["cpus-off"] = "the guest turned its last CPU off",
  error = "its uvmm gave up",
  fault = "its uvmm died of a fault",
  killed = "its uvmm was killed from outside",
  stopped = "stopped by the script",
}

local program_texts = {
  done = "ended",
  error = "ended",
  fault = "died of a fault",
  killed = "was killed",
  stopped = "was stopped",
}

-- The reason as task:reason() tells it.
function ends.reason(number)
  if number == abi.death.EXIT then
    return "exit"
  elseif number == abi.death.FAULT then
    return "fault"
  end
  return "killed"
end

local function details(status)
  if status.reason == "exit" then
    return "exit code " .. status.code
  elseif status.reason == "fault" then
    return string.format("pc %#x, address %#x, esr %#x", status.pc, status.far, status.code)
  end
  return nil
end

-- Two kinds of what ends: `word_of(reason, code)`; `line(name, word, status)` is ned's sentence; `crash`: the words that
-- the group "crash" of option `restart` stands for; `asked`: ends that the thing itself asked for.
ends.vm = {
  what = "VM",
  words = vm_texts,
  crash = {panic = true, halted = true, ["guest-fault"] = true, fault = true, error = true, killed = true},
  asked = {off = true, reset = true, ["cpus-off"] = true},
  state_of = {off = "stopped", stopped = "stopped", ["cpus-off"] = "stopped", reset = "reset"}, -- else "failed"
  word_of = function(reason, code)
    return reason == "exit" and (word_of_uvmm[code] or "error") or reason
  end,
  line = function(name, word, status)
    local more = details(status)
    return string.format("%s ended: %s (%s%s)", name, vm_texts[word], word, more and ", " .. more or "")
  end,
}

ends.program = {
  what = "program",
  words = program_texts,
  crash = {error = true, fault = true, killed = true},
  asked = {done = true},
  word_of = function(reason, code)
    return reason == "exit" and (code == 0 and "done" or "error") or reason
  end,
  line = function(name, word, status)
    local more = details(status)
    if status.reason == "exit" then
      return string.format("%s ended with %s", name, more)
    end
    return string.format("%s %s%s", name, program_texts[word], more and ": " .. more or "")
  end,
}

return ends
