/* A hypervisor for tests of the GIC model: remembers what each vCPU holds, and plays the guest's part of taking and
 * ending interrupts. [GIC interrupt states] */
#pragma once

#include <string.h>

#include "model/gicv3.h"

#define FAKE_CPUS 4

struct fake_hv {
	struct l4_vcpu_vgic vgic[FAKE_CPUS];
	uint64_t configured[FAKE_CPUS]; /* last word for a bound interrupt */
	unsigned int given, withdrawn, configures, changes, looks;
	bool refuses; /* held() cannot tell */
	bool bound_line;
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
		*entry = virq | L4_VIRQ_PENDING | (*entry & L4_VIRQ_ACTIVE);
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
}

static inline void fake_configure(void *context, unsigned int cpu, uint64_t virq)
{
	struct fake_hv *hv = context;

	hv->configures++;
	hv->configured[cpu] = virq;
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
}

static inline bool fake_bound_line(void *context, unsigned int cpu, uint32_t intid)
{
	(void)cpu;
	(void)intid;
	return ((struct fake_hv *)context)->bound_line;
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
		return;
	tell = *entry & L4_VIRQ_EOI;
	fake_remove(hv, cpu, entry);
	if (tell)
		gic_end_of_interrupt(gic, cpu, intid);
}
