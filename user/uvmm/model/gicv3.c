/* GICv3: what is pending, who may have it, and when it is handed to the hypervisor [GIC]. Pure. */
#include "model/gicv3.h"

#include <string.h>

#include "model/gicv3_bank.h"

#define SGI_MASK 0xffffu
#define AFFINITY_MASK 0xff00ffffffull

unsigned int gic_find_cpu(const struct gic *gic, uint64_t affinity)
{
	unsigned int likely = affinity & 0xff; /* the first 16 at least, and it is asked for each SGI */

	if (likely < gic->state.cpu_count && gic->state.cpu[likely].mpidr == affinity)
		return likely;
	for (unsigned int cpu = 0; cpu < gic->state.cpu_count; cpu++)
		if (gic->state.cpu[cpu].mpidr == affinity)
			return cpu;
	return GIC_NOBODY;
}

enum err gic_init(struct gic *gic, const struct gic_port *port, const uint64_t *mpidr, unsigned int cpu_count,
		  unsigned int spi_count)
{
	struct gic_state *s = &gic->state;

	if (cpu_count == 0 || cpu_count > GIC_CPUS_MAX)
		return ERR_INVAL;
	if (spi_count == 0 || spi_count > GIC_SPIS_MAX || spi_count % 32 != 0)
		return ERR_INVAL;
	memset(s, 0, sizeof(*s));
	gic->port = *port;
	s->version = GIC_VERSION;
	s->cpu_count = cpu_count;
	s->spi_count = spi_count;
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		s->cpu[cpu].mpidr = mpidr[cpu] & AFFINITY_MASK;
		s->cpu[cpu].waker = 6;            /* asleep [GIC GICR_WAKER] */
		s->cpu[cpu].bank.edge = SGI_MASK; /* [GIC GICR_ICFGR0] */
	}
	/* The reset value of GICD_IROUTER is unknown; 0 is what software that sets nothing hopes for. */
	memset(s->target, (int)gic_find_cpu(gic, 0), sizeof(s->target));
	return OK;
}

static unsigned int target_of(const struct gic *gic, const struct gic_range *range, unsigned int bit)
{
	return range->shared ? gic->state.target[range->first - 32 + bit] : range->cpu;
}

static uint64_t virq_of(const struct gic_range *range, unsigned int bit)
{
	const struct gic_bank *bank = range->bank;
	uint64_t flags = 0;

	if (bank->group >> bit & 1)
		flags |= L4_VIRQ_GROUP1;
	if (!(bank->edge >> bit & 1))
		flags |= L4_VIRQ_EOI;
	return L4_VIRQ(range->first + bit, bank->priority[bit], flags);
}

/* Interrupts whose group the distributor forwards. [GIC GICD_CTLR.EnableGrp0, .EnableGrp1] */
static uint32_t forwarded(const struct gic *gic, const struct gic_bank *bank)
{
	return (gic->state.ctlr & 1 ? ~bank->group : 0) | (gic->state.ctlr & 2 ? bank->group : 0);
}

/* Forget the edges that have ended, and count what is left. */
static void count_given(struct gic *gic, unsigned int cpu)
{
	struct gic_range range = gic_private_range(gic, cpu);
	const struct l4_vcpu_vgic *vgic;

	(void)gic_held(gic, &range);
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		range = gic_shared_range(gic, bank);
		(void)gic_held(gic, &range);
	}
	vgic = gic->port.held(gic->port.context, cpu);
	if (vgic)
		gic->state.cpu[cpu].given_count = vgic->held_count;
}

static bool has_room(struct gic *gic, unsigned int cpu)
{
	struct gic_cpu *c = &gic->state.cpu[cpu];

	if (c->given_count < GIC_GIVEN_MAX)
		return true;
	count_given(gic, cpu);
	if (c->given_count < GIC_GIVEN_MAX)
		return true;
	gic->state.full = 1;
	return false;
}

/* `given` says so already. */
static inline void give(struct gic *gic, struct gic_bank *bank, uint32_t bit, unsigned int cpu, uint64_t virq)
{
	bank->latch &= ~bit;
	bank->holders |= 1ull << cpu;
	gic->port.give(gic->port.context, cpu, virq);
}

static __attribute__((noinline)) void give_one_more(struct gic *gic, struct gic_bank *bank, uint32_t bit,
						    unsigned int cpu, uint64_t virq)
{
	if (!has_room(gic, cpu))
		return;
	if (gic->state.cpu[cpu].given_count++ >= GIC_GIVEN_MAX / 2)
		virq |= L4_VIRQ_EOI;
	bank->given |= bit;
	give(gic, bank, bit, cpu, virq);
}

/* The hypervisor has it from now on, or it waits for room there. */
static inline void hand_over(struct gic *gic, struct gic_bank *bank, uint32_t bit, unsigned int cpu, uint64_t virq)
{
	if (bank->given & bit)
		give(gic, bank, bit, cpu, virq);
	else
		give_one_more(gic, bank, bit, cpu, virq);
}

/* A function of its own: most often there is nothing, and then no register is saved for this. */
static __attribute__((noinline)) void hand_over_all(struct gic *gic, const struct gic_range *range, uint32_t ready)
{
	struct gic_bank *bank = range->bank;

	for (; ready != 0; ready &= ready - 1) {
		unsigned int bit = (unsigned int)__builtin_ctz(ready);
		unsigned int cpu = target_of(gic, range, bit);

		if (cpu != GIC_NOBODY)
			hand_over(gic, bank, 1u << bit, cpu, virq_of(range, bit));
	}
}

void gic_deliver(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	const struct gic_bank *bank = range->bank;
	uint32_t pending = bank->latch | (bank->line & ~bank->edge & ~bank->given & ~bank->bound);
	uint32_t ready = pending & bank->enable & forwarded(gic, bank) & range->valid & mask;

	if (ready != 0)
		hand_over_all(gic, range, ready);
}

/* The wires of bound interrupts, which only the hypervisor sees. */
static uint32_t bound_lines(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	uint32_t lines = 0;

	for (mask &= range->bank->bound; mask != 0; mask &= mask - 1) {
		unsigned int bit = (unsigned int)__builtin_ctz(mask);
		unsigned int cpu = target_of(gic, range, bit);

		if (cpu != GIC_NOBODY && gic->port.bound_line(gic->port.context, cpu, range->first + bit))
			lines |= 1u << bit;
	}
	return lines;
}

/* What that vCPU holds of the range, by state. False: it cannot be had. */
static bool look_at(struct gic *gic, const struct gic_range *range, unsigned int cpu, struct gic_held_mask *out)
{
	const struct l4_vcpu_vgic *vgic = gic->port.held(gic->port.context, cpu);

	*out = (struct gic_held_mask){0, 0};
	if (!vgic)
		return false;
	for (uint32_t i = 0; i < vgic->held_count && i < L4_VCPU_HELD_MAX; i++) {
		uint32_t bit = (uint32_t)(vgic->held[i] & L4_VIRQ_INTID_MASK) - range->first;

		if (bit >= 32)
			continue;
		if (vgic->held[i] & L4_VIRQ_PENDING)
			out->pending |= 1u << bit;
		if (vgic->held[i] & L4_VIRQ_ACTIVE)
			out->active |= 1u << bit;
	}
	return true;
}

uint64_t gic_holders(const struct gic *gic, const struct gic_range *range)
{
	uint64_t cpus = range->bank->holders;

	if (!range->shared)
		return 1ull << range->cpu;
	/* What is bound comes to its target at any time. */
	for (uint32_t left = range->bank->bound; left != 0; left &= left - 1) {
		unsigned int cpu = target_of(gic, range, (unsigned int)__builtin_ctz(left));

		if (cpu != GIC_NOBODY)
			cpus |= 1ull << cpu;
	}
	return cpus;
}

/* What any vCPU holds of the range. Only those are asked that got something of it: to ask another vCPU is to stop it. */
static struct gic_held_mask look(struct gic *gic, const struct gic_range *range, bool *known)
{
	struct gic_held_mask all = {0, 0}, one;

	if (!range->shared) {
		*known = look_at(gic, range, range->cpu, &all);
		if (*known && !(all.pending | all.active))
			range->bank->holders = 0;
		return all;
	}
	for (uint64_t left = gic_holders(gic, range); left != 0; left &= left - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(left);

		if (!look_at(gic, range, cpu, &one))
			*known = false;
		else if (!(one.pending | one.active))
			range->bank->holders &= ~(1ull << cpu);
		all.pending |= one.pending;
		all.active |= one.active;
	}
	return all;
}

struct gic_held_mask gic_held(struct gic *gic, const struct gic_range *range)
{
	struct gic_bank *bank = range->bank;
	struct gic_held_mask held = {0, 0};
	bool known = true;

	/* A level interrupt that the guest has taken and whose line fell is not given any more, but active. */
	if (!(bank->given | bank->bound) && bank->holders == 0)
		return held;
	held = look(gic, range, &known);
	/* Nobody tells when an edge has ended, so this is the moment to forget it. */
	if (known && bank->given & bank->edge)
		bank->given &= ~bank->edge | held.pending | held.active;
	return held;
}

void gic_retract(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	struct gic_bank *bank = range->bank;
	bool known = true;
	struct gic_held_mask held;
	uint32_t pending, remembered;

	mask &= bank->given | bank->bound;
	if (mask == 0)
		return;
	held = look(gic, range, &known);
	pending = held.pending;
	/* Where nobody can say whether it was taken, once too often is better than never. */
	if (!known)
		pending = mask;
	/* A line that is still high needs no memory. */
	remembered = bank->edge | ~(bank->line | bound_lines(gic, range, mask));
	for (uint32_t rest = pending & mask; rest != 0; rest &= rest - 1) {
		unsigned int bit = (unsigned int)__builtin_ctz(rest);
		unsigned int cpu = target_of(gic, range, bit);

		if (cpu != GIC_NOBODY)
			gic->port.withdraw(gic->port.context, cpu, virq_of(range, bit));
		bank->latch |= remembered & 1u << bit;
	}
	bank->given &= ~mask | held.active;
}

static __attribute__((noinline)) void configure(struct gic *gic, const struct gic_range *range, uint32_t mask,
						uint32_t enabled)
{
	for (; mask != 0; mask &= mask - 1) {
		unsigned int bit = (unsigned int)__builtin_ctz(mask);
		unsigned int cpu = target_of(gic, range, bit);
		uint64_t virq = virq_of(range, bit) & ~L4_VIRQ_EOI;

		if (enabled >> bit & 1)
			virq |= L4_VIRQ_ENABLED;
		if (cpu != GIC_NOBODY)
			gic->port.configure(gic->port.context, cpu, virq);
	}
}

void gic_configure_bound(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	mask &= range->bank->bound;
	if (mask != 0)
		configure(gic, range, mask, range->bank->enable & forwarded(gic, range->bank));
}

void gic_stop_bound(struct gic *gic, const struct gic_range *range, uint32_t mask)
{
	mask &= range->bank->bound & range->bank->enable & forwarded(gic, range->bank);
	if (mask != 0)
		configure(gic, range, mask, 0);
}

void gic_bind(struct gic *gic, unsigned int cpu, uint32_t intid)
{
	struct gic_range range;

	if (intid >= 32 + gic->state.spi_count || cpu >= gic->state.cpu_count)
		return;
	range = intid < 32 ? gic_private_range(gic, cpu) : gic_shared_range(gic, intid / 32 - 1);
	range.bank->bound |= 1u << intid % 32;
	gic_configure_bound(gic, &range, 1u << intid % 32);
}

enum err gic_bind_line(struct gic *gic, uint32_t intid, bool level)
{
	struct gic_range range;
	uint32_t bit = 1u << intid % 32;

	if (intid < 32 || intid >= 32 + gic->state.spi_count || intid >= 1020)
		return ERR_RANGE;
	range = gic_shared_range(gic, intid / 32 - 1);
	if (range.bank->bound & bit)
		return ERR_EXIST;
	range.bank->edge = level ? range.bank->edge & ~bit : range.bank->edge | bit;
	gic_bind(gic, 0, intid);
	return OK;
}

void gic_use_room(struct gic *gic)
{
	struct gic_range range;

	if (!gic->state.full)
		return;
	gic->state.full = 0;
	for (unsigned int cpu = 0; cpu < gic->state.cpu_count; cpu++) {
		range = gic_private_range(gic, cpu);
		gic_deliver(gic, &range, ~0u);
	}
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		range = gic_shared_range(gic, bank);
		gic_deliver(gic, &range, ~0u);
	}
}

static void set_line(struct gic *gic, const struct gic_range *range, uint32_t bit, bool level)
{
	struct gic_bank *bank = range->bank;
	bool before = (bank->line & bit) != 0;

	if (before == level || bank->bound & bit)
		return;
	bank->line ^= bit;
	if (level) {
		if (bank->edge & bit)
			bank->latch |= bit;
		gic_deliver(gic, range, bit);
	} else if (bank->given & bit & ~bank->edge) {
		unsigned int index = (unsigned int)__builtin_ctz(bit);
		unsigned int cpu = target_of(gic, range, index);

		bank->given &= ~bit;
		if (cpu != GIC_NOBODY)
			gic->port.withdraw(gic->port.context, cpu, virq_of(range, index));
		gic_use_room(gic);
	}
}

void gic_set_spi(struct gic *gic, uint32_t intid, bool level)
{
	struct gic_range range;

	if (intid < 32 || intid >= 32 + gic->state.spi_count)
		return;
	range = gic_shared_range(gic, intid / 32 - 1);
	set_line(gic, &range, 1u << intid % 32, level);
}

void gic_set_ppi(struct gic *gic, unsigned int cpu, uint32_t intid, bool level)
{
	struct gic_range range;

	if (intid < 16 || intid >= 32 || cpu >= gic->state.cpu_count)
		return;
	range = gic_private_range(gic, cpu);
	set_line(gic, &range, 1u << intid, level);
}

void gic_end_of_interrupt(struct gic *gic, unsigned int cpu, uint32_t intid)
{
	struct gic_range range;

	if (cpu >= gic->state.cpu_count || intid >= 32 + gic->state.spi_count)
		return;
	range = intid < 32 ? gic_private_range(gic, cpu) : gic_shared_range(gic, intid / 32 - 1);
	range.bank->given &= ~(1u << intid % 32);
	if (gic->state.cpu[cpu].given_count != 0)
		gic->state.cpu[cpu].given_count--;
	gic_deliver(gic, &range, 1u << intid % 32);
	gic_use_room(gic);
}

/* Of the other group it is not heard. [GIC ICC_SGI1R_EL1] */
static __attribute__((noinline)) void send_to(struct gic *gic, unsigned int cpu, unsigned int intid, bool group1)
{
	struct gic_bank *bank = &gic->state.cpu[cpu].bank;
	uint32_t bit = 1u << intid;

	if ((bank->group >> intid & 1) != group1)
		return;
	bank->latch |= bit;
	if (bank->enable & bit && gic->state.ctlr >> group1 & 1)
		hand_over(gic, bank, bit, cpu, L4_VIRQ(intid, bank->priority[intid], group1 ? L4_VIRQ_GROUP1 : 0));
}

/* [GIC ICC_SGI1R_EL1.IRM] */
static __attribute__((noinline)) void send_to_others(struct gic *gic, unsigned int sender, unsigned int intid,
						     bool group1)
{
	for (unsigned int i = 0; i < gic->state.cpu_count; i++)
		if (i != sender)
			send_to(gic, i, intid, group1);
}

static __attribute__((noinline)) void send_to_list(struct gic *gic, uint64_t cluster, uint32_t list, unsigned int intid,
						   bool group1)
{
	for (; list != 0; list &= list - 1) {
		unsigned int cpu = gic_find_cpu(gic, cluster | (unsigned int)__builtin_ctz(list));

		if (cpu != GIC_NOBODY)
			send_to(gic, cpu, intid, group1);
	}
}

/* What guests send most: one of group 1 to one vCPU, which has got it before and would hear it now. False: it is another
 * one, and nothing has happened. */
static inline bool send_again(struct gic *gic, uint64_t affinity, unsigned int cpu, unsigned int intid)
{
	struct gic_bank *bank = &gic->state.cpu[cpu].bank;
	uint32_t bit = 1u << intid;

	if (cpu >= gic->state.cpu_count || gic->state.cpu[cpu].mpidr != affinity)
		return false;
	if (!(bank->given & bank->enable & bank->group & bit && gic->state.ctlr & 2))
		return false;
	give(gic, bank, bit, cpu, L4_VIRQ(intid, bank->priority[intid], L4_VIRQ_GROUP1));
	return true;
}

void gic_send_sgi(struct gic *gic, unsigned int cpu, uint64_t value, bool group1)
{
	uint64_t cluster = (value >> 16 & 0xff00ff0000) | (value >> 16 & 0xff) << 8; /* Aff3, Aff2, Aff1 */
	unsigned int intid = value >> 24 & 15;
	uint32_t list = value & 0xffff;
	uint32_t first = (uint32_t)__builtin_ctzll(value | 0x10000);

	if (value >> 40 & 1)
		send_to_others(gic, cpu, intid, group1);
	else if (value >> 44 & 15 || list == 0) /* without range selector only Aff0 0..15 [GIC GICD_TYPER.RSS] */
		return;
	else if (!group1 || list & (list - 1) || !send_again(gic, cluster | first, first, intid))
		send_to_list(gic, cluster, list, intid, group1);
}

uint32_t gic_pending(struct gic *gic, const struct gic_range *range)
{
	const struct gic_bank *bank = range->bank;
	uint32_t pending = bank->latch | (bank->line & ~bank->edge) | bound_lines(gic, range, ~0u);

	return (pending | gic_held(gic, range).pending) & range->valid;
}

/* What a vCPU holds of a level that the hypervisor watches may be over, as a timer that was turned off before its interrupt
 * was taken: the wire counts. [GIC level-sensitive interrupts] */
static bool range_pends_for(struct gic *gic, const struct gic_range *range, unsigned int cpu)
{
	uint32_t watched = range->bank->bound & ~range->bank->edge & ~range->bank->given & ~range->bank->latch;
	uint32_t pending = (gic_pending(gic, range) & ~watched) | bound_lines(gic, range, watched);

	for (pending &= range->bank->enable; pending != 0; pending &= pending - 1)
		if (target_of(gic, range, (unsigned int)__builtin_ctz(pending)) == cpu)
			return true;
	return false;
}

bool gic_is_pending(struct gic *gic, unsigned int cpu)
{
	struct gic_range range;

	if (cpu >= gic->state.cpu_count)
		return false;
	range = gic_private_range(gic, cpu);
	if (range_pends_for(gic, &range, cpu))
		return true;
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		range = gic_shared_range(gic, bank);
		if (range_pends_for(gic, &range, cpu))
			return true;
	}
	return false;
}
