"""cons on the machine: guests told apart, input switched, lines never torn, the prompt of ned, deaths, one line for many."""
import os
import re
import select
import socket
import time

import pytest

from conftest import TOP, guest_files

START = """
local vmm = require "vmm"
cons_gate, cons_task = L4.start_cons{%s}
"""
GUESTS = START + """
for id, colour in ipairs {"green", "yellow"} do
  vmm.start_vm{id = id, mem = 60, log = {"vm" .. id, colour}, bootargs = "console=ttyAMA0 quiet"}
end
"""
PROMPT = r"ned> \x1b\[K"
LEAVE = "\x05."


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def boot_two(machine, options="", **more):
    console = machine(GUESTS % options, guest_files(), **more)
    ready = set()
    while len(ready) < 2:
        ready.add(console.expect(r"(vm[12])[:~]\x1b\[0m guest# ", timeout=240).group(1))
    return console


def at_ned(console, line, answer, timeout=60):
    """Type a line at ned's prompt, where the console is connected to, and wait for its answer and the next prompt."""
    console.send_line(line)
    console.expect(answer, timeout)
    console.expect(PROMPT, timeout)


def test_two_guests_are_told_apart_and_used_by_key_and_by_name(machine):
    console = boot_two(machine)
    text = console.text()
    assert "\x1b[36mned:\x1b[0m vm1: virtual machine" in text
    assert "\x1b[32mvm1:\x1b[0m guest: up" in text and "\x1b[33mvm2:\x1b[0m guest: up" in text

    # The prompt: list, and connecting by name.
    console.send_line("")
    console.expect("cons> ")
    console.send_line("list vm*")
    console.expect_in_order(r"vm1 +\S+ shown", r"vm2 +\S+ shown", "cons> ")
    console.send_line("connect vm1")
    console.expect_in_order("cons: connected to vm1; leave with Ctrl-E", "guest# ")
    console.send_line("who=first; echo $who-$((40 + 2))")
    console.expect_in_order("first-42", "guest# ")

    # By key, straight from one to the other; what the other says meanwhile comes in whole lines between.
    console.send("\x054")
    console.expect_in_order("connected to vm2", "guest# ")
    console.send_line("who=second; echo $who-$((40 + 3))")
    console.expect_in_order("second-43", "guest# ")
    console.send_line("(sleep 1; echo one; echo two) &")
    console.expect("guest# ")
    console.send("\x052")
    console.expect_in_order("connected to vm1", "guest# ")
    console.send_line("sleep 3; echo back")
    console.expect_in_order("\nback", "guest# ")
    assert re.search(r"\n\x1b\[33mvm2[:~]\x1b\[0m one\n\x1b\[33mvm2:\x1b\[0m two\n", console.text())
    console.send_line("echo $who-again")
    console.expect_in_order("first-again", "guest# ")

    # A break is for the kernel: SysRq, here h for help.
    console.send("\x05l")
    time.sleep(0.5)
    console.send("h")
    console.expect("sysrq: HELP")
    console.send_line("")
    console.expect("guest# ")

    # History commands, and history and editing at the prompt.
    console.send(LEAVE)
    console.expect_in_order("disconnected from vm1", "cons> ")
    console.send_line("grep -c ^second- vm2")
    console.expect_in_order(r"\n1\r", "cons> ")
    console.send_line("tail -1 vm2")
    console.expect("cons> ")
    console.send("\x1b[A" * 2 + "\x1b[D" * 13 + "\x7fn\r")
    console.expect_in_order(r"grep -n [^\n]*second- vm2", r"\n\d+:second-43", "cons> ")
    console.send_line("hide vm2")
    console.expect("cons> ")
    console.send("\x054")
    console.expect("guest# ")
    console.send_line("(sleep 1; echo in the dark) &")
    console.expect("guest# ")
    console.send(LEAVE)
    console.expect("cons> ")
    for _ in range(100):
        console.send_line("cat vm2")
        if console.expect(r"(?:\n|guest# )(in the dark)|cons> ").group(1):
            console.expect("cons> ")
            break
        time.sleep(0.5)
    else:
        pytest.fail("what a hidden console printed is not in its history\n" + console.tail())
    assert "vm2:\x1b[0m in the dark" not in console.text()
    console.send("t\t")
    console.expect("ail  timestamp|timestamp  tail|tail  timestamp")
    console.send("\x03show vm2\r")
    console.expect("cons> ")

    # ned's prompt, while the guests run.
    console.send("\x051")
    console.expect("connected to ned")
    console.expect(PROMPT)
    at_ned(console, "1 + 1, 'x'", r"\n2\tx\r")
    at_ned(console, "cons_task:state()", "\nrunning")
    at_ned(console, "x = = 1", "prompt:1: unexpected symbol near '='")
    console.send("L4.default_l\t:new_ch\t")
    console.expect("L4.default_loader:new_channel")
    console.send("\x03")
    console.expect(PROMPT)
    console.send_line("for i = 1, 2 do")
    console.expect("ned>> ")
    at_ned(console, "print('round ' .. i) end", "\nround 2")
    console.send_line("print('on ' .. 'and on') while true do end")
    console.expect("on and on")
    console.send("\x03")
    console.expect("prompt:1: interrupted by Ctrl-C at the prompt")
    console.expect(PROMPT)
    console.send_line("print('on ' .. 'and on') while true do pcall(function() while true do end end) end")
    console.expect("on and on")
    console.send("\x03")
    console.expect("interrupted by Ctrl-C at the prompt")
    console.expect(PROMPT)
    console.send_line("L4.sleep(10000)")
    console.send("\x054")
    console.expect("guest# ")
    console.send_line("echo vm2-lives")
    console.expect_in_order("\nvm2-lives", "guest# ")
    console.send("\x051\x03")
    console.expect("interrupted by Ctrl-C at the prompt")
    console.expect(PROMPT)
    # The end of a program is handled while somebody types.
    at_ned(console, "L4.default_loader:start({log = {'short'}}, 'rom/selftest 7')", "started rom/selftest")
    console.send("half a li")
    console.expect("short ended with exit code 7")
    console.expect("half a li")
    console.send("\x03")
    console.expect(PROMPT)
    # A VM is stopped and another begins anew from here.
    at_ned(console, "vmm = require 'vmm'; return vmm.vms().vm1:stop()", "\nstopped")
    at_ned(console, "vmm.vms().vm1", "vmm.vms\\(\\) has no 'vm1'; did you mean 'vm2'")
    at_ned(console, "vmm.vms().vm2:restart()", "vm2 ended: stopped by the script")
    at_ned(console, "vmm.vms().vm2", "VM 'vm2' \\(running\\)")
    console.send("\x054")
    console.expect_in_order("ramdisk rom/initrd", "guest: up", "guest# ", timeout=180)
    console.send_line("echo anew-$((40 + 4))")
    console.expect_in_order("anew-44", "guest# ")
    assert "still in use" not in console.text()


def test_a_client_that_gives_a_gate_for_an_irq_does_not_hold_cons_up(machine):
    console = machine(START % "" + "L4.default_loader:start({log = {'bad', 'red', 'key=b'}}, 'rom/gateclient')")
    console.expect("it has a gate now")
    console.send("\x05b")
    console.expect("connected to bad")
    console.send_line("input for it")
    console.send(LEAVE)
    console.expect_in_order("disconnected from bad", "cons> ")
    console.send("\x051")
    console.expect(PROMPT)
    at_ned(console, "6 * 7", "\n42")


TALKER = ("i=0; while [ $i -lt 150 ]; do echo %s-$i-abcdefghijklmnopqrstuvwxyz-0123456789-%s-$i-end; i=$((i+1)); done")
SIX = START % "" + """
local over = 0
for id = 1, 6 do
  local name = "vm" .. id
  local talk = ("%s"):gsub("NAME", name)
  local vm = vmm.start_vm{id = id, mem = 60, log = {name, id}, bootargs = 'console=ttyAMA0 guest.run="' .. talk .. '"'}
  vm:exit_handler(function()
    over = over + 1
    if over == 6 then
      print("all six are over")
    end
  end)
end
""" % (TALKER % ("NAME", "NAME"))


def test_six_guests_talk_at_once_and_no_line_is_torn(machine):
    console = machine(SIX, guest_files())
    console.expect("all six are over", timeout=500)
    whole = {f"vm{i}": [] for i in range(1, 7)}
    lines = plain(console.text()).splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("ned: vm1: virtual machine"))
    for line in lines[begin:]:
        # Each line is one client's; "~" goes on with what the same client began before.
        found = re.fullmatch(r"(ned|mon\d|vm\d)([:~]) ?(.*)", line)
        assert found, line
        name, mark, text = found.groups()
        assert not re.search(r"(ned|vm\d)[:~] ", text) or name == "ned", line
        if name in whole:
            if mark == "~" and whole[name]:
                whole[name][-1] += text
            else:
                whole[name].append(text)
    for name, said in whole.items():
        expected = [f"{name}-{i}-abcdefghijklmnopqrstuvwxyz-0123456789-{name}-{i}-end" for i in range(150)]
        assert [line for line in said if line.startswith(f"{name}-")] == expected


KILL = GUESTS % "" + """
local core = require "core"
function kill_cons()
  core.destroy(cons_task.slot)
end
"""


def test_cons_dies_and_comes_back_and_guests_only_see_a_pause(machine):
    console = machine(KILL, guest_files())
    for _ in range(2):
        console.expect(r"vm[12]:\x1b\[0m guest: up", timeout=240)
    console.send("\x052")
    console.expect("guest# ")
    console.send_line("i=0; while [ $i -lt 60 ]; do echo tick-$i; i=$((i+1)); sleep 0.2; done &")
    console.expect("tick-3")
    for turn in range(3):
        console.send("\x051")
        console.expect(PROMPT)
        console.send_line("kill_cons()")
        console.expect("cons was killed")
        # Text comes by itself, and input works again.
        console.expect(r"vm1:\x1b\[0m tick-\d+", timeout=60)
        console.send("\x054")
        console.expect("connected to vm2")
        console.send_line(f"echo turn-{turn}-$((turn+1))")
        console.expect(f"turn-{turn}-1")
        console.send(LEAVE)
    console.expect("tick-59", timeout=120)
    console.send("\x051")
    console.expect(PROMPT)
    at_ned(console, "cons_task.restarts, cons_task:state()", r"3\trunning")


def test_the_prompt_is_on_the_machines_console_when_nobody_else_reads_it(machine):
    console = machine("print('through')\n", append="--prompt rom/test.lua")
    console.expect("ned: through")
    console.expect(PROMPT)
    at_ned(console, "6 * 7", r"\n\r?ned: 42|\nned: 42|42\r")
    console.send_line("L4.default_loader:start({}, 'rom/selftest 3')")
    console.expect("ned: selftest ended with exit code 3")
    console.send_line("print('on ' .. 'and on') while true do end")
    console.expect("on and on")
    console.send("\x03")
    console.expect("interrupted by Ctrl-C")
    console.expect(PROMPT)


@pytest.mark.parametrize("cpus", [1, 2])
def test_the_last_lines_are_seen_before_the_machine_goes_off(machine, cpus):
    console = machine("""
L4.start_cons()
for i = 1, 20 do
  print("last words " .. i)
end
L4.Env.platform:system_shutdown(0)
""", cpus=cpus)
    console.expect("last words 20")
    console.expect_end()


def test_a_client_that_keeps_no_rule_disturbs_nobody(machine):
    console = machine("""
local gate, cons = L4.start_cons()
local good = L4.default_loader:start({log = {"good"}}, "rom/ned -e require('core').say('good-is-here') -e L4.sleep(1000)")
local bad = L4.default_loader:start({log = {"bad"}}, "rom/badclient")
print("bad ends with", bad:wait())
print("cons:", cons:state(), cons.restarts)
""")
    console.expect(r"bad[:~] badclient: the last line", timeout=120)
    console.expect(r"bad ends with\s+0\s+exit")
    console.expect(r"cons:\s+running\s+0")
    if "good: ned: good-is-here" not in plain(console.text()):
        console.expect("ned: good-is-here")
    console.send_line("")
    console.expect("cons> ")
    console.send_line("tail good")
    console.expect_in_order("ned: good-is-here", "cons> ")


class Port:
    """A channel on a TCP port."""

    def __init__(self, number):
        self.sock = socket.create_connection(("127.0.0.1", number))
        self.heard = b""

    def expect(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.heard:
            if time.monotonic() > end:
                pytest.fail(f"waited for {text!r} on a channel; it said {self.heard[-400:]!r}")
            if select.select([self.sock], [], [], 0.2)[0]:
                data = self.sock.recv(65536)
                if not data:
                    pytest.fail(f"a channel was closed before {text!r}")
                self.heard += data
        before, self.heard = self.heard.split(text, 1)
        return before

    def send(self, data):
        self.sock.sendall(data)


def test_with_frames_each_channel_is_a_port_on_the_host(machine, tmp_path):
    folder = str(tmp_path / "consoles")
    wrap = [os.path.join(TOP, "tools", "console-split"), "--dir", folder, "--tcp", "vm1=0", "--tcp", "vm2=0", "--tcp", "ned=0",
            "--tcp", "cons=0", "--"]
    console = machine(GUESTS % "framed = true, show = false", guest_files(), wrap=wrap)
    ports = {}
    for _ in range(4):
        found = console.expect(r"console-split: (cons|ned|vm1|vm2): \S+, port (\d+)")
        ports[found.group(1)] = Port(int(found.group(2)))
    ports["vm1"].expect(b"guest# ", 240)
    ports["vm2"].expect(b"guest# ", 240)
    ports["vm1"].send(b"echo one-$((1+1))\r")
    ports["vm2"].send(b"echo two-$((1+2))\r")
    ports["vm2"].expect(b"two-3")
    ports["vm1"].expect(b"one-2")
    # All bytes come through, in both directions.
    ports["vm1"].expect(b"guest# ")
    ports["vm1"].send(b"stty raw -echo; echo raw; head -c 4 | hexdump -C; printf '\\376\\377\\375\\001'; stty sane\r")
    ports["vm1"].expect(b"\nraw")
    ports["vm1"].send(b"\xfd\xfe\xff\x05")
    ports["vm1"].expect(b"fd fe ff 05")
    ports["vm1"].expect(b"\xfe\xff\xfd\x01")
    ports["ned"].expect(b"ned> ")
    ports["ned"].send(b"'over ' .. 'tcp'\r")
    ports["ned"].expect(b"\nover tcp\r\n")
    ports["cons"].send(b"list vm*\r")
    ports["cons"].expect(b"vm2 ")
    # A long paste is neither lost nor does it stop anybody.
    ports["vm1"].send(b"stty -echo; echo silent; cat > /tmp/paste\r")
    ports["vm1"].expect(b"\nsilent")
    ports["vm1"].send(b"".join(b"line %d of a long paste\n" % i for i in range(800)) + b"\x04")
    ports["vm1"].send(b"stty echo; wc -l /tmp/paste; tail -n 1 /tmp/paste\r")
    ports["vm1"].expect(b"800 /tmp/paste", 120)
    ports["vm1"].expect(b"line 799 of a long paste")
    # A person's terminal.
    terminal = os.open(os.path.join(folder, "vm2"), os.O_RDWR | os.O_NOCTTY)
    os.write(terminal, b"echo from-the-$((4-3))-terminal\r")
    ports["vm2"].expect(b"from-the-1-terminal")
    os.close(terminal)
