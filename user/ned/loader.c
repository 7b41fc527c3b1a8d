/* Starting a program: its task, its memory, its capabilities, its first thread.
 *
 *   4 MiB: the ELF file's segments | gap | environment (R) | gap | UTCB | gap | stack (RW), grows down | gap | free ...
 *
 * A gap is addresses with nothing there: a page, below the stack as much as the stack has. Slots of the new task: 0 the thread itself, 1 the task, then the named
 * capabilities in order, then the dataspaces of its image (what is not mapped from the ROM) and its first thread, which
 * live exactly as long as it does.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include "lib/elf.h"

#define STACK_SIZE 0x10000ull
#define ENVIRONMENT_MAX 0x10000u
#define TASK_RIGHTS (L4_RIGHT_R | L4_RIGHT_W | L4_RIGHT_S)

struct load {
	const struct loader_spec *spec;
	const char *what; /* is being done; for the message */
	uint32_t task, thread;
	uint32_t next_slot; /* in the task */
	uint64_t next_address;
	uint64_t utcb, environment, stack_top;
};

struct file {
	const void *data;
	size_t size;
};

static uint64_t page_down(uint64_t address)
{
	return address & ~(L4_PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t address)
{
	return page_down(address + L4_PAGE_SIZE - 1);
}

/* Put bytes at `offset` of a dataspace through a mapping of our own. */
static enum err fill(uint32_t dataspace, uint64_t dataspace_size, uint64_t offset, const void *data, size_t size,
		     bool is_code)
{
	void *window;
	enum err err = l4_attach(dataspace, 0, dataspace_size, L4_MAP_R | L4_MAP_W, &window);

	if (err != OK)
		return err;
	err = l4_try_copy((char *)window + offset, data, size);
	if (err == OK && is_code)
		l4_cache_sync_code((char *)window + offset, size);
	l4_detach(window, dataspace_size);
	return err;
}

/* Make memory of the task: filled, mapped there, and owned by it. It cannot map its code writable: rights. */
static enum err add_memory(struct load *load, uint64_t address, uint64_t size, uint64_t offset, const void *data,
			   size_t data_size, uint32_t map_flags)
{
	uint32_t rights = L4_RIGHT_R | ((map_flags & L4_MAP_W) != 0 ? L4_RIGHT_W : 0);
	uint32_t dataspace = 0;
	enum err err = l4_slot_alloc(&dataspace);

	if (err != OK)
		return err;
	err = l4_factory_create_dataspace(load->spec->factory, dataspace, size, 0, 0);
	if (err != OK) {
		l4_slot_free(dataspace);
		return err;
	}
	if (data_size > 0)
		err = fill(dataspace, size, offset, data, data_size, (map_flags & L4_MAP_X) != 0);
	if (err == OK)
		err = l4_space_map(load->task, dataspace, 0, address, size, map_flags);
	if (err == OK)
		err = l4_space_give(load->task, dataspace, load->next_slot++, rights);
	l4_slot_drop(dataspace);
	return err;
}

/* Code and constants that lie in pages of their own in the ROM [tools/mkrom] stay there, for all programs of that file. */
static enum err map_in_place(struct load *load, const struct elf_segment *s, const char *data)
{
	uint64_t start = page_down(s->address), offset;
	uint32_t rom;
	enum err err = l4_rom_place(data - (s->address - start), &rom, &offset);

	if (err != OK)
		return err;
	/* Who put the ROM there had it for data. */
	if ((s->map_flags & L4_MAP_X) != 0)
		l4_cache_sync_code(data, s->file_size);
	return l4_space_map(load->task, rom, offset, start, page_up(s->address + s->memory_size) - start, s->map_flags);
}

static enum err load_segment(struct load *load, const struct elf_segment *s, const char *file, size_t file_size)
{
	uint64_t start = page_down(s->address), end = page_up(s->address + s->memory_size);

	if (elf_is_in_place(s, file, file_size))
		return map_in_place(load, s, file + s->file_offset);
	return add_memory(load, start, end - start, s->address - start, file + s->file_offset, s->file_size,
			  s->map_flags);
}

static enum err load_segments(struct load *load, const struct file *file, const struct elf_image *image)
{
	for (unsigned int i = 0; i < image->count; i++) {
		enum err err = load_segment(load, &image->segment[i], file->data, file->size);

		if (err != OK)
			return err;
	}
	load->next_address = image->end + L4_PAGE_SIZE;
	return OK;
}

static enum err give_capabilities(struct load *load)
{
	enum err err = l4_space_give(load->task, load->task, L4_SLOT_TASK, TASK_RIGHTS);

	load->next_slot = L4_SLOT_TASK + 1;
	for (unsigned int i = 0; err == OK && i < load->spec->cap_count; i++)
		err = l4_space_give(load->task, load->spec->caps[i].slot, load->next_slot++,
				    load->spec->caps[i].rights);
	return err;
}

static enum err add_environment(struct load *load)
{
	static uint64_t page[L4_PAGE_SIZE / sizeof(uint64_t)];
	uint64_t *block = page;
	struct envblock_cap caps[LOADER_CAPS_MAX];
	struct envblock_spec env = {
		.argc = load->spec->argc,
		.argv = load->spec->argv,
		.cap_count = load->spec->cap_count,
		.caps = caps,
		.tag = load->spec->tag,
		.colour = load->spec->colour,
		/* This block's dataspace, the stack's and the thread follow. */
		.first_free_slot = load->next_slot + 3,
	};
	uint64_t size;
	size_t used;
	enum err err;

	for (unsigned int i = 0; i < env.cap_count; i++)
		caps[i] = (struct envblock_cap){load->spec->caps[i].name, L4_SLOT_TASK + 1 + i,
						load->spec->caps[i].rights};
	err = envblock_build(block, sizeof(page), &env, &used);
	if (err == ERR_2BIG && used <= ENVIRONMENT_MAX) {
		block = malloc(page_up(used));
		if (block == NULL)
			return ERR_NOMEM;
	} else if (err != OK) {
		return err;
	}

	size = page_up(used);
	load->environment = load->next_address;
	load->utcb = load->environment + size + L4_PAGE_SIZE;
	load->stack_top = load->utcb + L4_PAGE_SIZE + 2 * STACK_SIZE;
	env.utcb = load->utcb;
	env.free_start = (load->stack_top + 2 * L4_SUPERPAGE_SIZE - 1) & ~(L4_SUPERPAGE_SIZE - 1);
	env.free_end = ELF_ADDRESS_END;
	err = envblock_build(block, size, &env, &used);
	if (err == OK)
		err = add_memory(load, load->environment, size, 0, block, used, L4_MAP_R);
	if (block != page)
		free(block);
	return err;
}

static enum err add_thread(struct load *load)
{
	enum err err = l4_slot_alloc(&load->thread);

	if (err != OK)
		return err;
	err = l4_factory_create_thread(load->spec->factory, load->thread, load->task, load->utcb);
	if (err != OK) {
		l4_slot_free(load->thread);
		load->thread = 0;
		return err;
	}
	return l4_space_give(load->task, load->thread, load->next_slot++, L4_RIGHT_R | L4_RIGHT_W);
}

static enum err build(struct load *load, const struct file *file, const struct elf_image *image)
{
	enum err err;

	load->what = "giving it a capability";
	err = give_capabilities(load);
	if (err != OK)
		return err;
	load->what = "loading its image";
	err = load_segments(load, file, image);
	if (err != OK)
		return err;
	load->what = "making its environment block";
	err = add_environment(load);
	if (err != OK)
		return err;
	load->what = "making its stack";
	err = add_memory(load, load->stack_top - STACK_SIZE, STACK_SIZE, 0, NULL, 0, L4_MAP_R | L4_MAP_W);
	if (err != OK)
		return err;
	load->what = "making its thread";
	return add_thread(load);
}

static enum err find(const char *name, struct file *out_file, struct elf_image *out_image, const char **out_what)
{
	enum err err = l4_rom_find(name, &out_file->data, &out_file->size);

	if (err != OK) {
		/* ERR_INVAL is for the file's own faults. */
		*out_what = "finding it in the ROM, which is damaged before it";
		return err == ERR_INVAL ? ERR_IO : err;
	}
	return elf_read(out_file->data, out_file->size, out_image, out_what);
}

enum err loader_load(const struct loader_spec *spec, struct loader_program *out_program, const char **out_what)
{
	struct load load = {.spec = spec};
	struct elf_image image;
	struct file file = {NULL, 0};
	enum err err = find(spec->file, &file, &image, out_what);

	if (err != OK)
		return err;
	*out_what = "making its task";
	err = l4_slot_alloc(&load.task);
	if (err != OK)
		return err;
	err = l4_factory_create_task(spec->factory, load.task);
	if (err != OK) {
		l4_slot_free(load.task);
		return err;
	}
	err = build(&load, &file, &image);
	if (err != OK) {
		*out_what = load.what;
		if (load.thread != 0)
			l4_slot_drop(load.thread);
		(void)l4_object_destroy(load.task);
		l4_slot_drop(load.task);
		return err;
	}
	*out_program = (struct loader_program){
		.task = load.task,
		.thread = load.thread,
		.entry = image.entry,
		.stack = load.stack_top,
		.environment = load.environment,
	};
	return OK;
}
