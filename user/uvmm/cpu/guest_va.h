/* Reading and writing a guest's memory by its own virtual addresses, across pages. Pure.
 *
 * Only RAM is reached: what the guest has mapped to a device is refused and not touched.
 */
#pragma once

#include "cpu/walk.h"

/* Whose eyes: addresses translate as for an access of this kind from this exception level. */
struct guest_va {
	const struct walk_regime *regime;
	const struct guest_mem *mem;
	unsigned int el;
	enum walk_access access;
};

/* How far it went, and the translation of the page where it stopped. */
struct guest_va_stop {
	size_t done;
	struct walk_result walk;
};

/* Copy `size` bytes at `va`; each page is translated by itself, and what lies before a page that fails is copied.
 * ERR_FAULT: that page does not translate, see out_stop->walk. ERR_RANGE: it leads where no RAM is, see out_stop->walk.ipa.
 * Addresses go round at the end of the address space, which no guest maps. */
enum err guest_va_read(const struct guest_va *space, va_t va, void *to, size_t size, struct guest_va_stop *out_stop);
enum err guest_va_write(const struct guest_va *space, va_t va, const void *from, size_t size,
			struct guest_va_stop *out_stop);
