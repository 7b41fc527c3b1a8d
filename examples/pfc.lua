-- A power manager in the script: it hears when the guest sleeps, powers off or reboots, and may say no.
-- In the guest this sleeps for ten seconds: echo +10 > /sys/class/rtc/rtc0/wakealarm; echo mem > /sys/power/state
-- A script, or the prompt of ned, has vm:suspend(), vm:resume() and vm:poweroff().
local vmm = require "vmm"

local MOST = 10                                -- so often it may sleep
local sleeps = 0

vmm.start_vm{
  id = "linux",
  mem = 128,
  bootargs = "console=ttyAMA0 quiet",
  restart = {on = {"reset", "crash"}, max = 5, within = "1m", backoff = "1s"},
  pfc = {
    suspend = function(vm)
      if sleeps == MOST then
        return vm.name .. " has slept enough"  -- the guest's suspend fails, and its uvmm tells why
      end
      sleeps = sleeps + 1
      print(vm.name .. " sleeps, for the " .. sleeps .. ". time")
    end,
    shutdown = function(vm, reboot)
      print(vm.name .. (reboot and " restarts" or " powers off"))
    end,
  },
}
