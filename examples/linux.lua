-- One Linux guest with everything said that can be said; docs/ned.md has the list.
local vmm = require "vmm"

local vm = vmm.start_vm{
  id = "linux",                                -- its name in messages
  mem = 256,                                   -- MiB
  kernel = "rom/Image",
  rd = "rom/initrd",
  bootargs = "console=ttyAMA0 panic=1 reboot=panic_warm",  -- a panic is told apart from a reboot
  vcpus = 2,                                   -- without it as many as the machine has CPUs
  log = {"linux", "green"},                    -- marks uvmm's own lines
  prio = 20,                                   -- 1 is lowest; programs without it have 16
  restart = {on = {"reset", "crash"}, max = 3, backoff = "1s"},
}

local code, reason, state = vm:wait()          -- others would go on meanwhile
print("linux is over: " .. state)
