/* Operations of the SMMUs. [abi/abi.toml iommu] */
#include "core/iommu.h"

#include "arch.h"
#include "call/call.h"
#include "core/irq.h"
#include "core/space.h"

static enum err bind(struct call *call)
{
	enum err err = OK;
	struct object *space = call_find(call, call->w[2], L4_KIND_SPACE, L4_RIGHT_W, &err);

	if (!space)
		return err;
	if (call->w[0] > UINT32_MAX || call->w[1] > UINT32_MAX)
		return ERR_RANGE;
	return iommu_bind((unsigned int)call->w[0], (uint32_t)call->w[1], space_of(space));
}

static enum err unbind(struct call *call)
{
	if (call->w[0] > UINT32_MAX || call->w[1] > UINT32_MAX)
		return ERR_RANGE;
	return iommu_unbind((unsigned int)call->w[0], (uint32_t)call->w[1]);
}

static enum err physical(struct call *call)
{
	enum err err = OK;
	struct object *space = call_find(call, call->w[0], L4_KIND_SPACE, L4_RIGHT_W, &err);

	return space ? iommu_make_physical(space_of(space)) : err;
}

static enum err info(struct call *call)
{
	call->w[0] = arch_smmu_count();
	return OK;
}

static enum err fault(struct call *call)
{
	struct smmu_fault fault;

	if (!arch_smmu_fault(&fault))
		return ERR_AGAIN;
	call->w[0] = fault.smmu;
	call->w[1] = fault.stream;
	call->w[2] = fault.address;
	call->w[3] = fault.flags;
	call->w[4] = fault.lost;
	return OK;
}

static enum err bind_irq(struct call *call)
{
	enum err err = OK;
	struct object *irq = call_find(call, call->w[0], L4_KIND_IRQ, L4_RIGHT_W, &err);

	return irq ? iommu_bind_irq(irq_of(irq)) : err;
}

const struct call_op iommu_ops[CALL_OPS_MAX] = {
	[1] = {bind, L4_RIGHT_W, false}, [2] = {unbind, L4_RIGHT_W, false}, [3] = {physical, L4_RIGHT_W, false},
	[4] = {info, L4_RIGHT_R, false}, [5] = {fault, L4_RIGHT_R, false},  [6] = {bind_irq, L4_RIGHT_R, false},
};
