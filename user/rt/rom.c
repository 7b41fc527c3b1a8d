/* Files of the boot archive. */
#include <string.h>

#include "internal.h"
#include "lib/cpio.h"

static struct l4_lock rom_lock;
static const void *rom_data;
static size_t rom_size;

static enum err map_rom(void)
{
	struct l4_dataspace_info info;
	uint32_t slot;
	void *data = NULL;
	enum err err = l4_env_cap("rom", &slot);

	if (err == OK)
		err = l4_dataspace_info(slot, &info);
	if (err == OK)
		err = l4_attach(slot, 0, info.size, L4_MAP_R, &data);
	if (err == OK) {
		rom_data = data;
		rom_size = info.size;
	}
	return err;
}

static enum err need_rom(void)
{
	enum err err = OK;

	l4_lock_acquire(&rom_lock);
	if (rom_data == NULL)
		err = map_rom();
	l4_lock_release(&rom_lock);
	return err;
}

enum err l4_rom_find(const char *name, const void **out_data, size_t *out_size)
{
	struct cpio_file file;
	enum err err = need_rom();

	if (err == OK)
		err = cpio_find(rom_data, rom_size, name, &file);
	if (err == OK) {
		*out_data = file.data;
		*out_size = file.size;
	}
	return err;
}

enum err l4_rom_place(const void *data, uint32_t *out_rom, uint64_t *out_offset)
{
	enum err err = l4_env_cap("rom", out_rom);

	if (err == OK)
		*out_offset = (uint64_t)((const char *)data - (const char *)rom_data);
	return err;
}

enum err l4_rom_list(unsigned int index, char *out_name, size_t name_size, size_t *out_size)
{
	struct cpio_file file;
	size_t offset = 0;
	enum err err = need_rom();

	for (unsigned int i = 0; err == OK && i <= index; i++)
		err = cpio_next(rom_data, rom_size, &offset, &file);
	if (err != OK)
		return err;
	if (strlen(file.name) >= name_size)
		return ERR_NAMETOOLONG;
	strcpy(out_name, file.name);
	*out_size = file.size;
	return OK;
}
