/* How the models and the exit code reach the hypervisor. All of it is called with the lock held. */
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

enum err host_irq_create(struct host *host, uint32_t thread, uint64_t badge, uint32_t *out_slot)
{
	enum err err = l4_slot_alloc(out_slot);

	if (err == OK)
		err = l4_factory_create_irq(host->factory, *out_slot);
	if (err == OK)
		err = l4_irq_bind_thread(*out_slot, thread, badge);
	return err;
}

enum err host_irq_create_wakeful(struct host *host, uint32_t thread, uint64_t badge, uint32_t *out_slot)
{
	enum err err = host_irq_create(host, thread, badge, out_slot);

	return err == OK ? l4_irq_wakeful(*out_slot, true) : err;
}

/* ---- interrupts that go to a vCPU and come back ----
 *
 * One's own go along with the next run, in the page; of two for the same interrupt the last one counts. Others' go
 * through the hypervisor's mailbox of that vCPU, which is emptied after the page. So what others give is newer than what
 * the page says; what is given before the vCPU withdraws it is taken from the mailbox first (`given`). To withdraw from
 * others, and to look, they are parked, and changes go into their page. */

static void forget_injection(struct l4_vcpu_state *page, uint64_t word)
{
	for (uint32_t i = 0; i < page->inject_count && i < L4_VCPU_INJECT_MAX; i++) {
		if (!((page->inject[i] ^ word) & L4_VIRQ_INTID_MASK)) {
			page->inject[i] = page->inject[--page->inject_count];
			return;
		}
	}
}

static void tell_hypervisor(struct host *host, uint32_t thread, uint64_t word)
{
	if (l4_vcpu_irq(thread, word & ~L4_VIRQ_CLEAR, !(word & L4_VIRQ_CLEAR)) != OK)
		host_event(host, NULL, VCPU_EVENT_IRQ_LOST, word & L4_VIRQ_INTID_MASK);
}

static void post(struct host *host, struct l4_vcpu_state *page, uint64_t word)
{
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
	tell_hypervisor(host, L4_SLOT_SELF, word);
}

static struct host_vcpu *is_self(const struct host *host, unsigned int cpu)
{
	struct host_vcpu *self = host_vcpu_self();

	return self == &host->cpu[cpu] ? self : NULL;
}

static uint32_t find_held(const struct l4_vcpu_vgic *vgic, uint64_t word)
{
	uint32_t i = 0;

	while (i < vgic->held_count && ((vgic->held[i] ^ word) & L4_VIRQ_INTID_MASK))
		i++;
	return i;
}

/* Into the page that holds the vCPU's interrupts: its thread rests, or what is held was changed and is newer there than
 * in the hardware. */
static __attribute__((noinline)) void give_in_page(struct host *host, unsigned int cpu, uint64_t word)
{
	struct l4_vcpu_state *page = host_vcpu_page(host, cpu);
	uint32_t at = find_held(&page->vgic, word);

	if (at == L4_VCPU_HELD_MAX) { /* more than the model gives */
		host_say(host, "warning: irq %llu of the guest is lost: too many are pending",
			 (unsigned long long)(word & L4_VIRQ_INTID_MASK));
		return;
	}
	if (at < page->vgic.held_count)
		page->vgic.held[at] |= L4_VIRQ_PENDING;
	else
		page->vgic.held[page->vgic.held_count++] = word | L4_VIRQ_PENDING;
	page->dirty |= L4_VCPU_VGIC;
}

static void withdraw_in_page(struct l4_vcpu_state *page, uint64_t word)
{
	uint32_t at = find_held(&page->vgic, word);

	forget_injection(page, word);
	if (at >= page->vgic.held_count)
		return;
	page->vgic.held[at] &= ~L4_VIRQ_PENDING;
	if (!(page->vgic.held[at] & L4_VIRQ_ACTIVE))
		page->vgic.held[at] = page->vgic.held[--page->vgic.held_count];
	page->dirty |= L4_VCPU_VGIC;
}

/* Whether the vCPU rests or is on its way there: its page is or will be complete, and mail sent now would be missing in
 * it. Both are said with the lock held. */
static bool is_at_rest(const struct host_vcpu *cpu)
{
	return __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) != 0 || vcpu_is_down(cpu->vcpu);
}

static __attribute__((noinline)) void give_other(struct host *host, unsigned int cpu, uint64_t virq)
{
	struct host_vcpu *target = &host->cpu[cpu];

	if (is_at_rest(target)) {
		give_in_page(host, cpu, virq);
	} else {
		target->given = true;
		tell_hypervisor(host, target->thread, virq);
	}
}

static void give(void *context, unsigned int cpu, uint64_t virq)
{
	const struct host_vcpu *self = host_vcpu_self();

	if (!self || self->vcpu->index != cpu)
		give_other(context, cpu, virq);
	else if (!(self->vcpu->page->dirty & L4_VCPU_VGIC))
		post(context, self->vcpu->page, virq);
	else
		give_in_page(context, cpu, virq);
}

static void withdraw_own(struct host *host, struct host_vcpu *self, uint64_t word)
{
	struct l4_vcpu_state *page = self->vcpu->page;

	if (page->dirty & L4_VCPU_VGIC) {
		/* The mailbox is emptied after this page: a level interrupt in it may come once too often, which a
		 * guest has to bear with, as lines may fall at any time. */
		withdraw_in_page(page, word);
	} else if (!self->given) {
		post(host, page, word);
	} else {
		forget_injection(page, word);
		tell_hypervisor(host, L4_SLOT_SELF, word);
		page->clean &= ~(uint64_t)L4_VCPU_VGIC;
		self->given = false;
	}
}

static void withdraw(void *context, unsigned int cpu, uint64_t virq)
{
	struct host *host = context;
	struct host_vcpu *self = is_self(host, cpu);

	if (self)
		withdraw_own(host, self, virq | L4_VIRQ_CLEAR);
	else
		withdraw_in_page(host_vcpu_page(host, cpu), virq);
}

/* Bound are the virtual timers and the guest's hardware lines. */
static void configure(void *context, unsigned int cpu, uint64_t virq)
{
	struct host *host = context;
	struct l4_vcpu_state *page;

	if ((virq & L4_VIRQ_INTID_MASK) >= 32) {
		if (host_line_configure(host, cpu, virq) != OK)
			host_event(host, NULL, VCPU_EVENT_IRQ_LOST, virq & L4_VIRQ_INTID_MASK);
		return;
	}
	page = host_vcpu_page(host, cpu);
	if (!vcpu_fetch(host->cpu[cpu].vcpu, L4_VCPU_TIMER))
		return;
	page->timer.virq = virq;
	page->dirty |= L4_VCPU_TIMER;
}

/* What waits in inject[] and in the mailbox belongs to what is held: it goes first. */
static struct l4_vcpu_vgic *held(void *context, unsigned int cpu)
{
	struct host *host = context;
	struct l4_vcpu_state *page = host_vcpu_page(host, cpu);

	if (page->dirty & L4_VCPU_VGIC)
		return &page->vgic;
	if (is_self(host, cpu))
		return host_vcpu_write_out(&host->cpu[cpu], L4_VCPU_VGIC) ? &page->vgic : NULL;
	return page->clean & L4_VCPU_VGIC ? &page->vgic : NULL;
}

static void held_changed(void *context, unsigned int cpu)
{
	struct host *host = context;

	host_vcpu_page(host, cpu)->dirty |= L4_VCPU_VGIC;
}

/* A line's state at the GIC, or the virtual timer's condition. [ARM CNTV_CTL_EL0.ISTATUS] */
static bool bound_line(void *context, unsigned int cpu, uint32_t intid)
{
	struct host *host = context;
	const struct l4_vcpu_timer *timer;

	if (intid >= 32)
		return host_line_is_pending(host, intid, false);
	timer = &host_vcpu_page(host, cpu)->timer;
	return vcpu_fetch(host->cpu[cpu].vcpu, L4_VCPU_TIMER) && (timer->cntv_ctl & 3) == 1 &&
	       l4_now() - timer->cntvoff >= timer->cntv_cval;
}

static void bound_forget(void *context, uint32_t intid)
{
	(void)host_line_is_pending(context, intid, true);
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
		.bound_forget = bound_forget,
	};
}

/* Of another one everything that can be had is in its page. */
static enum err sync(void *context, struct vcpu *vcpu, uint64_t groups)
{
	const struct host *host = context;

	return is_self(host, vcpu->index) ? l4_vcpu_sync(groups) : ERR_BUSY;
}

static uint64_t counter(void *context)
{
	(void)context;
	return l4_now();
}

static void deadline(void *context, struct vcpu *vcpu, uint64_t when)
{
	struct host *host = context;

	if (l4_irq_deadline(host->cpu[vcpu->index].timer_irq, when) != OK)
		host_event(host, vcpu, VCPU_EVENT_DEADLINE, when);
}

/* Its thread rests, and looks at its power when it is kicked. */
static void start(void *context, struct vcpu *vcpu)
{
	const struct host *host = context;

	(void)l4_irq_trigger(host->cpu[vcpu->index].kick);
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
