/* The SMMUs of the host's make-believe machine: which stream walks which space's tables, and faults that a test makes. */
#include <assert.h>
#include <string.h>

#include "arch.h"
#include "host.h"

static struct space **table_of(unsigned int smmu, uint32_t stream)
{
	assert(smmu < host.smmus && stream < HOST_STREAMS && "who detaches a stream has attached it");
	return &host.stream[smmu][stream];
}

bool host_has_stream(const struct space *space)
{
	for (unsigned int smmu = 0; smmu < HOST_SMMUS_MAX; smmu++)
		for (unsigned int i = 0; i < HOST_STREAMS; i++)
			if (host.stream[smmu][i] == space)
				return true;
	return false;
}

unsigned int arch_smmu_count(void)
{
	return host.smmus;
}

enum err arch_smmu_attach(unsigned int smmu, uint32_t stream, struct space *space)
{
	if (smmu >= host.smmus || stream >= HOST_STREAMS)
		return ERR_RANGE;
	if (!host.kmem_fails_after)
		return ERR_NOMEM;
	assert(!*table_of(smmu, stream) && "a stream is detached before it is attached again");
	assert(!space->obj.dead && space->arch.root && "a stream walks tables that are there");
	*table_of(smmu, stream) = space;
	return OK;
}

void arch_smmu_detach(unsigned int smmu, uint32_t stream, struct space *space)
{
	(void)space;
	assert(*table_of(smmu, stream) == space && "only what is attached is detached");
	*table_of(smmu, stream) = NULL;
}

bool arch_smmu_fault(struct smmu_fault *out)
{
	if (!host.fault_count)
		return false;
	*out = host.fault[0];
	memmove(&host.fault[0], &host.fault[1], --host.fault_count * sizeof(host.fault[0]));
	return true;
}

void host_refuse(const struct smmu_fault *fault)
{
	if (host.fault_count == HOST_FAULTS_MAX) {
		host.fault[HOST_FAULTS_MAX - 1].lost++;
		return;
	}
	host.fault[host.fault_count++] = *fault;
	if (host.fault_count == 1)
		iommu_faulted();
}
