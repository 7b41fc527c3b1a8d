/* What becomes of a vCPU's interrupts when it is turned on, and which of them wake a VM that sleeps [GIC GICR_ISPENDR0, GICD_ISPENDR<n>] [PSCI CPU_ON]. Pure. */
#include "model/gicv3_bank.h"

static struct gic_range range_of(struct gic *gic, unsigned int cpu, uint32_t intid)
{
	return intid < 32 ? gic_private_range(gic, cpu) : gic_shared_range(gic, intid / 32 - 1);
}

void gic_cpu_take_back(struct gic *gic, unsigned int cpu)
{
	struct l4_vcpu_vgic *vgic = gic->port.held(gic->port.context, cpu);

	if (!vgic)
		return;
	for (uint32_t i = 0; i < vgic->held_count && i < L4_VCPU_HELD_MAX; i++) {
		uint32_t intid = (uint32_t)(vgic->held[i] & L4_VIRQ_INTID_MASK);
		struct gic_range range;
		uint32_t bit = 1u << intid % 32;

		if (intid >= 32 + gic->state.spi_count)
			continue;
		range = range_of(gic, cpu, intid);
		range.bank->given &= ~bit;
		/* A line that is high needs no memory; nor does a level that the hypervisor watches. */
		if (vgic->held[i] & L4_VIRQ_PENDING &&
		    (range.bank->edge | ~(range.bank->line | range.bank->bound)) & bit)
			range.bank->latch |= bit;
	}
	vgic->held_count = 0;
	gic->state.cpu[cpu].given_count = 0;
	gic->port.held_changed(gic->port.context, cpu);
}

void gic_cpu_give_again(struct gic *gic, unsigned int cpu)
{
	struct gic_range range = gic_private_range(gic, cpu);

	gic_deliver(gic, &range, ~0u);
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		range = gic_shared_range(gic, bank);
		gic_deliver(gic, &range, ~0u);
	}
}

bool gic_would_wake(const struct gic *gic, unsigned int cpu, uint32_t intid)
{
	if (intid < 32 || intid >= 32 + gic->state.spi_count)
		return false;
	return gic->state.spi[intid / 32 - 1].enable >> intid % 32 & 1 && gic->state.target[intid - 32] == cpu;
}

void gic_bind_again(struct gic *gic, uint32_t intid)
{
	struct gic_range range;

	if (intid < 32 || intid >= 32 + gic->state.spi_count)
		return;
	range = gic_shared_range(gic, intid / 32 - 1);
	gic_configure_bound(gic, &range, 1u << intid % 32);
}
