/* Dataspaces in the program's own address space, copies that survive their disappearance, and cache maintenance. */
#pragma once

#include <l4/caps.h>

/* Map [offset, offset + size) of the dataspace at free addresses. Large ranges are superpage aligned with the offset. */
enum err l4_attach(uint32_t dataspace, uint64_t offset, uint64_t size, uint32_t map_flags, void **out_address);

/* Undo l4_attach, with the same size. */
void l4_detach(void *address, uint64_t size);

/* Copy between memory that may vanish meanwhile (somebody else's dataspace). ERR_FAULT when it did; then a part may
 * have been copied. Bytewise order is not promised. */
enum err l4_try_copy(void *to, const void *from, size_t size);

/* Clean to the point of coherency: somebody who looks with caches off sees it. */
void l4_cache_clean(const void *address, size_t size);

/* Clean to the point of unification and forget old instructions: the range may be executed, here or elsewhere. */
void l4_cache_sync_code(const void *address, size_t size);

/* Both: the range may be executed by somebody who begins with caches off. */
void l4_cache_clean_code(const void *address, size_t size);
