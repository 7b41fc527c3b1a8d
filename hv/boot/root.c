/* The first program: ned, out of the ROM, with the whole factory, all hardware and the ROM in its table. */
#include "boot/root.h"

#include <libfdt.h>
#include <string.h>

#include <l4/env.h>

#include "arch.h"
#include "core/cap.h"
#include "core/console.h"
#include "core/dataspace.h"
#include "core/factory.h"
#include "core/kmem.h"
#include "core/mmio.h"
#include "core/ram.h"
#include "core/sched.h"
#include "core/space.h"
#include "core/thread.h"
#include "lib/cpio.h"
#include "lib/elf.h"
#include "lib/envblock.h"

#define STACK_SIZE 0x10000ull
#define ARGS_MAX 16u
#define RIGHTS_NO_DESTROY (L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S)

enum root_slot {
	SLOT_FACTORY = L4_SLOT_TASK + 1,
	SLOT_LOG,
	SLOT_ICU,
	SLOT_SCHEDULER,
	SLOT_PLATFORM,
	SLOT_ROM,
	SLOT_DTB,
	SLOT_IOMMU,
	SLOT_MMIO,
	SLOT_FREE
};

static struct object icu, platform, console, iommu;
static struct factory *root_factory;

static enum err map(struct space *space, struct dataspace *ds, uint64_t offset, uint64_t at, uint64_t size,
		    unsigned int flags)
{
	uint64_t done = 0;
	enum err err;

	do
		err = space_map(space, ds, L4_RIGHTS_ALL, offset, (ipa_t){at}, size, flags, &done);
	while (err == ERR_AGAIN);
	return err;
}

/* RAM with these contents, zeros behind them. The caller owns the reference. */
static enum err make_ram(const void *from, size_t size, uint64_t whole, struct dataspace **out)
{
	uint64_t pages = (whole + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);
	enum err err = dataspace_create(root_factory, pages, 0, 0, out);

	if (err)
		return err;
	while ((err = dataspace_make_clear(*out, pages)) == ERR_AGAIN)
		;
	for (size_t done = 0; !err && done < size;) {
		uint64_t piece;
		pa_t at;

		err = dataspace_find(*out, done, &at, &piece);
		if (err)
			break;
		if (piece > size - done)
			piece = size - done;
		arch_write(at, (const char *)from + done, piece);
		done += piece;
	}
	return err;
}

/* Mapped for good: its only holder is the mapping's task, which holds no capability to it. */
static enum err place(struct space *space, const void *from, size_t size, uint64_t whole, uint64_t at,
		      unsigned int flags)
{
	struct dataspace *ds;
	enum err err = make_ram(from, size, whole, &ds);

	return err ? err : map(space, ds, 0, at, ds->size, flags);
}

/* The ROM as a dataspace: whole pages, the window `boot->rom` shows from `lead` bytes on. */
static enum err make_rom(const struct root_boot *boot, struct dataspace **out)
{
	uint64_t lead = boot->rom_at.v % L4_PAGE_SIZE;
	uint64_t pages = (lead + boot->rom_size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1);

	return dataspace_create_window(root_factory, (pa_t){boot->rom_at.v - lead}, pages, L4_MAP_R | L4_MAP_X, out);
}

/* Code and constants stay in the ROM where they lie in pages of their own [tools/mkrom]; the rest is copied. */
static enum err load_segment(struct space *space, const struct root_boot *boot, struct dataspace *rom,
			     const struct cpio_file *file, const struct elf_segment *segment)
{
	const char *from = (const char *)file->data + segment->file_offset;

	if (segment->address % L4_PAGE_SIZE || segment->file_offset > file->size)
		return ERR_INVAL;
	if (!elf_is_in_place(segment, file->data, file->size))
		return place(space, from, segment->file_size, segment->memory_size, segment->address,
			     segment->map_flags);
	arch_sync_code(from, segment->file_size);
	return map(space, rom, boot->rom_at.v % L4_PAGE_SIZE + (uint64_t)(from - (const char *)boot->rom),
		   segment->address, (segment->file_size + L4_PAGE_SIZE - 1) & ~(L4_PAGE_SIZE - 1), segment->map_flags);
}

static enum err load_segments(struct space *space, const struct root_boot *boot, struct dataspace *rom,
			      const struct cpio_file *file, const struct elf_image *image)
{
	for (unsigned int i = 0; i < image->count; i++) {
		enum err err = load_segment(space, boot, rom, file, &image->segment[i]);

		if (err)
			return err;
	}
	return OK;
}

/* Only what is used of the tree is copied, and the copy's header says so. [DT] */
static enum err copy_fdt(const struct root_boot *boot, struct dataspace **out)
{
	uint64_t used = boot->machine->dtb.size;
	fdt32_t total = cpu_to_fdt32((uint32_t)used);
	uint64_t piece;
	pa_t at = {0};
	enum err err;

	if (used > boot->fdt_size)
		return ERR_INVAL;
	err = make_ram(boot->fdt, used, used, out);
	if (!err)
		err = dataspace_find(*out, offsetof(struct fdt_header, totalsize), &at, &piece);
	if (!err)
		arch_write(at, &total, sizeof(total));
	return err;
}

static enum err install(struct space *space, uint64_t slot, struct object *obj, unsigned int rights)
{
	enum err err = cap_reserve(space, slot);

	if (!err)
		cap_install(space, slot, obj, rights);
	return err;
}

static void exclude(const struct machine_range *range, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		mmio_exclude(range[i].base, range[i].size);
}

/* Device registers: everything but memory, whoever has it, and what the hypervisor itself drives. */
static enum err make_mmio(const struct machine *machine, struct dataspace **out)
{
	exclude(machine->bank, machine->bank_count);
	exclude(machine->reserved, machine->reserved_count);
	exclude(&machine->gic.dist, 1);
	exclude(machine->gic.redist, machine->gic.redist_count);
	exclude(machine->gic.other, machine->gic.other_count);
	exclude(&machine->uart.regs, 1);
	exclude(machine->smmu, machine->smmu_count);
	return mmio_create(root_factory, out);
}

static enum err give_machine(struct space *space, const struct root_boot *boot, struct dataspace *rom)
{
	struct scheduler all = {.cpu_mask = boot->cpu_mask, .max_priority = PRIORITIES - 1}, *scheduler = NULL;
	struct dataspace *dtb = NULL, *mmio = NULL;
	enum err err;

	object_init_static(&icu, L4_KIND_ICU);
	object_init_static(&platform, L4_KIND_PLATFORM);
	object_init_static(&console, L4_KIND_CONSOLE);
	object_init_static(&iommu, L4_KIND_IOMMU);
	err = scheduler_create(root_factory, &all, PRIORITIES - 1, boot->cpu_mask, &scheduler);
	if (!err)
		err = copy_fdt(boot, &dtb);
	if (!err)
		err = make_mmio(boot->machine, &mmio);
	if (!err)
		err = install(space, L4_SLOT_TASK, &space->obj, L4_RIGHTS_ALL);
	if (!err)
		err = install(space, SLOT_FACTORY, &root_factory->obj, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_LOG, &console, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_ICU, &icu, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_SCHEDULER, &scheduler->obj, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_PLATFORM, &platform, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_ROM, &rom->obj, L4_RIGHT_R);
	if (!err)
		err = install(space, SLOT_DTB, &dtb->obj, L4_RIGHT_R);
	if (!err)
		err = install(space, SLOT_IOMMU, &iommu, RIGHTS_NO_DESTROY);
	if (!err)
		err = install(space, SLOT_MMIO, &mmio->obj, L4_RIGHT_R | L4_RIGHT_W);
	return err;
}

/* Words of the boot arguments, separated by blanks; ned's own name first. */
static unsigned int split_args(const char *from, char *buffer, size_t room, const char **argv)
{
	unsigned int argc = 0;
	char *p = buffer;

	memset(buffer, 0, room);
	memcpy(buffer, from, strnlen(from, room - 1));
	argv[argc++] = "ned";
	while (argc < ARGS_MAX) {
		while (*p == ' ')
			*p++ = 0;
		if (!*p)
			break;
		argv[argc++] = p;
		while (*p && *p != ' ')
			p++;
	}
	return argc;
}

static enum err make_env(struct space *space, const struct root_boot *boot, uint64_t at, uint64_t utcb)
{
	static uint64_t block[512];
	static char args[1024];
	static const struct envblock_cap caps[] = {
		{"task", L4_SLOT_TASK, L4_RIGHTS_ALL},
		{"factory", SLOT_FACTORY, RIGHTS_NO_DESTROY},
		{"log", SLOT_LOG, RIGHTS_NO_DESTROY},
		{"icu", SLOT_ICU, RIGHTS_NO_DESTROY},
		{"scheduler", SLOT_SCHEDULER, RIGHTS_NO_DESTROY},
		{"platform", SLOT_PLATFORM, RIGHTS_NO_DESTROY},
		{"rom", SLOT_ROM, L4_RIGHT_R},
		{"dtb", SLOT_DTB, L4_RIGHT_R},
		{"iommu", SLOT_IOMMU, RIGHTS_NO_DESTROY},
		{"mmio", SLOT_MMIO, L4_RIGHT_R | L4_RIGHT_W},
	};
	const char *argv[ARGS_MAX];
	struct envblock_spec spec = {
		.argv = argv,
		.cap_count = sizeof(caps) / sizeof(caps[0]),
		.caps = caps,
		.tag = "ned",
		.first_free_slot = SLOT_FREE,
		.utcb = utcb,
		.free_start = at + L4_PAGE_SIZE,
		.free_end = ELF_ADDRESS_END,
	};
	size_t size;
	enum err err;

	spec.argc = split_args(boot->bootargs, args, sizeof(args), argv);
	err = envblock_build(block, sizeof(block), &spec, &size);
	return err ? err : place(space, block, size, L4_PAGE_SIZE, at, L4_MAP_R);
}

static const char *find_ned(const struct root_boot *boot, struct cpio_file *file, struct elf_image *image)
{
	const char *why;
	enum err err;

	if (!boot->rom_size)
		return "there is no ROM: pass a cpio archive as the initial RAM disk";
	err = cpio_find(boot->rom, boot->rom_size, "ned", file);
	if (err == ERR_NOENT)
		return "the ROM holds no program 'ned': make the archive with tools/mkrom";
	if (err)
		return "the ROM is no cpio archive of the newc format, or it is cut off: make it with tools/mkrom";
	return elf_read(file->data, file->size, image, &why) ? "the program 'ned' in the ROM is no AArch64 ELF program"
							     : NULL;
}

/* Image, guard page, stack, guard page, UTCB, environment. */
static enum err make_task(const struct root_boot *boot, const struct cpio_file *file, const struct elf_image *image)
{
	uint64_t stack = image->end + L4_PAGE_SIZE, stack_end = stack + STACK_SIZE;
	uint64_t utcb = stack_end + L4_PAGE_SIZE, env = utcb + L4_PAGE_SIZE;
	struct dataspace *rom = NULL;
	struct thread *thread = NULL;
	struct space *space = NULL;
	enum err err;

	err = factory_create(NULL, machine_ram.free_pages * L4_PAGE_SIZE, &root_factory);
	if (!err)
		err = space_create(root_factory, SPACE_TASK, &space);
	if (!err)
		err = make_rom(boot, &rom);
	if (!err)
		err = load_segments(space, boot, rom, file, image);
	if (!err)
		err = place(space, "", 0, STACK_SIZE, stack, L4_MAP_R | L4_MAP_W);
	if (!err)
		err = make_env(space, boot, env, utcb);
	if (!err)
		err = give_machine(space, boot, rom);
	if (!err)
		err = thread_create(root_factory, space, (ipa_t){utcb}, arch_this_cpu()->id, ROOT_PRIORITY, &thread);
	if (!err)
		thread_start(thread, image->entry, stack_end, env);
	return err;
}

enum err root_start(const struct root_boot *boot, const char **out_why)
{
	struct cpio_file file;
	struct elf_image image;
	enum err err;

	*out_why = find_ned(boot, &file, &image);
	if (*out_why)
		return ERR_INVAL;
	err = make_task(boot, &file, &image);
	if (err == ERR_NOMEM)
		*out_why = "too little memory to start the program 'ned': give the machine more";
	else if (err)
		*out_why = "the program 'ned' in the ROM cannot be loaded: a segment does not start at a page";
	return err;
}
