/* Reading a cpio archive of the newc format: the boot archive. Pure; every length in the archive is checked. [CPIO] */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

struct cpio_file {
	const char *name; /* inside the archive, ended by 0, without a leading "./" or "rom/" */
	const void *data;
	size_t size;
	uint32_t mode; /* as in struct stat */
};

/* The entry at *offset (0 for the first), and the offset of the next. ERR_NOENT at the end of the archive, ERR_INVAL
 * when what is there is no entry or runs over the end; then *offset is not changed. */
enum err cpio_next(const void *archive, size_t size, size_t *offset, struct cpio_file *out_file);

/* The regular file of that name; a leading "./" or "rom/" of the name does not count. The last one of several wins, as
 * when the archive is unpacked. ERR_NOENT: not in the archive; ERR_INVAL: the archive is damaged before it. */
enum err cpio_find(const void *archive, size_t size, const char *name, struct cpio_file *out_file);
