-- Starts the two programs between which a call and its reply are timed, with two words and with the 62 that a message has at most, then turns the machine off.
local L4 = require "L4"
for _, words in ipairs{"2", "62"} do
  local chan = L4.default_loader:new_channel()
  L4.default_loader:startv({caps = {chan = chan:svr()}, log = {"server"}}, "rom/ipcbench", "server", words)
  L4.default_loader:startv({caps = {chan = chan:m("rw")}, log = {"client"}}, "rom/ipcbench", "client", words):wait()
end
L4.Env.platform:system_shutdown()
