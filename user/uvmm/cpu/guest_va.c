/* Reading and writing a guest's memory by its own virtual addresses; see guest_va.h. */
#include "cpu/guest_va.h"

/* The part of a range that translates alike: its guest physical address, its size at most `size`. */
static enum err next_part(const struct guest_va *space, va_t va, size_t size, struct guest_va_stop *stop,
			  size_t *out_part)
{
	va_t at = {va.v + stop->done};
	size_t left = size - stop->done;

	if (!walk(space->regime, space->mem, at, space->el, space->access, &stop->walk))
		return ERR_FAULT;
	*out_part = left < stop->walk.size ? left : (size_t)stop->walk.size;
	/* A block may reach further than RAM does; pages keep what fails small. */
	if (*out_part > L4_PAGE_SIZE - (at.v & (L4_PAGE_SIZE - 1)))
		*out_part = L4_PAGE_SIZE - (at.v & (L4_PAGE_SIZE - 1));
	return OK;
}

enum err guest_va_read(const struct guest_va *space, va_t va, void *to, size_t size, struct guest_va_stop *out_stop)
{
	uint8_t *out = to;
	enum err err = OK;
	size_t part;

	*out_stop = (struct guest_va_stop){0};
	while (out_stop->done < size) {
		err = next_part(space, va, size, out_stop, &part);
		if (err == OK)
			err = guest_read(space->mem, out_stop->walk.ipa, out + out_stop->done, part);
		if (err != OK)
			return err;
		out_stop->done += part;
	}
	return OK;
}

enum err guest_va_write(const struct guest_va *space, va_t va, const void *from, size_t size,
			struct guest_va_stop *out_stop)
{
	const uint8_t *in = from;
	enum err err = OK;
	size_t part;

	*out_stop = (struct guest_va_stop){0};
	while (out_stop->done < size) {
		err = next_part(space, va, size, out_stop, &part);
		if (err == OK)
			err = guest_write(space->mem, out_stop->walk.ipa, in + out_stop->done, part);
		if (err != OK)
			return err;
		out_stop->done += part;
	}
	return OK;
}
