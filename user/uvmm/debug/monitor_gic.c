/* Monitor command about interrupts: gic. Pure. [GIC Distributor register map] */
#include "debug/monitor_commands.h"
#include "model/gicv3_bank.h"

#include <string.h>

static void print_one(struct monitor *monitor, const struct gic_range *range, unsigned int i, uint32_t pending,
		      uint32_t active, struct text *out)
{
	const struct gic_bank *bank = range->bank;
	const struct gic_state *state = &monitor->debug->vm->gic.state;
	uint32_t intid = range->first + i, bit = 1u << i;

	if (intid < 16)
		text_print(out, "SGI %-4u", intid);
	else if (intid < 32)
		text_print(out, "PPI %-4u", intid - 16);
	else
		text_print(out, "SPI %-4u", intid - 32);
	text_print(out, "%5u  %-8s %-7s %-6s 0x%02x  %d  %-5s", intid, bank->enable & bit ? "enabled" : "-",
		   pending & bit ? "pending" : "-", active & bit ? "active" : "-", bank->priority[i],
		   bank->group & bit ? 1 : 0,
		   bank->edge & bit   ? "edge"
		   : bank->line & bit ? "high"
				      : "level");
	if (!range->shared)
		text_print(out, "  vCPU %u\n", range->cpu);
	else if (state->target[intid - 32] == GIC_NOBODY)
		text_print(out, "  nobody\n");
	else
		text_print(out, "  vCPU %u\n", state->target[intid - 32]);
}

static void print_range(struct monitor *monitor, const struct gic_range *range, bool all, struct text *out)
{
	struct gic *gic = &monitor->debug->vm->gic;
	uint32_t pending = gic_pending(gic, range), active = gic_held(gic, range).active;
	uint32_t shown = all ? range->valid : (range->bank->enable | pending | active) & range->valid;

	for (; shown != 0; shown &= shown - 1)
		print_one(monitor, range, (unsigned int)__builtin_ctz(shown), pending, active, out);
}

bool monitor_gic(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	struct gic *gic = &monitor->debug->vm->gic;
	bool all = count == 2 && strcmp(word[1], "all") == 0;
	struct gic_range range;

	if (count > 2 || (count == 2 && !all))
		return false;
	text_print(out, "interrupt INTID enable   pending active prio  group\n");
	for (unsigned int cpu = 0; cpu < gic->state.cpu_count; cpu++) {
		range = gic_private_range(gic, cpu);
		print_range(monitor, &range, all, out);
	}
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		range = gic_shared_range(gic, bank);
		print_range(monitor, &range, all, out);
	}
	return true;
}
