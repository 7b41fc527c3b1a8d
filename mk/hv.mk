# The hypervisor: hv.elf with symbols, hv.bin to boot (it begins with a Linux arm64 Image header).
hv_c := $(wildcard hv/core/*.c hv/call/*.c hv/boot/*.c hv/arch/aarch64/*.c lib/*.c)
hv_s := $(wildcard hv/arch/aarch64/*.S)
hv_objects := $(patsubst %,$O/hv/%.o,$(hv_c) $(hv_s))
hv_ld := hv/arch/aarch64/hv.ld

$O/hv/%.c.o: %.c $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) $(hv_flags) -isystem $(picolibc)/include $(warnings) $(call only_mem,$(mem_gcc)) $(depend) -c $< -o $@
$O/hv/%.S.o: %.S $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) $(hv_flags) -D__ASSEMBLY__ $(depend) -c $< -o $@

$O/hv.elf: $(hv_objects) $O/lib/libfdt-hv.a $(hv_ld)
	$(make_folder)
	$(CC) -nostdlib -static -no-pie -Wl,-T,$(hv_ld) -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,-Map,$(@:.elf=.map) $(hv_objects) $O/lib/libfdt-hv.a -lgcc -o $@
$O/hv.bin: $O/hv.elf
	$(make_folder)
	$(CROSS)objcopy -O binary $< $@

# The same through clang, objects only.
second_opinion += $(hv_c:%=$O/clang/hv/%.o)
$O/clang/hv/%.c.o: %.c $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CLANG) $(clang_target) $(hv_flags) $(clang_warnings) $(depend) -c $< -o $@
