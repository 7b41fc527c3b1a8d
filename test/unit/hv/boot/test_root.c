/* Tests of hv/boot/root: the first program with all it is given, and ROMs and machines that do not serve. Each boot has a
 * process of its own, as what it makes is made for good. */
#include <elf.h>
#include <libfdt.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/wait.h>

#include <l4/env.h>

#include "boot/root.h"
#include "hv/world.h"

#define RAM_SIZE (8 * MIB)
#define TEXT_AT 0x400000ull
#define DATA_AT 0x403000ull
#define ROM_MAX 0x5000u
#define FDT_ROOM 0x1000u

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment[2];
	char text[64];
	char data[64];
};

static struct program good_program(void)
{
	struct program p = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_AARCH64,
			   .e_entry = TEXT_AT + 8,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 2},
		.text = "instructions",
		.data = "variables",
	};

	p.segment[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				    .p_flags = PF_R | PF_X,
				    .p_offset = offsetof(struct program, text),
				    .p_vaddr = TEXT_AT,
				    .p_filesz = sizeof(p.text),
				    .p_memsz = sizeof(p.text)};
	p.segment[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				    .p_flags = PF_R | PF_W,
				    .p_offset = offsetof(struct program, data),
				    .p_vaddr = DATA_AT,
				    .p_filesz = sizeof(p.data),
				    .p_memsz = 2 * PAGE + 5};
	return p;
}

struct rom {
	char bytes[ROM_MAX];
	size_t size;
};

static void add(struct rom *rom, const char *name, const void *data, size_t size)
{
	size_t name_size = strlen(name) + 1;

	rom->size +=
		(size_t)sprintf(rom->bytes + rom->size, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
				1, 0100755, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0);
	memcpy(rom->bytes + rom->size, name, name_size);
	rom->size = (rom->size + name_size + 3) & ~3ul;
	memcpy(rom->bytes + rom->size, data, size);
	rom->size = (rom->size + size + 3) & ~3ul;
}

static struct rom make_rom(const struct program *p)
{
	struct rom rom = {.size = 0};

	add(&rom, "other", "x", 1);
	if (p)
		add(&rom, "ned", p, sizeof(*p));
	add(&rom, "TRAILER!!!", "", 0);
	return rom;
}

static char fdt[FDT_ROOM];
/* Of each kind of thing that no device window may reach, one. */
static struct machine board = {
	.bank = {{{HOST_RAM_BASE}, RAM_SIZE}},
	.bank_count = 1,
	.reserved = {{{0x80000000}, PAGE}},
	.reserved_count = 1,
	.gic = {.dist = {{0x08000000}, 0x10000},
		.redist = {{{0x080a0000}, 0x20000}},
		.redist_count = 1,
		.other = {{{0x08080000}, 0x20000}},
		.other_count = 1},
	.uart = {.regs = {{0x09000000}, 0x1000}},
	.smmu = {{{0x09050000}, 0x20000}},
	.smmu_count = 1,
};

static uint64_t rom_at = HOST_RAM_BASE + 0x123;

static enum err boot(const struct rom *rom, uint64_t ram, const char *arguments, const char **out_why)
{
	struct root_boot b = {.rom = rom->bytes,
			      .rom_size = rom->size,
			      .rom_at = {rom_at},
			      .fdt = fdt,
			      .fdt_size = sizeof(fdt),
			      .bootargs = arguments,
			      .cpu_mask = 3,
			      .machine = &board};

	host_start(2, ram);
	assert_int_equal(fdt_create_empty_tree(fdt, sizeof(fdt)), 0);
	board.dtb = (struct machine_range){{0}, fdt_off_dt_strings(fdt)};
	cpus[0].reschedule = true;
	return root_start(&b, out_why);
}

/* Run the body in a process of its own; what it asserts there fails here. */
static void apart(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			print_error("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                    \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (false)

/* ---- a good one ---- */

static const struct l4_env *find_env(const struct thread *t)
{
	return (const void *)see(t->space, t->regs.x[0]);
}

static void boot_and_look(void)
{
	struct program p = good_program();
	struct rom rom = make_rom(&p);
	const char *why = NULL;
	const struct l4_env *env;
	const struct l4_env_cap *caps;
	const uint32_t *argv;
	struct thread *t;

	REQUIRE(boot(&rom, RAM_SIZE, "rom/x.lua  one two", &why) == OK);
	REQUIRE(!why);
	host_settle_all();
	t = cpus[0].current;
	REQUIRE(t && t->regs.pc == TEXT_AT + 8 && t->priority == ROOT_PRIORITY);
	/* Segments: contents, zeros behind them, and no more rights than they have. */
	REQUIRE(!strcmp((char *)see(t->space, TEXT_AT), "instructions"));
	REQUIRE(!strcmp((char *)see(t->space, DATA_AT), "variables"));
	for (uint64_t at = sizeof(p.data); at < 3 * PAGE; at++)
		REQUIRE(*see(t->space, DATA_AT + at) == 0);
	for (const struct mapping *m = NULL; (m = mapping_above(t->space, m ? mapping_end(m) : 0));) {
		REQUIRE((m->flags & (L4_MAP_W | L4_MAP_X)) != (L4_MAP_W | L4_MAP_X));
		REQUIRE(!(m->flags & L4_MAP_X) == (m->at.v != TEXT_AT));
	}
	/* The stack, with nothing below and above it. */
	REQUIRE(see(t->space, t->regs.sp - 1) && !see(t->space, t->regs.sp));
	REQUIRE(!see(t->space, t->regs.sp - 0x10001));
	/* The environment. */
	env = find_env(t);
	REQUIRE(env && env->magic == L4_ENV_MAGIC && env->version == L4_ENV_VERSION && env->argc == 4);
	REQUIRE(see(t->space, env->utcb) == (unsigned char *)t->utcb);
	argv = (const void *)((const char *)env + env->argv);
	REQUIRE(!strcmp((const char *)env + argv[0], "ned") && !strcmp((const char *)env + argv[1], "rom/x.lua"));
	REQUIRE(!strcmp((const char *)env + argv[3], "two"));
	REQUIRE(!see(t->space, env->free_start));
	caps = (const void *)((const char *)env + env->caps);
	REQUIRE(env->cap_count >= 8);
	for (unsigned int i = 0; i < env->cap_count; i++) {
		const struct cap *cap = cap_find(t->space, caps[i].slot);

		REQUIRE(cap && cap->rights == caps[i].rights && caps[i].slot < env->first_free_slot);
		REQUIRE(caps[i].slot == L4_SLOT_TASK || !(cap->rights & L4_RIGHT_D));
	}
	REQUIRE(!cap_find(t->space, env->first_free_slot));
	/* All memory is its factory's. */
	REQUIRE(factory_of(cap_find(t->space, 2)->obj)->quota > RAM_SIZE - MIB);
}

static void the_first_program_gets_everything_it_is_told_of(void **state)
{
	(void)state;
	apart(boot_and_look);
}

/* An archive in which the program's file begins at the second page, its code at the third and its data at the fourth. */
static struct rom make_rom_of_pages(void)
{
	static char padded[PAGE - 110];
	struct program p = good_program();
	struct rom rom = {.size = 0};
	char *file = rom.bytes + PAGE;

	memcpy(padded, "ned", 4);
	rom.size = (size_t)sprintf(rom.bytes, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08zX%08X", 1, 0100755,
				   0, 0, 1, 0, 3 * (unsigned int)PAGE, 0, 0, 0, 0, sizeof(padded), 0);
	memcpy(rom.bytes + rom.size, padded, sizeof(padded));
	p.segment[0].p_offset = PAGE;
	p.segment[1].p_offset = 2 * PAGE;
	memcpy(file, &p, sizeof(p));
	memcpy(file + PAGE, p.text, sizeof(p.text));
	memcpy(file + 2 * PAGE, p.data, sizeof(p.data));
	rom.size = 4 * PAGE;
	add(&rom, "TRAILER!!!", "", 0);
	return rom;
}

static void boot_in_place(void)
{
	static struct rom rom __attribute__((aligned(PAGE)));
	const char *why = NULL;
	struct thread *t;

	rom = make_rom_of_pages();
	rom_at = HOST_RAM_BASE;
	REQUIRE(boot(&rom, RAM_SIZE, "", &why) == OK);
	host_settle_all();
	t = cpus[0].current;
	REQUIRE(see(t->space, TEXT_AT) == arch_kmem_at((pa_t){rom_at + 2 * PAGE}) && !see(t->space, TEXT_AT + PAGE));
	REQUIRE(!strcmp((char *)see(t->space, DATA_AT), "variables"));
}

static void code_that_lies_in_pages_of_its_own_stays_in_the_rom(void **state)
{
	(void)state;
	apart(boot_in_place);
}

/* ---- windows of device registers ---- */

static uint64_t slot_named(const struct l4_env *env, const char *name)
{
	const struct l4_env_cap *caps = (const void *)((const char *)env + env->caps);

	for (unsigned int i = 0; i < env->cap_count; i++)
		if (!strcmp((const char *)env + caps[i].name, name))
			return caps[i].slot;
	return 0;
}

static void boot_and_cut_windows(void)
{
	static const uint64_t taken[] = {HOST_RAM_BASE,       HOST_RAM_BASE + RAM_SIZE - PAGE,
					 0x80000000,          0x08000000,
					 0x080a0000,          0x0809f000,
					 0x09000000,          0x09050000,
					 0x09050000 + 0x1f000};
	static const uint64_t free_ones[] = {
		0, 0x09001000, 0x09070000, HOST_RAM_BASE - PAGE, HOST_RAM_BASE + RAM_SIZE, 0x80001000};
	struct program p = good_program();
	struct rom rom = make_rom(&p);
	const char *why = NULL;
	struct thread *t;
	uint64_t mmio;

	REQUIRE(boot(&rom, RAM_SIZE, "", &why) == OK);
	host_settle_all();
	t = cpus[0].current;
	mmio = slot_named(find_env(t), "mmio");
	REQUIRE(mmio && slot_named(find_env(t), "iommu"));
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		REQUIRE(sys_op(t, mmio, L4_DATASPACE_SLICE, WORDS(100, taken[i], PAGE, L4_RIGHTS_ALL)) == ERR_PERM);
	for (size_t i = 0; i < sizeof(free_ones) / sizeof(free_ones[0]); i++)
		REQUIRE(sys_op(t, mmio, L4_DATASPACE_SLICE, WORDS(100 + i, free_ones[i], PAGE, L4_RIGHTS_ALL)) == OK);
	REQUIRE(sys_op(t, L4_SLOT_TASK, L4_SPACE_MAP, WORDS(mmio, 0x09001000, 0x20000000, PAGE, L4_MAP_R)) == ERR_PERM);
	REQUIRE(sys_op(t, L4_SLOT_TASK, L4_SPACE_MAP, WORDS(101, 0, 0x20000000, PAGE, L4_MAP_R | L4_MAP_W)) == OK);
}

static void no_window_of_registers_shows_memory_or_what_the_hypervisor_drives(void **state)
{
	(void)state;
	apart(boot_and_cut_windows);
}

/* ---- arguments ---- */

static const char *arguments;
static unsigned int expected_argc;

static void boot_and_count(void)
{
	struct program p = good_program();
	struct rom rom = make_rom(&p);
	const char *why = NULL;

	REQUIRE(boot(&rom, RAM_SIZE, arguments, &why) == OK);
	host_settle_all();
	REQUIRE(find_env(cpus[0].current)->argc == expected_argc);
}

static void boot_arguments_are_words(void **state)
{
	static char long_line[5000], many[200];
	static const struct {
		const char *line;
		unsigned int argc;
	} cases[] = {{"", 1}, {"   ", 1}, {"a", 2}, {"  a   b ", 3}, {long_line, 2}, {many, 16}};

	(void)state;
	memset(long_line, 'x', sizeof(long_line) - 1);
	for (size_t i = 0; i + 1 < sizeof(many); i++)
		many[i] = i % 2 ? ' ' : 'y';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		arguments = cases[i].line;
		expected_argc = cases[i].argc;
		apart(boot_and_count);
	}
}

/* ---- bad ones ---- */

static struct rom bad_rom;
static uint64_t bad_ram;
static const char *expected_why;

static void boot_badly(void)
{
	const char *why = NULL;

	REQUIRE(boot(&bad_rom, bad_ram, "", &why) != OK);
	REQUIRE(why && strstr(why, expected_why));
}

static void expect(const char *why)
{
	expected_why = why;
	apart(boot_badly);
}

static void a_rom_that_does_not_serve_gets_a_sentence(void **state)
{
	struct program p = good_program();
	size_t whole;

	(void)state;
	bad_ram = RAM_SIZE;
	bad_rom = (struct rom){.size = 0};
	expect("there is no ROM");
	bad_rom.size = 4096;
	expect("no cpio archive of the newc format");
	memset(bad_rom.bytes, 0xff, 4096);
	expect("no cpio archive of the newc format");
	bad_rom = make_rom(NULL);
	expect("holds no program 'ned'");
	bad_rom = make_rom(&p);
	whole = bad_rom.size;
	for (size_t size = 1; size < whole - 200; size += 37) {
		bad_rom.size = size;
		expect("cut off");
	}
	p.header.e_machine = EM_X86_64;
	bad_rom = make_rom(&p);
	expect("is no AArch64 ELF program");
}

static void a_program_that_cannot_be_placed_gets_a_sentence(void **state)
{
	struct program p = good_program();

	(void)state;
	bad_ram = RAM_SIZE;
	p.segment[1].p_vaddr += 8; /* in the middle of a page */
	p.segment[1].p_offset += 8;
	p.segment[1].p_filesz -= 8;
	bad_rom = make_rom(&p);
	expect("a segment does not start at a page");
}

static void too_little_memory_gets_a_sentence(void **state)
{
	struct program p = good_program();

	(void)state;
	bad_rom = make_rom(&p);
	for (bad_ram = PAGE; bad_ram < 30 * PAGE; bad_ram += PAGE)
		expect("too little memory");
	p.segment[1].p_memsz = 1ull << 34;
	bad_rom = make_rom(&p);
	bad_ram = RAM_SIZE;
	expect("too little memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_program_gets_everything_it_is_told_of),
		cmocka_unit_test(code_that_lies_in_pages_of_its_own_stays_in_the_rom),
		cmocka_unit_test(no_window_of_registers_shows_memory_or_what_the_hypervisor_drives),
		cmocka_unit_test(boot_arguments_are_words),
		cmocka_unit_test(a_rom_that_does_not_serve_gets_a_sentence),
		cmocka_unit_test(a_program_that_cannot_be_placed_gets_a_sentence),
		cmocka_unit_test(too_little_memory_gets_a_sentence),
	};

	return cmocka_run_group_tests_name("hv/boot/root", tests, NULL, NULL);
}
