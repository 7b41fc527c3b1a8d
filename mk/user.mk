# Programs at EL0: the run-time, and below user/ one program per folder. NAME.elf keeps its symbols, NAME goes into the ROM.
rt_sources := $(wildcard user/rt/*.c user/rt/*.S lib/*.c)
ned_sources := $(wildcard user/ned/*.c user/ned/*.S)
uvmm_sources := $(wildcard $(addprefix user/uvmm/,*.c model/*.c guest/*.c cpu/*.c debug/*.c host/*.c))
servers := $(notdir $(wildcard user/srv/*))
$(foreach server,$(servers),$(eval $(server)_sources := $(wildcard user/srv/$(server)/*.c)))

# ned's Lua modules are inside it; abi.lua is one of them.
ned_lua := $(shell find user/ned/lua -name '*.lua' 2>/dev/null | LC_ALL=C sort)
$O/user/embedded.S: $(ned_lua) $B/gen/abi.lua tools/embed-lua $B/host/luac
	$(make_folder)
	tools/embed-lua $B/host/luac $@ $(ned_lua:%=user/ned/lua=%) $B/gen=$B/gen/abi.lua
$O/user/embedded.o: $O/user/embedded.S
	$(CC) -c $< -o $@
ned_extra := $O/user/embedded.o

# io's scripts are Lua too; messages are made as ned makes them.
io_lua := user/ned/lua=user/ned/lua/ned/report.lua $(foreach f,$(sort $(wildcard user/srv/io/lua/conf/*.lua)),user/srv/io/lua=$f) \
	$B/gen=$B/gen/abi.lua
$O/user/embedded-io.S: $(foreach f,$(io_lua),$(lastword $(subst =, ,$f))) tools/embed-lua $B/host/luac
	$(make_folder)
	tools/embed-lua $B/host/luac $@ $(io_lua)
$O/user/embedded-io.o: $O/user/embedded-io.S
	$(CC) -c $< -o $@
io_extra := $O/user/embedded-io.o

program_names := $(foreach name,ned uvmm $(servers),$(if $($(name)_sources),$(name)))
programs := $(program_names:%=$O/%)
# Programs of the system tests, one file or one folder each.
test_program_names := $(patsubst test/prog/%.c,%,$(wildcard test/prog/*.c)) $(patsubst test/prog/%/main.c,%,$(wildcard test/prog/*/main.c))
$(foreach name,$(test_program_names),$(eval $(name)_sources := $(wildcard test/prog/$(name).c test/prog/$(name)/*.c test/prog/$(name)/*.S)))
test_programs := $(test_program_names:%=$O/%)

user_object = $(patsubst %,$O/user/%.o,$1)
$O/user/%.c.o: %.c $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) --specs=picolibc.specs $(user_flags) $(user_regs) $(warnings) $(call only_mem,$(mem_gcc)) $(depend) -c $< -o $@
$O/user/%.S.o: %.S $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CC) --specs=picolibc.specs $(user_flags) -D__ASSEMBLY__ $(depend) -c $< -o $@

$O/lib/librt.a: $(call user_object,$(rt_sources))

ned_libs := $O/lib/liblua.a
io_libs := $O/lib/liblua.a $O/lib/libfdt.a
uvmm_libs := $O/lib/libfdt.a $O/lib/libz.a
link_flags := --specs=picolibc.specs -nostartfiles -static -no-pie -T user/rt/user.ld -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack

define program # $1: its name
$O/$1.elf: $(call user_object,$($1_sources)) $($1_extra) $O/lib/librt.a $($1_libs) user/rt/user.ld
	$$(make_folder)
	$$(CC) $(link_flags) -Wl,-Map,$O/$1.map $(call user_object,$($1_sources)) $($1_extra) $($1_libs) \
		-Wl,--start-group $O/lib/librt.a -lm -lc -lgcc -Wl,--end-group -o $$@
endef
$(foreach name,$(program_names) $(test_program_names),$(eval $(call program,$(name))))

$(programs) $(test_programs): $O/%: $O/%.elf
	$(make_folder)
	$(CROSS)strip -o $@ $<

# The same through clang, objects only.
user_c := $(filter %.c,$(sort $(foreach name,rt $(program_names) $(test_program_names),$($(name)_sources))))
second_opinion += $(user_c:%=$O/clang/user/%.o)
$O/clang/user/%.c.o: %.c $(MAKEFILE_LIST) | $(generated)
	$(make_folder)
	$(CLANG) $(clang_target) $(user_flags) $(user_regs) $(clang_warnings) $(call only_mem,$(mem_clang)) $(depend) -c $< -o $@
