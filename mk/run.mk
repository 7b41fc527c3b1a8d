# The ROM, and QEMU with it.
MACHINE ?= virt
CPU ?= cortex-a57
CPUS ?= 2
MEM ?= 1G
SCRIPT ?= examples/first-light.lua

# One ROM serves all examples: ned and the programs, their scripts, guests under uvmm's default names. A SCRIPT from
# elsewhere goes in as well.
rom := $O/rom$(if $(filter-out examples/%,$(SCRIPT)),-$(notdir $(SCRIPT))).cpio
rom_files := $(programs) $(wildcard examples/*.lua examples/*.ned examples/*.vbus) \
	$(filter-out examples/%,$(SCRIPT)) $(dtbs) $(guest_names:%=$B/guest/%.bin)
rom_renamed := Image=$B/debian/Image initrd=$B/guest/initrd.cpio pci-initrd=$B/guest/pci-initrd.cpio

$(rom): $(rom_files) $(foreach file,$(rom_renamed),$(lastword $(subst =, ,$(file)))) $(MAKEFILE_LIST) tools/mkrom
	$(make_folder)
	tools/mkrom $@ $(foreach file,$(rom_files),$(notdir $(file))=$(file)) $(rom_renamed)

# max emulates pointer authentication with the architected cipher, four times slower than QEMU's own.
cpu_model = $(if $(filter max,$1),max$(comma)pauth-impdef=on,$1)
comma := ,
# What else a script's machine has is in its lines "-- QEMU: ...".
devices := $(shell sed -n 's/^-- QEMU: //p' $(SCRIPT) 2>/dev/null)
qemu = qemu-system-aarch64 -M $(MACHINE),virtualization=on,gic-version=3 -cpu $(call cpu_model,$(CPU)) -smp $(CPUS) -m $(MEM) \
	-nographic -nic none -kernel $O/hv.bin -initrd $(rom) -append rom/$(notdir $(SCRIPT)) $(devices)

# SPLIT=1: each console on a terminal of its own, below build/consoles. The script is told by the argument "framed".
.PHONY: run gdb bench bench-plot
run: $O/hv.bin $(rom)
ifdef SPLIT
	@echo "QEMU starts; to leave it: Ctrl-C. Terminals: tools/console-split --terminal build/consoles/NAME"
	@tools/console-split --dir $B/consoles $(SPLIT_OPTIONS) -- $(patsubst rom/%,"rom/% framed",$(qemu))
else
	@echo "QEMU starts; to leave it: Ctrl-A, then x."
	@$(qemu)
endif

gdb: $O/hv.bin $(rom)
	@tools/gdb $O/hv.elf $(qemu)

# What to compare with is fetched at the first time; without it those columns are left out.
bench: $O/hv.bin $(programs) $O/ipcbench $O/opbench $B/guest/bench.bin $B/guest/linux-init $B/guest/stamp $B/host/count.so
	@tools/get-peers || true
	@tools/bench $(BENCH) $O

bench-plot:
	@tools/bench-plot

# The plugin of QEMU that counts for the profile.
$B/host/count.so: tools/measure/count.c
	$(make_folder)
	gcc $(std) -O2 $(warnings) -fPIC -shared $< -o $@
