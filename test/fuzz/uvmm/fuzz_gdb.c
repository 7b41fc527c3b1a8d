/* Fuzzer of the GDB stub: packets with good frames, raw bytes, and vCPUs that run into something meanwhile.
 *
 * Input: lines. One that begins with $ is a packet, for which frame and checksum are made; with ! and a letter, a vCPU
 * meets a debug exception; any other goes in as it is. Checked besides the sanitizers: each vCPU is held once or not at
 * all, and a VM that stands has none of our instructions in its memory.
 * seeds: test/fuzz/uvmm/gdb */
#include "uvmm/debug/fake_debug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void meet(struct fake_debug *f, uint8_t what)
{
	static const unsigned int ec[] = {EC_STEP, EC_BRK, EC_BREAKPOINT, EC_WATCHPOINT};
	unsigned int cpu = what >> 2 & 1;

	if (f->holds[cpu] != 0)
		return; /* it does not run */
	(void)fake_stops(f, cpu, ec[what & 3], f->fake.page[cpu].pc);
	fake_service(f);
}

static void check(const struct fake_debug *f)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++)
		if (f->holds[cpu] != (f->debug.cpu[cpu].held ? 1 : 0))
			abort();
	for (unsigned int i = 0; f->debug.stopped && i < f->debug.break_count; i++)
		if (f->debug.breaks[i].inserted)
			abort();
}

static void line(struct fake_debug *f, const uint8_t *data, size_t size)
{
	struct text packet = {0};

	if (size > 1 && data[0] == '!') {
		meet(f, data[1]);
	} else if (size && data[0] == '$') {
		gdb_send(&packet, data + 1, size - 1);
		gdb_take(&f->gdb, packet.data, packet.size);
		text_free(&packet);
	} else {
		gdb_take(&f->gdb, data, size);
	}
	check(f);
	text_consume(&f->gdb.out, f->gdb.out.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char tree[] = "";
	struct fake_debug *f = fake_debug_make();

	f->plan.tree.fdt = tree;
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;

		line(f, data, length);
		length += end != NULL;
		data += length;
		size -= length;
	}
	fake_debug_free(f);
	return 0;
}
