-- Two Linux guests that have the machine's own power, through io: what the first wants of its power is the machine's, after the
-- second was asked by its keys. In the first, `echo mem > /sys/power/state` puts the machine to sleep, and what is typed wakes it; `poweroff -f` turns it off.
-- At the prompt of ned (Ctrl-E 1), io.pfc:system_suspend() asks both.
local vmm = require "vmm"

L4.start_cons{connect = "vm1"}

local bus = {one = {}, two = {}}               -- a bus without devices makes a VM one that is asked
io = vmm.start_io{busses = bus, power = {suspend_limit = "1m", shutdown_limit = "1m"}}

vmm.start_vm{id = 1, mem = 60, vbus = bus.one, pfc = io.pfc, ext_args = {"-W"}}
vmm.start_vm{id = 2, mem = 60, vbus = bus.two, ext_args = {"-W"}}
