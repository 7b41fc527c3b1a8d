-- Starts the program that times what the hypervisor does for programs, then turns the machine off.
local L4 = require "L4"
L4.default_loader:startv({log = {"ops"}}, "rom/opbench"):wait()
L4.Env.platform:system_shutdown()
