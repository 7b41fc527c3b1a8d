/* POSIX's file calls below picolibc's streams: files of the boot archive, "rom/NAME", read only. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "internal.h"

#define FIRST_FD 3
#define FILES_MAX 16

struct open_file {
	const char *data; /* NULL: not open */
	size_t size, at;
};

static struct l4_lock files_lock;
static struct open_file files[FILES_MAX];

static struct open_file *file_of(int fd)
{
	if (fd < FIRST_FD || fd >= FIRST_FD + FILES_MAX || files[fd - FIRST_FD].data == NULL) {
		errno = EBADF;
		return NULL;
	}
	return &files[fd - FIRST_FD];
}

static int take_fd(const char *data, size_t size)
{
	int fd = -1;

	l4_lock_acquire(&files_lock);
	for (int i = 0; i < FILES_MAX && fd < 0; i++)
		if (files[i].data == NULL) {
			files[i] = (struct open_file){data, size, 0};
			fd = i + FIRST_FD;
		}
	l4_lock_release(&files_lock);
	if (fd < 0)
		errno = EMFILE;
	return fd;
}

int open(const char *name, int flags, ...)
{
	const void *data;
	size_t size;

	if ((flags & O_ACCMODE) != O_RDONLY) {
		errno = EROFS;
		return -1;
	}
	/* An empty file has an address too. */
	if (strncmp(name, "rom/", 4) != 0 || l4_rom_find(name, &data, &size) != OK) {
		errno = ENOENT;
		return -1;
	}
	return take_fd(data, size);
}

int close(int fd)
{
	struct open_file *file = file_of(fd);

	if (file == NULL)
		return -1;
	file->data = NULL;
	return 0;
}

ssize_t read(int fd, void *to, size_t size)
{
	struct open_file *file = file_of(fd);

	if (file == NULL)
		return -1;
	if (size > file->size - file->at)
		size = file->size - file->at;
	memcpy(to, file->data + file->at, size);
	file->at += size;
	return (ssize_t)size;
}

ssize_t write(int fd, const void *from, size_t size)
{
	(void)from;
	(void)size;
	if (file_of(fd) != NULL)
		errno = EROFS;
	return -1;
}

off_t lseek(int fd, off_t offset, int whence)
{
	struct open_file *file = file_of(fd);
	off_t base, at;

	if (file == NULL)
		return -1;
	base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off_t)file->at : (off_t)file->size;
	if (__builtin_add_overflow(base, offset, &at) || at < 0 || (size_t)at > file->size) {
		errno = EINVAL;
		return -1;
	}
	file->at = (size_t)at;
	return at;
}

int unlink(const char *name)
{
	(void)name;
	errno = EROFS;
	return -1;
}
