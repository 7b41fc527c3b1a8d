/* Plain types of the interface between EL2 and EL0, and address types that cannot be mixed up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each address space has its own type; a one-member struct costs nothing and does not convert. */
typedef struct {
	uint64_t v;
} pa_t; /* physical address of the machine */
typedef struct {
	uint64_t v;
} ipa_t; /* address that a guest or a task uses, before stage 2 */
typedef struct {
	uint64_t v;
} va_t; /* address in a guest's own stage 1 */

#define L4_PAGE_SHIFT 12
#define L4_PAGE_SIZE 4096ull
#define L4_SUPERPAGE_SIZE 0x200000ull
