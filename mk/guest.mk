# Guests: the initial RAM disk of the example, device trees, and the bare-metal guests of test/guest and test/bench.
guests := $B/guest/initrd.cpio $B/guest/pci-initrd.cpio

# Debian's busybox, examples/initrd/init, which makes the rest itself, and the drivers of its keys.
key_files := $(patsubst %,$B/guest/modules/%.ko,evdev gpio_keys)
initrd_files := bin/ bin/busybox=$B/debian/busybox bin/sh@busybox dev/ init=examples/initrd/init keys/ \
	$(foreach file,$(key_files),keys/$(notdir $(file))=$(file))
$B/guest/initrd.cpio: examples/initrd/init $B/debian/busybox tools/mkrom $B/guest/modules/order
	$(make_folder)
	tools/mkrom --compact $@ $(initrd_files)

# The same with drivers for disks behind PCI. Drivers are from the kernel's own package, in the order in which they are loaded.
pci_modules := crypto/crct10dif_common lib/crc-t10dif lib/crc64 lib/crc64-rocksoft block/t10-pi drivers/nvme/host/nvme-core \
	drivers/nvme/host/nvme drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci \
	drivers/block/virtio_blk
key_modules := drivers/input/evdev drivers/input/keyboard/gpio_keys
module_files := $(patsubst %,$B/guest/modules/%.ko,$(notdir $(pci_modules)))
$B/guest/modules/order: $B/debian/versions.txt mk/guest.mk
	$(make_folder)
	rm -f $(@D)/*.ko
	dpkg-deb --fsys-tarfile $B/debian/packages/$$(sed -n 's/^\(linux-image-[^ ]*\) \(.*\)/\1_\2_arm64.deb/p' $<) | \
		tar -x -C $(@D) --wildcards --transform 's|.*/||' $(foreach module,$(pci_modules) $(key_modules),'*/kernel/$(module).ko')
	printf '%s\n' $(notdir $(pci_modules)) >$@
$B/guest/pci-initrd.cpio: examples/initrd/init $B/debian/busybox tools/mkrom $B/guest/modules/order
	$(make_folder)
	tools/mkrom --compact $@ $(initrd_files) modules/ modules/order=$B/guest/modules/order $(foreach file,$(module_files),modules/$(notdir $(file))=$(file))

dtbs := $(patsubst %.dts,$B/guest/%.dtb,$(notdir $(wildcard examples/*.dts)))
guests += $(dtbs)
# An overlay may refer to labels of a tree it does not know: keep symbols.
$B/guest/%.dtb: examples/%.dts
	$(make_folder)
	dtc -q -@ -I dts -O dtb -o $@ $<

# A bare-metal guest is a folder test/guest/NAME, or test/bench; sources directly in test/guest are shared by all.
# It runs wherever it is loaded: it relocates itself; x18 belongs to its vectors. MMU and caches are off at first: no unaligned access. [ARM SCTLR_EL1.M]
guest_flags := $(std) -O2 -g -march=armv8-a $(general) -mstrict-align -mno-outline-atomics -ffixed-x18 -fpie -fvisibility=hidden -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -ffreestanding -fno-tree-loop-distribute-patterns \
	-Itest/guest $(includes) -isystem $(fdt_dir) -isystem $(picolibc)/include
guest_shared := $(wildcard test/guest/*.c test/guest/*.S)
guest_sources = $(wildcard test/guest/$1/*.c test/guest/$1/*.S) $(if $(filter bench,$1),$(wildcard test/bench/*.c test/bench/*.S))
guest_names := $(foreach name,bench $(notdir $(patsubst %/,%,$(wildcard test/guest/*/))),$(if $(strip $(call guest_sources,$(name))),$(name)))
guest_object = $(patsubst %,$B/guest/obj/%.o,$1)
guests += $(guest_names:%=$B/guest/%.bin)

$B/guest/obj/%.c.o: %.c $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) $(guest_flags) $(warnings) $(depend) -c $< -o $@
$B/guest/obj/%.S.o: %.S $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) $(guest_flags) -D__ASSEMBLY__ $(depend) -c $< -o $@

$B/guest/obj/fdt/%.o: $(fdt_dir)/%.c
	$(make_folder)
	$(CC) $(guest_flags) -w $(depend) -c $< -o $@
$B/guest/lib.a: $(call guest_object,lib/fmt.c lib/mem.c) $(patsubst $(fdt_dir)/%.c,$B/guest/obj/fdt/%.o,$(fdt_sources))
	rm -f $@; $(CROSS)ar rcsD $@ $^

define guest # $1: its name
$B/guest/$1.elf: $(call guest_object,$(call guest_sources,$1) $(guest_shared)) $B/guest/lib.a test/guest/guest.ld
	$$(make_folder)
	$$(make_folder)
	$$(CC) -nostdlib -static-pie -Wl,--no-dynamic-linker -Wl,-z,norelro -Wl,-z,notext -Wl,--no-warn-rwx-segments -Wl,-T,test/guest/guest.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		$$(filter %.o,$$^) $B/guest/lib.a -lgcc -o $$@
endef
$(foreach name,$(guest_names),$(eval $(call guest,$(name))))
$(guest_names:%=$B/guest/%.bin): %.bin: %.elf
	$(make_folder)
	$(CROSS)objcopy -O binary $< $@

# Firmware of a machine that suspends to RAM. Its MMU is off: no unaligned access.
firmware_flags := $(std) -O2 -g -march=armv8-a $(general) -mstrict-align -mno-outline-atomics -fno-pic -fno-stack-protector \
	-fno-asynchronous-unwind-tables -ffreestanding -fno-tree-loop-distribute-patterns
guests += $B/guest/firmware.bin
$B/guest/firmware.elf: test/firmware/start.S test/firmware/main.c test/firmware/firmware.ld $(MAKEFILE_LIST)
	$(make_folder)
	$(CC) $(firmware_flags) $(warnings) -nostdlib -static -Wl,-T,test/firmware/firmware.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,--no-warn-rwx-segments $(filter %.S %.c,$^) -o $@
$B/guest/firmware.bin: %.bin: %.elf
	$(make_folder)
	$(CROSS)objcopy -O binary -j .text $< $@

# The only program of the Linux guest that `make bench` times.
$B/guest/linux-init: test/bench/linux/init.S
	$(make_folder)
	$(CC) -nostdlib -static -Wl,--build-id=none $< -o $@
# For the Linux that is KVM's host in `make bench`.
$B/guest/stamp: test/bench/linux/stamp.c
	$(make_folder)
	$(CC) $(std) -O2 $(warnings) -ffreestanding -fno-stack-protector -nostdlib -static -Wl,--build-id=none $< -o $@
