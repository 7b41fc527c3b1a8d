/* Whether the guest has stopped for good: every CPU that is on in a loop that nothing can end, as Linux's `halt` leaves
 * them. Looking stops the vCPUs for a moment, so it is done only when the VM has been quiet for a while, and then ever
 * more rarely until it does something again. */
#include "host/host.h"

#include "cpu/halted.h"

#define PERIOD_MS 1000u
#define PAUSE_MAX 64u /* periods between two looks at a VM that stays quiet */

/* What the guest did so far, but for what we bring about ourselves, and fetches where nothing is: a CPU without code for
 * its exceptions makes these for ever. */
static uint64_t exits(const struct vm *vm)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		for (unsigned int kind = 0; kind < VCPU_EXIT_KINDS; kind++)
			if (kind != VCPU_EXIT_EVENT && kind != VCPU_EXIT_FETCH)
				sum += vm->vcpu[i].exits[kind];
	return sum;
}

/* The first vCPU that is on if all that are on have halted, else NULL. */
static struct vcpu *halted(struct host *host)
{
	struct vcpu *first = NULL;

	for (unsigned int i = 0; i < host->vm.vcpu_count; i++) {
		struct vcpu *vcpu = &host->vm.vcpu[i];

		if (vcpu->power == VCPU_POWER_OFF)
			continue;
		(void)host_vcpu_page(host, i);
		if (vcpu->power != VCPU_POWER_ON || vcpu->suspend != VCPU_AWAKE || !halted_vcpu(vcpu))
			return NULL;
		if (!first)
			first = vcpu;
	}
	return first;
}

static void look(struct host *host)
{
	struct vcpu *vcpu;

	/* Under a debugger it may stand anywhere. */
	if (host->debug.is_on && host->debug.vm.stopped)
		return;
	vcpu = halted(host);
	if (vcpu)
		host_end(host, HOST_END_HALTED, vcpu);
}

void host_watch_due(struct host *host)
{
	struct host_watch *watch = &host->watch;
	uint64_t now;

	host_lock(host);
	now = exits(&host->vm);
	if (now != watch->exits) {
		watch->exits = now;
		watch->pause = 1;
		watch->waited = 0;
	} else if (++watch->waited >= watch->pause) {
		watch->waited = 0;
		watch->pause = watch->pause < PAUSE_MAX ? 2 * watch->pause : PAUSE_MAX;
		look(host);
	}
	if (!host->sleep.deep)
		host_watch_arm(host);
	host_unlock(host);
}

void host_watch_arm(struct host *host)
{
	(void)l4_irq_deadline(host->watch.irq, l4_now() + l4_ticks_of_ms(PERIOD_MS));
}

void host_watch_stop(struct host *host)
{
	(void)l4_irq_deadline(host->watch.irq, 0);
}
