/* SMMUs. [SMMU] */
#include "arch.h"

unsigned int arch_smmu_count(void)
{
	return 0;
}

enum err arch_smmu_attach(unsigned int smmu, uint32_t stream, struct space *space)
{
	(void)smmu;
	(void)stream;
	(void)space;
	return ERR_RANGE;
}

void arch_smmu_detach(unsigned int smmu, uint32_t stream)
{
	(void)smmu;
	(void)stream;
}

bool arch_smmu_fault(struct smmu_fault *out)
{
	(void)out;
	return false;
}
