# Compilers and flags, said once.
CROSS := aarch64-linux-gnu-
CC := $(CROSS)gcc
CLANG := clang
picolibc := /usr/lib/picolibc/aarch64-linux-gnu

warnings := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wswitch-enum -Wimplicit-fallthrough -Werror
clang_warnings := $(warnings) -Wthread-safety -Wconditional-uninitialized -Wmissing-noreturn
std := -std=gnu2x

includes := -Iabi -I$B/gen -I.
hv_includes := -Ihv $(includes) -isystem $B/debian/dtc/libfdt
user_includes := -Iuser/uvmm -Iuser/rt/include $(includes) \
	-isystem $B/debian/dtc/libfdt -isystem $B/debian/zlib -isystem $B/debian/lua/src

# Code for the machine, both levels: Armv8.0, no position independence, frame pointers for backtraces.
target := $(preset_$(PRESET)) -g -march=armv8-a -mno-outline-atomics -fno-pic -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
# No SIMD register may be touched: at EL2 they belong to whoever ran last, in uvmm and the run-time using them costs a trap.
general := -mgeneral-regs-only

# arch_*.h of hv/core come from the machine's folder, chosen here.
hv_flags := -flto=auto $(std) $(target) $(general) -ffreestanding -Ihv/arch/aarch64 $(hv_includes)
user_flags := $(std) $(target) -ftls-model=local-exec $(user_includes)
clang_target := --target=aarch64-linux-gnu -nostdlibinc -isystem $(picolibc)/include

# Only ned calculates with floating point (Lua does).
user_regs = $(if $(filter user/ned/%,$<),,$(general))

# A loop in memcpy must not become a call of memcpy.
mem_gcc := -fno-tree-loop-distribute-patterns
mem_clang := -ffreestanding
only_mem = $(if $(filter %lib/mem.c,$<),$1)

depend = -MMD -MP -MT $@ -MF $(@:.o=.d)
make_folder = @echo "  $@" && mkdir -p $(@D)

# Constants of the interface between EL2 and EL0.
generated := $B/gen/l4/abi.h $B/gen/abi.lua $B/gen/lua5.4-deb-multiarch.h
$B/gen/l4/abi.h: abi/abi.toml tools/gen-abi
	$(make_folder)
	tools/gen-abi c $< $@
$B/gen/abi.lua: abi/abi.toml tools/gen-abi
	$(make_folder)
	tools/gen-abi lua $< $@
# Debian's luaconf.h includes this, which Debian's build makes; it is about paths of shared libraries, which we have none of.
$B/gen/lua5.4-deb-multiarch.h:
	$(make_folder)
	echo '#define DEB_HOST_MULTIARCH "none"' >$@
docs/abi.md: abi/abi.toml tools/gen-abi
	tools/gen-abi doc $< $@
