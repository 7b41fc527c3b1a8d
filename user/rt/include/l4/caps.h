/* A program's environment: its capabilities by name, its arguments, free slots and free addresses. */
#pragma once

#include <l4/env.h>
#include <l4/syscall.h>

const struct l4_env *l4_env(void);

/* The slot of the capability with that name, or ERR_NOENT. */
enum err l4_env_cap(const char *name, uint32_t *out_slot);

/* As l4_env_cap; when there is none, one line on the log says its name, what it is for and where to add it.
 * `purpose` completes "... needs it for": "the guest's memory". */
enum err l4_env_need(const char *name, const char *purpose, uint32_t *out_slot);

/* The rights the loader gave with the capability in that slot; 0 when the environment does not name it. */
uint32_t l4_env_rights(uint32_t slot);

/* The i-th capability of the environment, for listings; NULL after the last. */
const char *l4_env_cap_name(unsigned int index, uint32_t *out_slot);

/* The name that the program's messages carry. */
const char *l4_env_tag(void);

/* A slot that holds nothing, or ERR_NOSPC. `free` does not drop what is in it: l4_slot_drop does both. */
enum err l4_slot_alloc(uint32_t *out_slot);
/* `count` slots in a row, freed one by one. */
enum err l4_slots_alloc(unsigned int count, uint32_t *out_first);
void l4_slot_free(uint32_t slot);
void l4_slot_drop(uint32_t slot);
/* How many slots are taken. */
unsigned int l4_slot_count(void);

/* `size` bytes of addresses with nothing mapped, aligned to `align` (a power of two, at least a page), or
 * ERR_ADDRNOTAVAIL. Size is rounded up to pages here and in free. */
enum err l4_va_alloc(uint64_t size, uint64_t align, uint64_t *out_address);
void l4_va_free(uint64_t address, uint64_t size);
