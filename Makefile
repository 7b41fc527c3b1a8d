# Builds and tests everything, below build/. `make help` lists the targets; the parts are in mk/*.mk.
#
# Every list of files is a wildcard over the tree: a new file needs no change here.
MAKEFLAGS += --no-builtin-rules --no-print-directory
# As many jobs as there are processors.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
ifndef V
MAKEFLAGS += --silent
endif
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/sh

# release is what `make` builds; debug has -Og, hostile has tiny limits and quotas that can be told to fail [hv/core/limits.h].
PRESET ?= release
B := build
O := $(if $(filter release,$(PRESET)),$B,$B/$(PRESET))
preset_release := -O2
preset_debug := -Og -DDEBUG
preset_hostile := -O2 -DDEBUG -DHOSTILE
ifndef preset_$(PRESET)
$(error PRESET=$(PRESET) is none of release, debug and hostile)
endif

.PHONY: all help clean distclean FORCE
all:

# Set-up comes before everything else that needs it: make remakes this include first. Both tools are quick and silent
# when nothing is missing; the file changes only after packages or sources came, and then make starts over.
no_setup := help clean distclean loc
ifneq ($(filter-out $(no_setup),$(or $(MAKECMDGOALS),all)),)
include $B/setup.mk
endif
$B/setup.mk: FORCE
	@tools/setup && tools/get-debian && mkdir -p $(@D)
	@cmp -s $B/debian/versions.txt $@.from || { cp $B/debian/versions.txt $@.from && echo '# See Makefile.' >$@; }

include mk/flags.mk
include mk/third-party.mk
include mk/hv.mk
include mk/user.mk
include mk/guest.mk
include mk/run.mk
include mk/check.mk

all: $O/hv.bin $(programs) $(test_programs) $(guests) $(rom)

help:
	@sed -n 's/^#: //p' Makefile mk/*.mk

clean: # keeps what was downloaded
	find $B -mindepth 1 -maxdepth 1 ! -name debian ! -name apt ! -name peers -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf $B

-include $(shell find $B -name '*.d' -not -path '$B/debian/*' -not -path '$B/peers/*' 2>/dev/null)

#: make                 build the hypervisor, the programs, the guests and the ROM, below build/
#: make run             boot the example in QEMU: Debian's kernel in a VM, a shell. Leave with Ctrl-A x
#:                      SCRIPT=examples/NAME.lua  MACHINE=virt  CPU=cortex-a57  CPUS=2  MEM=1G
#:                      what else the machine has, the script says in lines "-- QEMU: ..." (examples/disk.lua)
#:                      SPLIT=1: a terminal for each console of a script that uses cons, like examples/two-guests.lua
#: make gdb             the same, stopped at the hypervisor's first instruction, with gdb on it
#: make check           host tests under sanitizers, both compilers, layers, headers, format, citations
#: make sys [CASE=EXPR] tests that boot QEMU; CASE picks by name (pytest -k)
#: make test            set-up, check, sys and short fuzz; ends with "N passed, N failed"
#: make fuzz [T=60]     run the fuzzers of test/fuzz for T seconds each; TARGET=NAME runs one
#: make soak [T=600]     VMs killed and started for ROUNDS=200 rounds, CALLS=10000000 random system calls; then system tests and fuzzers for T seconds
#: make bench           figures in instructions: ours, natively, Xen's, KVM's. BENCH=--quick ours and natively only
#: make bench-plot      draws the last make bench as docs/bench/*.svg
#: make cov             line coverage of the host tests, as a table
#: make tidy            clang-tidy over our own C
#: make fmt             format our own C
#: make loc             lines of code per part
#: make clean           remove what was built; distclean also what was downloaded
#: V=1                  show every command
#: PRESET=debug|release|hostile before any of these builds that variant (release in build/, others in build/PRESET/)
