/* Fuzzer of the monitor: any bytes as its input, in a VM whose page tables and stack are the same bytes. Checked besides
 * the sanitizers: every line gets one end of a reply, or a prompt.
 * seeds: test/fuzz/uvmm/monitor */
#include <libfdt.h>

#include "uvmm/debug/fake_debug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char tree[1024];

static void fill(struct fake_debug *f, const uint8_t *data, size_t size)
{
	static struct scan_device device = {.kind = SCAN_PL011, .path = "/uart@9000000"};

	if (fdt_create_empty_tree(tree, sizeof(tree)) != 0)
		abort();
	f->plan.tree.fdt = tree;
	f->plan.scan.device = &device;
	f->plan.scan.device_count = 1;
	f->plan.layout.piece[0] = (struct ram_piece){{VM_RAM}, FAKE_RAM_SIZE, 0, 0};
	f->plan.layout.piece_count = 1;
	memcpy(f->ram, data, size < FAKE_RAM_SIZE ? size : FAKE_RAM_SIZE);
	f->fake.page[0].x[29] = VM_RAM;
	f->fake.page[1].x[29] = VM_RAM + 8;
	if (size > 8 && data[0] & 1) {
		f->fake.page[0].sys.sctlr_el1 = 1;
		f->fake.page[0].sys.ttbr0_el1 = VM_RAM;
		memcpy(&f->fake.page[0].sys.tcr_el1, data, 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_debug *f = fake_debug_make();

	fill(f, data, size);
	for (size_t i = 0; i < size; i++) {
		bool had_prompt = f->monitor.has_prompt, stepped;

		monitor_take(&f->monitor, data + i, 1);
		stepped = f->monitor.stepping;
		if (stepped) {
			(void)fake_stops(f, f->debug.cpu[0].action == DEBUG_STEP ? 0 : 1, EC_STEP, VM_PC);
			fake_service(f);
			debug_stop(&f->debug);
			monitor_look(&f->monitor);
		}
		if (!had_prompt && !f->monitor.has_prompt && (data[i] == '\t' || data[i] == '\n' || stepped) &&
		    (f->monitor.out.size == 0 || f->monitor.out.data[f->monitor.out.size - 1] != MONITOR_EOT))
			abort();
		text_consume(&f->monitor.out, f->monitor.out.size);
	}
	fake_debug_free(f);
	return 0;
}
