/* Ramdisks; see ramdisk.h. [CPIO newc] */
#include "guest/ramdisk.h"

#include <string.h>

#define NEWC_HEADER 110u
#define NEWC_FILE_SIZE 54
#define NEWC_NAME_SIZE 94

/* What image_guess says of things that can be ramdisks. */
static const char *const plausible[] = {"cpio", "compressed", "squashfs", "unknown", "zeros"};

static bool hex8(const uint8_t *text, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < 8; i++) {
		uint8_t c = text[i];

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out = *out << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* Whether the archive ends before its TRAILER!!! entry. Anything but plain newc is left to the guest. */
static bool is_truncated_cpio(const struct blob *file)
{
	uint64_t at = 0, name_size, file_size;

	if (file->size < 6 || memcmp(file->data, "07070", 5))
		return false;
	while (at + NEWC_HEADER <= file->size) {
		const uint8_t *header = file->data + at;

		if (memcmp(header, "07070", 5) || !hex8(header + NEWC_NAME_SIZE, &name_size) ||
		    !hex8(header + NEWC_FILE_SIZE, &file_size))
			return false;
		if (at + NEWC_HEADER + name_size <= file->size && name_size == sizeof "TRAILER!!!" &&
		    !memcmp(header + NEWC_HEADER, "TRAILER!!!", sizeof "TRAILER!!!"))
			return false;
		at = (at + NEWC_HEADER + name_size + 3) & ~3ull;
		at = (at + file_size + 3) & ~3ull;
	}
	return true;
}

static bool is_plausible(const char *guess)
{
	for (size_t i = 0; i < sizeof plausible / sizeof plausible[0]; i++) {
		if (strstr(guess, plausible[i]))
			return true;
	}
	return false;
}

enum err ramdisk_check(const struct blob *file, struct report *report)
{
	const char *guess = image_guess(file->data, file->size);

	if (!file->size)
		return report_fail(report, ERR_INVAL, "the ramdisk %s is empty; remove it or give another --ramdisk",
				   file->name);
	if (!is_plausible(guess))
		report_add(report, REPORT_WARN,
			   "the ramdisk %s looks like %s; Linux takes a cpio archive, plain or compressed", file->name,
			   guess);
	if (is_truncated_cpio(file))
		report_add(report, REPORT_WARN, "the ramdisk %s is truncated: the cpio archive goes on after its %s",
			   file->name, REPORT_SIZE(file->size));
	return OK;
}
