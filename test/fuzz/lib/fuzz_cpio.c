/* Fuzzer of lib/cpio.c: any bytes as the boot archive. [CPIO]
 * seeds: test/fuzz/lib/cpio */
#include "lib/cpio.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t offset = 0, before = 0;
	struct cpio_file file;
	volatile uint8_t sum = 0;

	while (cpio_next(data, size, &offset, &file) == OK) {
		assert(offset > before && offset <= size);
		before = offset;
		sum = (uint8_t)(sum + strlen(file.name));
		for (size_t i = 0; i < file.size; i++)
			sum = (uint8_t)(sum + ((const uint8_t *)file.data)[i]);
	}
	(void)!cpio_find(data, size, "rom/uvmm", &file);
	return 0;
}
