/* Timeouts of one CPU: a list sorted by time; a thread or irq has at most one. */
#include "core/timeout.h"

#include "arch.h"
#include "core/limits.h"
#include "core/sched.h"

void timeout_init(struct timeout *timeout, void (*fire)(struct timeout *timeout))
{
	list_init(&timeout->link);
	timeout->fire = fire;
}

/* Behind `place` or there. The answer is the place of one that is not due before. */
static struct list *insert(struct cpu *cpu, struct list *place, struct timeout *timeout)
{
	while (place != &cpu->timeouts && LIST_OF(place, struct timeout, link)->when <= timeout->when)
		place = place->next;
	list_insert_before(place, &timeout->link);
	return place;
}

void timeout_set(struct timeout *timeout, uint64_t when)
{
	struct cpu *cpu = arch_this_cpu();

	list_remove(&timeout->link);
	timeout->when = when;
	timeout->cpu = cpu->id;
	(void)insert(cpu, cpu->timeouts.next, timeout);
	if (cpu->timeouts.next == &timeout->link)
		cpu->reschedule = true; /* on the way out the timer is set for it */
}

/* The CPU's timer may fire for nothing then; that is harmless. */
void timeout_cancel(struct timeout *timeout)
{
	list_remove(&timeout->link);
}

uint64_t timeout_first(const struct cpu *cpu)
{
	struct list *link = list_first(&cpu->timeouts);

	return link ? LIST_OF(link, struct timeout, link)->when : UINT64_MAX;
}

uint64_t timeout_first_wake(const struct cpu *cpu)
{
	for (struct list *link = cpu->timeouts.next; link != &cpu->timeouts; link = link->next)
		if (LIST_OF(link, struct timeout, link)->wakes)
			return LIST_OF(link, struct timeout, link)->when;
	return UINT64_MAX;
}

void timeout_put_off(struct cpu *cpu, uint64_t ticks)
{
	struct list moved, *link;

	list_init(&moved);
	for (struct list *next = cpu->timeouts.next; link = next, link != &cpu->timeouts;) {
		struct timeout *timeout = LIST_OF(link, struct timeout, link);

		next = link->next;
		if (!timeout->is_of_waiting)
			continue;
		list_remove(link);
		list_push_back(&moved, link);
		if (__builtin_add_overflow(timeout->when, ticks, &timeout->when))
			timeout->when = UINT64_MAX;
	}
	/* They are in order, so it takes one walk. */
	for (struct list *place = cpu->timeouts.next; (link = list_first(&moved));) {
		list_remove(link);
		place = insert(cpu, place, LIST_OF(link, struct timeout, link));
	}
}

void timeout_run(struct cpu *cpu)
{
	for (unsigned int i = 0; i < TIMEOUTS_AT_ONCE && timeout_first(cpu) <= arch_now(); i++) {
		struct timeout *timeout = LIST_OF(cpu->timeouts.next, struct timeout, link);

		list_remove(&timeout->link);
		timeout->fire(timeout);
	}
}
