"""Keys by which a guest is asked to sleep and to power off, with Debian's own drivers; guests that cannot be asked."""
import os
import re
import subprocess

import pytest

from conftest import SHARED, bare_guest, guest_files

# Asks again when there is a reason why not: before the guest has its driver, or when nobody handles the key yet.
ASK = """
local vmm = require "vmm"
L4.start_cons()
local function ask(vm, method)
  local told
  while true do
    local ok, why = pcall(vm[method], vm, 60)
    if ok then
      return
    end
    if why ~= told then
      print("in vain:", why)
      told = why
    end
    L4.sleep(3)
  end
end
"""
# The last time it sleeps when it is asked to power off: the key wakes it.
GENERATED = ASK + """
local vm = vmm.start_vm{id = "debian", mem = 128, vcpus = 2}
for i = 1, 2 do
  ask(vm, "suspend")
  print("asleep", i, vm:state())
  vm:resume(300)
  print("awake", i, vm:state())
end
ask(vm, "suspend")
print("asleep", 3, vm:state())
ask(vm, "poweroff")
print("over:", vm:wait())
"""
GIVEN = ASK + """
local vm = vmm.start_vm{id = "debian", mem = 128, vcpus = 1, fdt = {"rom/machine.dtb", "rom/keys.dtb"}, ram_base = 0x40000000}
ask(vm, "suspend")
print("asleep", 1, vm:state())
vm:resume(300)
print("awake", 1, vm:state())
ask(vm, "poweroff")
print("over:", vm:wait())
"""
# Keys that are pressed by going low, at another controller, and that let the guest wake from either edge.
OTHER_KEYS = """/dts-v1/; /plugin/;
&{/} {
	gpio2: pl061@9040000 {
		compatible = "arm,pl061", "arm,primecell";
		reg = <0x0 0x09040000 0x0 0x1000>;
		interrupts = <0 8 4>;
		clocks = <&clock>;
		clock-names = "apb_pclk";
		gpio-controller;
		#gpio-cells = <2>;
		interrupt-controller;
		#interrupt-cells = <2>;
	};
	gpio-keys {
		key-sleep { linux,code = <205>; gpios = <&gpio2 1 1>; wakeup-event-action = <0>; };
		key-power { gpios = <&gpio2 7 1>; wakeup-event-action = <0>; };
	};
};
"""
LATE = ASK + """
local vm = vmm.start_vm{id = "bare", mem = 16, vcpus = 1, kernel = "rom/keys.bin"}
ask(vm, "suspend")
vm:resume(300)
L4.sleep(2) -- one that comes before the key is let go is lost, and asked again a minute later
ask(vm, "suspend")
vm:poweroff(300)
print("over:", vm:wait())
"""
WITHOUT = """
local vmm = require "vmm"
local options = {driver = {}, key = {fdt = {"rom/machine.dtb", "rom/gpio.dtb"}, ram_base = 0x40000000}}
for _, missing in ipairs{"driver", "key"} do
  local all = {id = "no-" .. missing, mem = 16, kernel = "rom/ends.bin"}
  for name, value in pairs(options[missing]) do
    all[name] = value
  end
  local vm = vmm.start_vm(all)
  for _, method in ipairs{"suspend", "poweroff"} do
    print(missing, method, pcall(vm[method], vm, 60))
  end
  print(missing, "is", vm:state())
  vm:stop()
end
"""


def tree(name):
    return os.path.join(SHARED, "guest", name)


@pytest.mark.parametrize("script, rounds", [(GENERATED, 3), (GIVEN, 1)], ids=["generated", "given"])
def test_debian_asked_by_keys_sleeps_wakes_and_powers_off(machine, tmp_path, script, rounds):
    files = guest_files()
    if script == GIVEN:
        files |= {"machine.dtb": tree("machine.dtb"), "keys.dtb": str(tmp_path / "keys.dtb")}
        subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", files["keys.dtb"]], input=OTHER_KEYS.encode(), check=True)
    console = machine(script, files, cpus=2)
    for i in range(rounds):
        console.expect(rf"asleep\s+{i + 1}\s+suspended", timeout=300, silence=120)
        if i + 1 < 3:
            console.expect(rf"awake\s+{i + 1}\s+running", timeout=300, silence=120)
    console.expect(r"over:\s+0\s+exit\s+stopped\s+off", timeout=300, silence=120)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.text())
    assert text.count("PM: suspend entry (deep)") >= rounds and text.count("PM: suspend exit") >= rounds, console.tail()
    assert "reboot: Power down" in text
    assert re.search(r"in vain:\s+.*debian:suspend\(\): nothing in it waits for its sleep key: on Linux that is the driver gpio_keys", text)


def test_a_press_lasts_until_the_guest_looks_and_does_not_wake_it_when_it_ends(machine):
    console = machine(LATE, {"keys.bin": bare_guest("keys")})
    verdict = console.expect(r"verdict: (\d+) passed, (\d+) failed", timeout=300, silence=180)
    assert verdict.groups() == ("6", "0"), console.tail()
    console.expect(r"over:\s+0\s+exit\s+stopped\s+off")


def test_who_asks_a_guest_without_driver_or_key_is_told_why_not(machine):
    console = machine(WITHOUT, {"ends.bin": bare_guest("ends"), "machine.dtb": tree("machine.dtb"), "gpio.dtb": tree("gpio.dtb")})
    for what, method, why in [
            ("driver", "suspend", "nothing in it waits for its sleep key: on Linux that is the driver gpio_keys"),
            ("driver", "poweroff", "nothing in it waits for its power key: on Linux that is the driver gpio_keys"),
            ("key", "suspend", "its device tree has no sleep key on a PL061 of uvmm: linux,code 142 or 205"),
            ("key", "poweroff", "its device tree has no power key on a PL061 of uvmm: linux,code 116")]:
        console.expect(rf"{what}\s+{method}\s+false\s+.*no-{what}:{method}\(\): {why}")
        if method == "poweroff":
            console.expect(rf"{what}\s+is\s+running")
