# Checks that need no QEMU, fuzzers, the system tests, and the sum of all results.

# Pure parts, which also run on the host; of hv, arch/host stands in for arch/aarch64.
pure_hv := $(wildcard hv/core/*.c hv/call/*.c hv/boot/*.c hv/arch/host/*.c hv/arch/aarch64/stage2*.c hv/arch/aarch64/smmu_code.c hv/arch/aarch64/smmu_unit.c \
	hv/arch/aarch64/debug_check.c)
pure_uvmm := $(wildcard $(addprefix user/uvmm/,model/*.c guest/*.c cpu/*.c debug/*.c))
pure_lib := $(filter-out lib/mem.c,$(wildcard lib/*.c))
pure_rt := $(wildcard user/rt/pure/*.c)
pure_ned := $(wildcard user/ned/pure/*.c)
$(foreach server,$(servers),$(eval pure_$(server) := $(wildcard user/srv/$(server)/logic*.c)))
components := hv uvmm rt ned $(servers)

unit_tests := $(shell find test/unit -name 'test_*.c' 2>/dev/null)
unit_scripts := $(shell find test/unit -name 'test_*.lua' -o -name 'test_*.py' 2>/dev/null)
fuzzers := $(shell find test/fuzz -name 'fuzz_*.c' 2>/dev/null)
# test/unit/user/uvmm/model/test_x.c, with or without user/, belongs to uvmm.
component = $(filter $(components),$(firstword $(subst /, ,$(patsubst srv/%,%,$(patsubst user/%,%,$(patsubst test/fuzz/%,%,$(1:test/unit/%=%)))))))

# Four ways to build for the host: both compilers with sanitizers, for fuzzing, for coverage.
san := -fsanitize=address,undefined -fno-sanitize-recover=all
host_flags := $(std) -g -fno-omit-frame-pointer -Itest/unit -Ihv/arch/host $(hv_includes) $(user_includes)
host_gcc := gcc -O1 $(san)
host_clang := clang -O1 $(san)
host_fuzz := clang -O1 $(san) -fsanitize=fuzzer-no-link
host_cov := gcc -O0 --coverage
host_warnings_gcc := $(warnings)
host_warnings_clang := $(clang_warnings)

define host_way # $1: gcc, clang, fuzz or cov
$B/host/$1/third/%.o: $B/debian/%.c | $(generated)
	$$(make_folder)
	$(filter-out --coverage,$(subst $(comma)undefined,,$(host_$1))) -std=gnu11 -w -g -DZ_SOLO -I$B/debian/dtc/libfdt -I$B/gen $$(depend) -c $$< -o $$@
$B/host/$1/test/%.o: test/%.c $(MAKEFILE_LIST) | $(generated)
	$$(make_folder)
	$(host_$1) $(host_flags) $(host_warnings_$1) $$(depend) -c $$< -o $$@
$B/host/$1/%.o: %.c $(MAKEFILE_LIST) | $(generated)
	$$(make_folder)
	$(host_$1) $(host_flags) $(host_warnings_$1) $$(depend) -c $$< -o $$@
$B/host/$1/third.a: $(patsubst $B/debian/%.c,$B/host/$1/third/%.o,$(fdt_sources) $(zlib_sources) $(lua_sources))
	rm -f $$@; ar rcs $$@ $$^
$(foreach c,$(components) lib,$(call host_archive,$1,$c))
$(foreach t,$(unit_tests),$(call host_test,$1,$(t:%.c=%),$(call component,$t)))
endef
define host_archive # $1: way, $2: component
$B/host/$1/lib$2.a: $(pure_$2:%.c=$B/host/$1/%.o)
	mkdir -p $$(@D); rm -f $$@; ar rcs $$@ $$^

endef
define host_test # $1: way, $2: test/unit/.../test_x, $3: component
$B/host/$1/$2: $B/host/$1/$2.o $(patsubst %,$B/host/$1/lib%.a,$3 lib) $B/host/$1/third.a
	$$(make_folder)
	$(host_$1) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka -lpthread -lm -o $$@

endef
$(foreach way,gcc clang fuzz cov,$(eval $(call host_way,$(way))))
unit_programs = $(unit_tests:%.c=$B/host/$1/%)

ours := $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)

.PHONY: check unit sys test fuzz soak cov tidy fmt loc
run_units = tools/run-units unit-gcc $(call unit_programs,gcc); tools/run-units unit-clang $(call unit_programs,clang); \
	tools/run-units unit-scripts $(unit_scripts)
unit: $(call unit_programs,gcc) $(call unit_programs,clang) $(generated)
	$(run_units)

# Every check is made, whatever the others said; the last line is the sum.
check: export CC_HV := $(CC) $(hv_flags) -isystem $(picolibc)/include $(warnings)
check: export CC_USER := $(CC) --specs=picolibc.specs $(user_flags) $(warnings)
check: export CC_HOST := gcc $(host_flags) $(warnings)
check: $(generated)
	rm -f $B/results/unit-* $B/results/check-*
	tools/step check-clang-agrees $(MAKE) -k $(second_opinion)
	tools/step check-unit-tests-build $(MAKE) -k $(call unit_programs,gcc) $(call unit_programs,clang)
	$(run_units)
	tools/step check-layers tools/check-layers $O
	tools/step check-specs tools/check-specs
	tools/step check-first-lines tools/check-first-lines
	tools/step check-headers tools/check-headers
	tools/step check-format clang-format --dry-run --Werror $(ours)
	tools/gen-abi doc abi/abi.toml $B/gen/abi.md && tools/step check-abi-document cmp docs/abi.md $B/gen/abi.md
	tools/sum-results unit check

# System tests. CASE picks by name; POINTS=all runs the whole matrix of machines.
sys: $O/hv.bin $(programs) $(test_programs) $(guests)
	UVMM_BUILD=$(CURDIR)/$O /usr/bin/python3 -m pytest -q -n 2 test/sys $(if $(CASE),-k "$(CASE)")

# All tests; a part that fails does not keep the others from running.
test:
	+tools/test-all

T ?= 60
fuzz_programs := $(foreach f,$(fuzzers),$(if $(TARGET),$(if $(findstring $(TARGET),$f),$f),$f))
define fuzzer # $1: test/fuzz/.../fuzz_x, $2: component
$B/host/fuzz/$1.run: $B/host/fuzz/$1.o $(patsubst %,$B/host/fuzz/lib%.a,$2 lib) $B/host/fuzz/third.a
	$$(make_folder)
	$(host_fuzz) -fsanitize=fuzzer $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -o $$@
endef
$(foreach f,$(fuzzers),$(eval $(call fuzzer,$(f:%.c=%),$(call component,$f))))
fuzz: $(fuzz_programs:%.c=$B/host/fuzz/%.run)
	$(if $^,printf '%s\n' $^ | xargs -P $$(nproc) -I{} tools/fuzz {} $T)
	$(if $(filter-out ned_options,$(TARGET)),,LUA_PATH="$B/gen/?.lua;user/ned/lua/?.lua;test/unit/user/ned/?.lua;;" NED_FUZZ_SEED=$$(date +%s) NED_FUZZ_SECONDS=$T \
		lua5.4 test/unit/user/ned/test_fuzz.lua)

# VMs that come and go for ROUNDS rounds, CALLS random system calls, then the system tests and the fuzzers again and again, for T seconds.
ROUNDS ?= 200
CALLS ?= 10000000
soak:
	UVMM_CHURN_ROUNDS=$(ROUNDS) UVMM_DEBIAN_ROUNDS=50 UVMM_HOTPLUG_ROUNDS=50 \
		$(MAKE) sys CASE="test_churn or debian_reboots or takes_cpus_off"
	UVMM_SUSPEND_POINTS=4000 UVMM_SUSPEND_ROUNDS=50 $(MAKE) sys CASE="no_wake_up_is_lost or suspend_debian"
	UVMM_MACHINE_SLEEPS=20 $(MAKE) sys CASE=put_the_machine_to_sleep_and_one
	UVMM_TICKS=60000 $(MAKE) sys CASE=test_a_tick
	UVMM_HOSTILE_CALLS=$(CALLS) $(MAKE) sys CASE=random_system_calls
	end=$$(($$(date +%s) + $T)); while [ $$(date +%s) -lt $$end ]; do $(MAKE) sys && $(MAKE) fuzz T=10 || exit 1; done

cov: $(call unit_programs,cov)
	tools/run-units cov $^
	tools/coverage $B/host/cov

tidy: $(generated)
	clang-tidy --quiet $(filter %.c,$(filter hv/core/% hv/call/% hv/boot/% lib/%,$(ours))) -- $(clang_target) $(hv_flags)
	clang-tidy --quiet $(filter %.c,$(filter user/%,$(ours))) -- $(clang_target) $(user_flags)

fmt:
	clang-format -i $(ours)

loc:
	for part in abi hv hv/arch/host lib user/rt user/ned user/uvmm user/srv examples test tools mk; do \
		[ -d $$part ] && printf '%8d  %s\n' $$(git ls-files -co --exclude-standard $$part $$([ $$part != hv ] || echo ':!hv/arch/host') | xargs cat 2>/dev/null | grep -c .) $$part; \
	done; true
