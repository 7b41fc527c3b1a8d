/* The SMMUs as an object: which stream of a device goes through which DMA domain, and accesses that were refused. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "lib/list.h"

struct irq;
struct space;

/* A stream that is bound; in a list of all and in its domain's. */
struct stream {
	struct list in_all;
	struct list in_space; /* space.streams */
	struct space *space;
	unsigned int smmu;
	uint32_t number; /* [SMMU StreamID] */
};

/* An access that an SMMU refused. */
struct smmu_fault {
	unsigned int smmu;
	uint32_t stream;
	uint64_t address;
	uint32_t flags; /* L4_FAULT_* */
	uint64_t lost;  /* at least so many before this one are not told, as nobody took them in time */
};

/* In force when it returns. ERR_INVAL: the space is no DMA domain, or a physical one; ERR_NOENT: it is dead; ERR_RANGE:
 * no such SMMU or stream; ERR_NODEV: an SMMU that lets nothing through; ERR_BUSY: another domain has the stream;
 * ERR_NOSPC: too many are bound; ERR_NOMEM: the domain's payer, or too many domains are bound. */
enum err iommu_bind(unsigned int smmu, uint32_t stream, struct space *space);
/* Nothing of the stream gets through any more when it returns. ERR_NOENT: it is not bound. */
enum err iommu_unbind(unsigned int smmu, uint32_t stream);
/* ERR_INVAL: no DMA domain; ERR_NOENT: it is dead; ERR_BUSY: something is mapped there, or a stream bound. */
enum err iommu_make_physical(struct space *space);
/* A dead domain's streams are detached, so many at a time; true: none is left. */
bool iommu_leave_space(struct space *space, unsigned int budget);

/* Triggered at once, as there may be refused accesses already. ERR_BUSY: another irq that still lives is told. */
enum err iommu_bind_irq(struct irq *irq);
/* The irq ends. */
void iommu_forget(const struct irq *irq);
/* SMMUs refused accesses that nobody has taken. The lock is held. */
void iommu_faulted(void);
