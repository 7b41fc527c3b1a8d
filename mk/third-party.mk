# Libraries of others, from Debian's sources in build/debian, built for programs at EL0 and, libfdt, for the hypervisor.
# Their warnings are not ours.
fdt_dir := $B/debian/dtc/libfdt
zlib_dir := $B/debian/zlib
lua_dir := $B/debian/lua/src

fdt_sources := $(wildcard $(fdt_dir)/*.c)
zlib_sources := $(addprefix $(zlib_dir)/,adler32.c crc32.c inffast.c inflate.c inftrees.c zutil.c)
lua_sources := $(filter-out %/lua.c %/luac.c,$(wildcard $(lua_dir)/*.c))

third_flags := -std=gnu11 $(target) -w
# Lua: no seed from the clock, so that the same script always runs the same way.
lua_flags := -I$B/gen --specs=picolibc.specs -ftls-model=local-exec '-Dluai_makeseed(L)=1'

# libfdt looks at the tree's header for each byte of a name; inlined, it does so once for each name.
fdt_flags := -I$(fdt_dir) -finline-functions --param max-inline-insns-auto=100

third_user = $(patsubst $B/debian/%.c,$O/third/user/%.o,$1)
third_hv = $(patsubst $B/debian/%.c,$O/third/hv/%.o,$1)

$O/third/user/lua/%.o: $B/debian/lua/%.c | $(generated)
	$(make_folder)
	$(CC) $(third_flags) $(lua_flags) $(depend) -c $< -o $@
$O/third/user/zlib/%.o: $B/debian/zlib/%.c
	$(make_folder)
	$(CC) $(third_flags) $(general) --specs=picolibc.specs -DZ_SOLO $(depend) -c $< -o $@
$O/third/user/dtc/%.o: $B/debian/dtc/%.c mk/third-party.mk
	$(make_folder)
	$(CC) $(third_flags) $(fdt_flags) $(general) --specs=picolibc.specs $(depend) -c $< -o $@
$O/third/hv/dtc/%.o: $B/debian/dtc/%.c mk/third-party.mk
	$(make_folder)
	$(CC) $(third_flags) $(fdt_flags) $(general) -ffreestanding -isystem $(picolibc)/include $(depend) -c $< -o $@

$O/lib/liblua.a: $(call third_user,$(lua_sources))
$O/lib/libfdt.a: $(call third_user,$(fdt_sources))
$O/lib/libz.a: $(call third_user,$(zlib_sources))
$O/lib/libfdt-hv.a: $(call third_hv,$(fdt_sources))

$O/lib/%.a:
	$(make_folder)
	rm -f $@
	$(CROSS)ar rcsD $@ $^

# Compiles ned's modules when ned is built: compiling them at start took 22 of 59 million instructions to the first guest's start. Of the same
# sources as ned's interpreter, so that both agree on what compiled code looks like; one that does not fit is refused when it is loaded.
$B/host/luac: tools/luac.c $(lua_sources) | $(generated)
	$(make_folder)
	gcc -std=gnu11 -O1 -w -I$B/gen -I$(lua_dir) $^ -lm -o $@
