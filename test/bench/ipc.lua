-- Starts the two programs between which a call and its reply are timed, then turns the machine off.
local L4 = require "L4"
local chan = L4.default_loader:new_channel()
L4.default_loader:startv({caps = {chan = chan:svr()}, log = {"server"}}, "rom/ipcbench", "server")
L4.default_loader:startv({caps = {chan = chan:m("rw")}, log = {"client"}}, "rom/ipcbench", "client"):wait()
L4.Env.platform:system_shutdown()
