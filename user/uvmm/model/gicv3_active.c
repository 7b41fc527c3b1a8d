/* Writes to the active state, which the hypervisor holds [GIC GICD_ISACTIVER<n>, GICD_ICACTIVER<n>]. Pure. */
#include "model/gicv3_bank.h"

static void remove_held(struct l4_vcpu_vgic *vgic, uint32_t index)
{
	vgic->held_count--;
	for (uint32_t i = index; i < vgic->held_count; i++)
		vgic->held[i] = vgic->held[i + 1];
}

/* Clears the active state of interrupts of the mask that this vCPU holds. */
static bool deactivate(struct l4_vcpu_vgic *vgic, const struct gic_range *range, uint32_t mask)
{
	bool changed = false;

	for (uint32_t i = vgic->held_count; i-- > 0;) {
		uint32_t bit = (uint32_t)(vgic->held[i] & L4_VIRQ_INTID_MASK) - range->first;

		if (bit >= 32 || !(mask >> bit & 1) || !(vgic->held[i] & L4_VIRQ_ACTIVE))
			continue;
		vgic->held[i] &= ~L4_VIRQ_ACTIVE;
		changed = true;
		if (!(vgic->held[i] & L4_VIRQ_PENDING))
			remove_held(vgic, i);
	}
	return changed;
}

/* Returns false when the table is full: more active interrupts than any program can mean. */
static bool activate(struct l4_vcpu_vgic *vgic, const struct gic_range *range, uint32_t bit)
{
	const struct gic_bank *bank = range->bank;
	uint64_t flags = L4_VIRQ_ACTIVE;

	for (uint32_t i = 0; i < vgic->held_count; i++) {
		if ((vgic->held[i] & L4_VIRQ_INTID_MASK) == range->first + bit) {
			vgic->held[i] |= L4_VIRQ_ACTIVE;
			return true;
		}
	}
	if (vgic->held_count == L4_VCPU_HELD_MAX)
		return false;
	if (bank->group >> bit & 1)
		flags |= L4_VIRQ_GROUP1;
	if (bank->bound >> bit & 1)
		flags |= L4_VIRQ_BOUND;
	else /* the end is worth knowing even of an edge: there is room then */
		flags |= L4_VIRQ_EOI;
	vgic->held[vgic->held_count++] = L4_VIRQ(range->first + bit, bank->priority[bit], flags);
	return true;
}

static void set_active(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	mask &= ~gic_held(gic, range).active;
	for (; mask != 0; mask &= mask - 1) {
		uint32_t bit = (uint32_t)__builtin_ctz(mask);
		unsigned int cpu = range->shared ? gic->state.target[range->first - 32 + bit] : range->cpu;
		struct l4_vcpu_vgic *vgic = cpu == GIC_NOBODY ? NULL : gic->port.held(gic->port.context, cpu);

		if (!vgic || vgic->held_count > L4_VCPU_HELD_MAX || !activate(vgic, range, bit))
			continue;
		range->bank->given |= 1u << bit;
		range->bank->holders |= 1ull << cpu;
		gic->port.held_changed(gic->port.context, cpu);
	}
}

static void clear_active(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	uint64_t cpus = gic_holders(gic, range);
	uint32_t pending;

	if (range->bank->holders == 0 && !(mask & (range->bank->given | range->bank->bound)))
		return;
	for (; cpus != 0; cpus &= cpus - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(cpus);
		struct l4_vcpu_vgic *vgic = gic->port.held(gic->port.context, cpu);

		if (vgic && vgic->held_count <= L4_VCPU_HELD_MAX && deactivate(vgic, range, mask))
			gic->port.held_changed(gic->port.context, cpu);
	}
	/* No end will be reported for what is gone now; a line that is still high pends anew. */
	pending = gic_held(gic, range).pending;
	range->bank->given &= ~mask | pending;
	gic_deliver(gic, range, mask);
}

void gic_set_active(struct gic *gic, const struct gic_range *range, uint32_t mask, bool active)
{
	if (active)
		set_active(gic, range, mask);
	else
		clear_active(gic, range, mask);
}
