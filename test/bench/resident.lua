-- Says how much memory is left while a VM of 256 MiB runs, then turns the machine off.
local L4 = require "L4"
local ram = L4.Env.factory:create(L4.Proto.Dataspace, 256 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ram:m("rw")}, log = {"vm"}}, "rom/uvmm", "-k", "rom/guest")
L4.sleep(0.3)
print("free " .. L4.Env.factory:info().machine_free)
L4.Env.platform:system_shutdown()
