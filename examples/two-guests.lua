-- Two Linux guests, their consoles told apart by cons: one terminal, or one each with tools/console-split.
-- In the terminal: Enter for the prompt of cons (help lists commands), Ctrl-E 1 for ned, Ctrl-E 2 for vm1, Ctrl-E 4 for vm2.
local vmm = require "vmm"

L4.start_cons{connect = "vm1"}                 -- who has the terminal as soon as it is there

for id, colour in ipairs {"green", "yellow"} do
  vmm.start_vm{id = id, mem = 60, log = {"vm" .. id, colour}}
end
