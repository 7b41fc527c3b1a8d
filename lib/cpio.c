/* Reading a cpio archive of the newc format: the boot archive. [CPIO] */
#include "lib/cpio.h"

/* "070701", then 13 numbers of 8 hexadecimal digits, then the name and the data, each filled up to 4 bytes. */
#define HEADER_SIZE 110u
#define MAGIC_SIZE 6u
#define DIGITS 8u

enum field { MODE = 1, FILE_SIZE = 6, NAME_SIZE = 11 };

#define MODE_TYPE 0170000u
#define MODE_REGULAR 0100000u

static bool is_equal(const char *a, const char *b)
{
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const char *skip_prefix(const char *name, const char *prefix)
{
	const char *rest = name;

	while (*prefix != 0 && *rest == *prefix) {
		rest++;
		prefix++;
	}
	return *prefix == 0 ? rest : name;
}

static const char *bare_name(const char *name)
{
	return skip_prefix(skip_prefix(name, "./"), "rom/");
}

static bool read_field(const char *header, enum field field, uint32_t *out_value)
{
	const char *digit = header + MAGIC_SIZE + (size_t)field * DIGITS;
	uint32_t value = 0;

	for (unsigned int i = 0; i < DIGITS; i++) {
		char c = digit[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*out_value = value;
	return true;
}

static bool has_magic(const char *header)
{
	static const char magic[] = "07070";

	for (unsigned int i = 0; i < sizeof(magic) - 1; i++)
		if (header[i] != magic[i])
			return false;
	/* 1: plain, 2: with a check sum, which covers the data only and which we do not look at. */
	return header[5] == '1' || header[5] == '2';
}

/* Move *place on by `count` bytes and up to a multiple of 4, staying within size. */
static bool advance(size_t *place, size_t count, size_t size)
{
	if (count > size - *place)
		return false;
	*place += count;
	*place += -*place & 3u;
	/* The fill after the last entry may be missing. */
	if (*place > size)
		*place = size;
	return true;
}

enum err cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *out_file)
{
	const char *bytes = archive;
	size_t place = *offset;
	uint32_t mode, file_size, name_size;
	const char *name;

	if (place > size || size - place < HEADER_SIZE || !has_magic(bytes + place) ||
	    !read_field(bytes + place, MODE, &mode) || !read_field(bytes + place, FILE_SIZE, &file_size) ||
	    !read_field(bytes + place, NAME_SIZE, &name_size))
		return ERR_INVAL;

	name = bytes + place + HEADER_SIZE;
	if (name_size == 0 || name_size > size - place - HEADER_SIZE || name[name_size - 1] != 0 ||
	    !advance(&place, HEADER_SIZE + (size_t)name_size, size))
		return ERR_INVAL;
	if (is_equal(name, "TRAILER!!!"))
		return ERR_NOENT;

	out_file->name = bare_name(name);
	out_file->data = bytes + place;
	out_file->size = file_size;
	out_file->mode = mode;
	if (!advance(&place, file_size, size))
		return ERR_INVAL;
	*offset = place;
	return OK;
}

enum err cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *out_file)
{
	const char *wanted = bare_name(name);
	struct cpio_file file;
	size_t offset = 0;
	bool found = false;
	enum err err;

	while ((err = cpio_next(archive, size, &offset, &file)) == OK)
		if ((file.mode & MODE_TYPE) == MODE_REGULAR && is_equal(file.name, wanted)) {
			*out_file = file;
			found = true;
		}
	return found ? OK : err;
}
