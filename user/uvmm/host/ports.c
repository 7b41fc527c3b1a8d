/* How the models and the exit code reach the hypervisor. Everything happens on the thread of the one vCPU. */
#include "host/host.h"

#define SECOND 1000000000ull

uint64_t host_nanoseconds(void)
{
	uint64_t now = l4_now(), hz = l4_counter_hz();

	return now / hz * SECOND + now % hz * SECOND / hz;
}

uint64_t host_ticks(uint64_t nanoseconds)
{
	uint64_t hz = l4_counter_hz();

	return nanoseconds / SECOND * hz + nanoseconds % SECOND * hz / SECOND;
}

enum err host_irq_create(struct host *host, uint64_t badge, uint32_t *out_slot)
{
	enum err err = l4_slot_alloc(out_slot);

	if (err == OK)
		err = l4_factory_create_irq(host->factory, *out_slot);
	if (err == OK)
		err = l4_irq_bind_thread(*out_slot, L4_SLOT_SELF, badge);
	return err;
}

/* A change goes along with the next run. An earlier one for the same interrupt has not happened yet, and the last one
 * decides; so the order within the page does not matter, nor against a call for another interrupt. */
static void post(struct host *host, unsigned int cpu, uint64_t word)
{
	struct l4_vcpu_state *page = host->vm.vcpu[cpu].page;
	uint32_t count = page->inject_count;

	for (uint32_t i = 0; i < count; i++) {
		if (!((page->inject[i] ^ word) & L4_VIRQ_INTID_MASK)) {
			page->inject[i] = word;
			return;
		}
	}
	if (count < L4_VCPU_INJECT_MAX) {
		page->inject[count] = word;
		page->inject_count = count + 1;
		return;
	}
	if (l4_vcpu_irq(L4_SLOT_SELF, word & ~L4_VIRQ_CLEAR, !(word & L4_VIRQ_CLEAR)) != OK)
		l4_log(L4_LOG_WARN, "irq %llu of the guest is lost: the hypervisor takes no more",
		       (unsigned long long)(word & L4_VIRQ_INTID_MASK));
}

static void give(void *context, unsigned int cpu, uint64_t virq)
{
	post(context, cpu, virq);
}

static void withdraw(void *context, unsigned int cpu, uint64_t virq)
{
	post(context, cpu, virq | L4_VIRQ_CLEAR);
}

/* The only bound interrupt is the virtual timer's. */
static void configure(void *context, unsigned int cpu, uint64_t virq)
{
	struct host *host = context;
	struct vcpu *vcpu = &host->vm.vcpu[cpu];

	if (!vcpu_fetch(vcpu, L4_VCPU_TIMER))
		return;
	vcpu->page->timer.virq = virq;
	vcpu->page->dirty |= L4_VCPU_TIMER;
}

/* What waits in inject[] belongs to what is held: it goes first. */
static struct l4_vcpu_vgic *held(void *context, unsigned int cpu)
{
	struct host *host = context;
	struct vcpu *vcpu = &host->vm.vcpu[cpu];
	struct l4_vcpu_state *page = vcpu->page;

	if (page->dirty & L4_VCPU_VGIC)
		return &page->vgic;
	for (uint32_t i = 0; i < page->inject_count && i < L4_VCPU_INJECT_MAX; i++) {
		uint64_t word = page->inject[i];

		(void)l4_vcpu_irq(L4_SLOT_SELF, word & ~L4_VIRQ_CLEAR, !(word & L4_VIRQ_CLEAR));
		page->clean &= ~(uint64_t)L4_VCPU_VGIC;
	}
	page->inject_count = 0;
	return vcpu_fetch(vcpu, L4_VCPU_VGIC) ? &page->vgic : NULL;
}

static void held_changed(void *context, unsigned int cpu)
{
	struct host *host = context;

	host->vm.vcpu[cpu].page->dirty |= L4_VCPU_VGIC;
}

/* The virtual timer's condition. [ARM CNTV_CTL_EL0.ISTATUS] */
static bool bound_line(void *context, unsigned int cpu, uint32_t intid)
{
	struct host *host = context;
	struct vcpu *vcpu = &host->vm.vcpu[cpu];
	const struct l4_vcpu_timer *timer = &vcpu->page->timer;

	(void)intid;
	return vcpu_fetch(vcpu, L4_VCPU_TIMER) && (timer->cntv_ctl & 3) == 1 &&
	       l4_now() - timer->cntvoff >= timer->cntv_cval;
}

struct gic_port host_gic_port(struct host *host)
{
	return (struct gic_port){
		.context = host,
		.give = give,
		.withdraw = withdraw,
		.configure = configure,
		.held = held,
		.held_changed = held_changed,
		.bound_line = bound_line,
	};
}

static enum err sync(void *context, struct vcpu *vcpu, uint64_t groups)
{
	(void)context;
	(void)vcpu;
	return l4_vcpu_sync(groups);
}

static uint64_t counter(void *context)
{
	(void)context;
	return l4_now();
}

static void deadline(void *context, struct vcpu *vcpu, uint64_t when)
{
	const struct host *host = context;

	(void)vcpu;
	if (l4_irq_deadline(host->timer_irq, when) != OK)
		l4_log(L4_LOG_WARN, "the guest's physical timer does not run: the hypervisor takes no deadline");
}

/* There is one vCPU, and it runs: nobody can start another. */
static void start(void *context, struct vcpu *vcpu)
{
	(void)context;
	(void)vcpu;
}

static bool is_ram(void *context, ipa_t address)
{
	const struct host *host = context;

	return guest_mem_contains(&host->mem, address, 4);
}

static void event(void *context, const struct vcpu *vcpu, enum vcpu_event what, uint64_t value)
{
	host_event(context, vcpu, what, value);
}

struct vcpu_port host_vcpu_port(struct host *host)
{
	return (struct vcpu_port){
		.context = host,
		.sync = sync,
		.counter = counter,
		.deadline = deadline,
		.start = start,
		.is_ram = is_ram,
		.event = event,
	};
}
