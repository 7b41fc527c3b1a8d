# Checks that need no QEMU, the system tests, and the sum of all results.
san := -fsanitize=address,undefined -fno-sanitize-recover=all
host_flags := -O1 -g -fno-omit-frame-pointer
host_includes := -Itest/unit $(hv_includes) $(user_includes)

# Pure parts, which also run on the host; hv with arch/host in place of arch/aarch64.
pure_hv := $(wildcard hv/core/*.c hv/call/*.c hv/boot/*.c hv/arch/host/*.c hv/arch/aarch64/stage2*.c)
pure_uvmm := $(wildcard $(addprefix user/uvmm/,model/*.c guest/*.c cpu/*.c))
pure_lib := $(filter-out lib/mem.c,$(wildcard lib/*.c))
pure_rt := $(wildcard user/rt/ranges.c)
pure_ned := $(wildcard user/ned/pure/*.c)
$(foreach server,$(servers),$(eval pure_$(server) := $(wildcard user/srv/$(server)/logic*.c)))
components := hv uvmm rt ned $(servers)

unit_tests := $(shell find test/unit -name 'test_*.c' 2>/dev/null)
component = $(firstword $(subst /, ,$(patsubst srv/%,%,$(patsubst user/%,%,$(1:test/unit/%=%)))))

host_gcc := gcc $(warnings)
host_clang := clang $(clang_warnings)

define host_compiler # $1: gcc or clang
$B/host/$1/third/%.o: $B/debian/%.c
	$$(make_folder)
	$1 -std=gnu11 -w $(host_flags) -fsanitize=address -DZ_SOLO $$(depend) -c $$< -o $$@
$B/host/$1/test/%.o: test/%.c $(MAKEFILE_LIST) | $(abi)
	$$(make_folder)
	$(host_$1) $(std) $(host_flags) $(san) -Wno-missing-prototypes $(host_includes) $$(depend) -c $$< -o $$@
$B/host/$1/%.o: %.c $(MAKEFILE_LIST) | $(abi)
	$$(make_folder)
	$(host_$1) $(std) $(host_flags) $(san) $(host_includes) $$(depend) -c $$< -o $$@
$B/host/$1/third.a: $(patsubst $B/debian/%.c,$B/host/$1/third/%.o,$(fdt_sources) $(zlib_sources))
	rm -f $$@; ar rcs $$@ $$^
$(foreach c,$(components) lib,$(call host_archive,$1,$c))
$(foreach t,$(unit_tests),$(call host_test,$1,$(t:%.c=%),$(filter $(components),$(call component,$t))))
endef
define host_archive # $1: compiler, $2: component
$B/host/$1/lib$2.a: $(pure_$2:%.c=$B/host/$1/%.o)
	$$(make_folder); rm -f $$@; ar rcs $$@ $$^

endef
define host_test # $1: compiler, $2: test/unit/.../test_x, $3: component
$B/host/$1/$2: $B/host/$1/$2.o $(patsubst %,$B/host/$1/lib%.a,$3 lib) $B/host/$1/third.a
	$1 $(san) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka -lpthread -o $$@

endef
$(eval $(call host_compiler,gcc))
$(eval $(call host_compiler,clang))
unit_programs := $(foreach compiler,gcc clang,$(unit_tests:%.c=$B/host/$(compiler)/%))
lua_tests := $(shell find test/unit -name '*.lua' -path '*test_*' 2>/dev/null)

ours_c := $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)

.PHONY: check unit sys test fuzz soak cov tidy fmt loc
check: unit $(second_opinion) $(abi)
	@tools/step layers tools/check-layers $O
	@tools/step specs tools/check-specs
	@tools/step first-lines tools/check-first-lines
	@tools/step headers tools/check-headers
	@tools/step format clang-format --dry-run --Werror $(ours_c)
	@tools/gen-abi doc abi/abi.toml $B/gen/abi.md && tools/step abi-doc cmp docs/abi.md $B/gen/abi.md
	@tools/sum-results check unit
