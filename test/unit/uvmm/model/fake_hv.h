/* A hypervisor for tests of the GIC model: remembers what each vCPU holds, and plays the guest's part of taking and
 * ending interrupts. [GIC interrupt states] */
#pragma once

#include <string.h>

#include "model/gicv3.h"

#define FAKE_CPUS 4
#define FAKE_LINES 2

/* A line of the machine that is the guest's, as the GIC below has it. */
struct fake_line {
	uint32_t intid; /* 0: none */
	bool level;
	bool high;    /* wire */
	bool latched; /* an edge that nobody has got yet */
	bool linked;  /* active at the GIC: some vCPU has it, or its mailbox */
	unsigned int cpu;
	uint64_t word;
};

struct fake_hv {
	struct l4_vcpu_vgic vgic[FAKE_CPUS];
	uint64_t configured[FAKE_CPUS]; /* last word for a bound interrupt */
	unsigned int given, withdrawn, configures, changes, looks;
	bool refuses; /* held() cannot tell */
	bool bound_line;
	struct fake_line line[FAKE_LINES];
};

static inline uint64_t *fake_find(struct fake_hv *hv, unsigned int cpu, uint32_t intid)
{
	for (uint32_t i = 0; i < hv->vgic[cpu].held_count; i++)
		if ((hv->vgic[cpu].held[i] & L4_VIRQ_INTID_MASK) == intid)
			return &hv->vgic[cpu].held[i];
	return NULL;
}

static inline void fake_remove(struct fake_hv *hv, unsigned int cpu, uint64_t *entry)
{
	*entry = hv->vgic[cpu].held[--hv->vgic[cpu].held_count];
}

static inline struct fake_line *fake_find_line(struct fake_hv *hv, uint32_t intid)
{
	for (unsigned int i = 0; i < FAKE_LINES; i++)
		if (intid != 0 && hv->line[i].intid == intid)
			return &hv->line[i];
	return NULL;
}

/* What the hypervisor and the GIC do on their own, whatever happened before: an end or a withdrawal deactivates, and a line
 * that is enabled and not active fires. */
static inline void fake_lines_go_on(struct fake_hv *hv)
{
	for (unsigned int i = 0; i < FAKE_LINES; i++) {
		struct fake_line *line = &hv->line[i];
		uint64_t *entry;

		line->linked = false;
		for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
			entry = fake_find(hv, cpu, line->intid);
			line->linked |= entry && *entry & L4_VIRQ_BOUND;
		}
		if (line->intid == 0 || line->linked || !(line->word & L4_VIRQ_ENABLED) ||
		    !(line->level ? line->high : line->latched))
			continue;
		entry = fake_find(hv, line->cpu, line->intid);
		if (!entry && hv->vgic[line->cpu].held_count < L4_VCPU_HELD_MAX) {
			entry = &hv->vgic[line->cpu].held[hv->vgic[line->cpu].held_count++];
			*entry = line->word;
		}
		if (!entry)
			continue;
		*entry |= L4_VIRQ_PENDING | L4_VIRQ_BOUND;
		line->linked = true;
		line->latched = false;
	}
}

static inline void fake_wire(struct fake_hv *hv, uint32_t intid, bool high)
{
	struct fake_line *line = fake_find_line(hv, intid);

	if (!line)
		return;
	line->latched |= high && !line->high && !line->level;
	line->high = high;
	fake_lines_go_on(hv);
}

static inline void fake_give(void *context, unsigned int cpu, uint64_t virq)
{
	struct fake_hv *hv = context;
	uint64_t *entry = fake_find(hv, cpu, (uint32_t)(virq & L4_VIRQ_INTID_MASK));

	hv->given++;
	if (!entry && hv->vgic[cpu].held_count < L4_VCPU_HELD_MAX) {
		entry = &hv->vgic[cpu].held[hv->vgic[cpu].held_count++];
		*entry = 0;
	}
	if (entry)
		*entry = virq | L4_VIRQ_PENDING | (*entry & (L4_VIRQ_ACTIVE | L4_VIRQ_BOUND));
}

static inline void fake_withdraw(void *context, unsigned int cpu, uint64_t virq)
{
	struct fake_hv *hv = context;
	uint64_t *entry = fake_find(hv, cpu, (uint32_t)(virq & L4_VIRQ_INTID_MASK));

	hv->withdrawn++;
	if (!entry)
		return;
	*entry &= ~L4_VIRQ_PENDING;
	if (!(*entry & L4_VIRQ_ACTIVE))
		fake_remove(hv, cpu, entry);
	fake_lines_go_on(hv);
}

static inline void fake_configure(void *context, unsigned int cpu, uint64_t virq)
{
	struct fake_hv *hv = context;

	struct fake_line *line = fake_find_line(hv, (uint32_t)(virq & L4_VIRQ_INTID_MASK));

	hv->configures++;
	hv->configured[cpu] = virq;
	if (!line)
		return;
	if (line->cpu != cpu)
		fake_withdraw(hv, line->cpu, virq);
	line->cpu = cpu;
	line->word = virq;
	fake_lines_go_on(hv);
}

static inline struct l4_vcpu_vgic *fake_held(void *context, unsigned int cpu)
{
	struct fake_hv *hv = context;

	hv->looks++;
	return hv->refuses ? NULL : &hv->vgic[cpu];
}

static inline void fake_changed(void *context, unsigned int cpu)
{
	struct fake_hv *hv = context;

	(void)cpu;
	hv->changes++;
	fake_lines_go_on(hv);
}

static inline bool fake_bound_line(void *context, unsigned int cpu, uint32_t intid)
{
	struct fake_hv *hv = context;
	const struct fake_line *line = fake_find_line(hv, intid);

	(void)cpu;
	if (line)
		return line->level ? line->high : line->latched;
	return hv->bound_line;
}

static inline void fake_bound_forget(void *context, uint32_t intid)
{
	struct fake_line *line = fake_find_line(context, intid);

	if (line)
		line->latched = false;
}

static inline struct gic_port fake_port(struct fake_hv *hv)
{
	memset(hv, 0, sizeof(*hv));
	return (struct gic_port){
		.context = hv,
		.give = fake_give,
		.withdraw = fake_withdraw,
		.configure = fake_configure,
		.held = fake_held,
		.held_changed = fake_changed,
		.bound_line = fake_bound_line,
		.bound_forget = fake_bound_forget,
	};
}

static inline bool fake_is_pending(struct fake_hv *hv, unsigned int cpu, uint32_t intid)
{
	uint64_t *entry = fake_find(hv, cpu, intid);

	return entry && *entry & L4_VIRQ_PENDING;
}

/* The guest takes it. False: it was not pending. */
static inline bool fake_take(struct fake_hv *hv, unsigned int cpu, uint32_t intid)
{
	uint64_t *entry = fake_find(hv, cpu, intid);

	if (!entry || !(*entry & L4_VIRQ_PENDING))
		return false;
	*entry = (*entry & ~L4_VIRQ_PENDING) | L4_VIRQ_ACTIVE;
	return true;
}

/* The guest ends it; the model hears of it when it asked to. */
static inline void fake_end(struct fake_hv *hv, struct gic *gic, unsigned int cpu, uint32_t intid)
{
	uint64_t *entry = fake_find(hv, cpu, intid);
	bool tell;

	if (!entry)
		return;
	*entry &= ~L4_VIRQ_ACTIVE;
	if (*entry & L4_VIRQ_PENDING)
		return; /* the link stays until that has ended, too */
	tell = (*entry & (L4_VIRQ_EOI | L4_VIRQ_BOUND)) == L4_VIRQ_EOI;
	fake_remove(hv, cpu, entry);
	fake_lines_go_on(hv);
	if (tell)
		gic_end_of_interrupt(gic, cpu, intid);
}
