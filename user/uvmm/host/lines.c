/* Hardware lines that are the guest's: the hypervisor injects them, the GIC model says where to and how. */
#include "host/host.h"

static const struct host_line *find(const struct host *host, uint64_t intid)
{
	for (unsigned int i = 0; i < host->line_count; i++)
		if (host->line[i].intid == intid)
			return &host->line[i];
	return NULL;
}

enum err host_line_add(struct host *host, uint32_t intid, uint32_t irq, bool level)
{
	enum err err;

	if (find(host, intid))
		return ERR_EXIST;
	if (host->line_count == HOST_LINES_MAX)
		return ERR_NOSPC;
	/* Not enabled by the guest: nothing comes yet. */
	err = l4_irq_bind_vcpu(irq, host->cpu[0].thread, L4_VIRQ(intid, 0, 0));
	/* While the VM sleeps the line is a thread's, see below. */
	if (err == OK)
		err = l4_irq_wakeful(irq, true);
	if (err != OK)
		return err;
	host->line[host->line_count++] = (struct host_line){.intid = intid, .irq = irq, .level = level};
	err = gic_bind_line(&host->vm.gic, intid, level);
	if (err == OK)
		return OK;
	host->line_count--;
	(void)l4_irq_unbind(irq);
	return err;
}

enum err host_line_configure(struct host *host, unsigned int cpu, uint64_t virq)
{
	const struct host_line *line = find(host, virq & L4_VIRQ_INTID_MASK);

	return line ? l4_irq_bind_vcpu(line->irq, host->cpu[cpu].thread, virq) : ERR_NOENT;
}

bool host_line_is_pending(const struct host *host, uint32_t intid, bool forget)
{
	const struct host_line *line = find(host, intid);
	bool pending = false;

	return line && l4_irq_line(line->irq, forget, &pending) == OK && pending;
}

void host_lines_watch(struct host *host, unsigned int cpu)
{
	for (unsigned int i = 0; i < host->line_count; i++) {
		struct host_line *line = &host->line[i];

		if (!gic_would_wake(&host->vm.gic, cpu, line->intid))
			continue;
		line->fired = false;
		line->watched = l4_irq_bind_thread(line->irq, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_LINE, i)) == OK;
		/* What waited for the vCPU is at the GIC again, or comes as an event. */
		if (line->watched)
			(void)l4_irq_unmask(line->irq);
		else
			host_event(host, NULL, VCPU_EVENT_IRQ_LOST, line->intid);
	}
}

/* A level that is still high comes by itself, and must not come twice; an edge that we took is made once more. */
static void give_back(struct host *host, struct host_line *line)
{
	bool pending;

	if (l4_irq_bind_vcpu(line->irq, host->cpu[0].thread, L4_VIRQ(line->intid, 0, 0)) != OK)
		host_event(host, NULL, VCPU_EVENT_IRQ_LOST, line->intid);
	if (line->level)
		(void)l4_irq_line(line->irq, true, &pending);
	gic_bind_again(&host->vm.gic, line->intid);
	if (line->fired && !line->level)
		(void)l4_irq_trigger(line->irq);
	line->watched = line->fired = false;
}

void host_lines_give_back(struct host *host)
{
	for (unsigned int i = 0; i < host->line_count; i++)
		if (host->line[i].watched)
			give_back(host, &host->line[i]);
}
