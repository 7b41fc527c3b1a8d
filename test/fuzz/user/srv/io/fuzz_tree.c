/* Fuzzer of io's reading of the host device tree: any bytes for a tree; then all devices go on buses.
 *
 * seeds: test/fuzz/user/srv/io/tree
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct io_machine machine;

static void check(const struct io_device *device)
{
	assert(device->resource_count <= IO_RESOURCES_MAX && device->stream_count <= IO_STREAMS_MAX);
	for (unsigned int i = 0; i < device->resource_count; i++) {
		const struct io_resource *r = &device->resource[i];

		assert(r->type == L4_VBUS_TYPE_MEM || (r->type == L4_VBUS_TYPE_IRQ && r->base >= 32 && r->base < 288));
		assert(r->type != L4_VBUS_TYPE_MEM || (r->size != 0 && r->size - 1 <= UINT64_MAX - r->base));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *tree = malloc(size == 0 ? 1 : size);
	char error[IO_ERROR], text[100];
	struct io_bus *bus[2];

	memcpy(tree, data, size);
	memset(&machine, 0, sizeof(machine));
	if (io_tree_read(&machine, tree, size, 288, error) == OK) {
		assert(io_bus_add(&machine, "even", "here", &bus[0], error) == OK);
		assert(io_bus_add(&machine, "odd", "there", &bus[1], error) == OK);
		bus[1]->is_unsafe_dma = true;
		for (unsigned int i = 0; i < machine.device_count; i++) {
			check(machine.device[i]);
			(void)!io_bus_put(&machine, bus[i % 2], machine.device[i], "test", error);
			assert(io_device_text(machine.device[i], text, sizeof(text)) <= sizeof(text));
		}
		(void)!io_busses_finish(&machine, error);
		io_busses_tell(&machine);
	}
	io_machine_end(&machine);
	free(tree);
	return 0;
}
