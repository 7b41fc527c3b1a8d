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
	if (err != OK)
		return err;
	host->line[host->line_count++] = (struct host_line){intid, irq};
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
