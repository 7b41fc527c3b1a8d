/* The SMMUs as an object: which stream of a device goes through which DMA domain, and accesses that were refused. */
#include "core/iommu.h"

#include "arch.h"
#include "core/irq.h"
#include "core/kmem.h"
#include "core/limits.h"
#include "core/space.h"

static struct list streams; /* all that are bound: struct stream.in_all */
static unsigned int stream_count;
static struct irq *listener; /* until it ends */

static struct stream *find(unsigned int smmu, uint32_t number)
{
	if (!streams.next)
		list_init(&streams);
	for (struct list *link = streams.next; link != &streams; link = link->next) {
		struct stream *stream = LIST_OF(link, struct stream, in_all);

		if (stream->smmu == smmu && stream->number == number)
			return stream;
	}
	return NULL;
}

enum err iommu_bind(unsigned int smmu, uint32_t number, struct space *space)
{
	struct stream *stream;
	enum err err;

	if (space->kind != SPACE_DMA || space->is_physical)
		return ERR_INVAL;
	if (space->obj.dead)
		return ERR_NOENT;
	if (smmu >= arch_smmu_count())
		return ERR_RANGE;
	stream = find(smmu, number);
	if (stream)
		return stream->space == space ? OK : ERR_BUSY;
	if (stream_count >= STREAMS_MAX)
		return ERR_NOSPC;
	stream = kmem_alloc(space->obj.payer, sizeof(*stream));
	if (!stream)
		return ERR_NOMEM;
	err = arch_smmu_attach(smmu, number, space);
	if (err) {
		kmem_free(space->obj.payer, stream, sizeof(*stream));
		return err;
	}
	*stream = (struct stream){.space = space, .smmu = smmu, .number = number};
	list_push_back(&streams, &stream->in_all);
	list_push_back(&space->streams, &stream->in_space);
	stream_count++;
	return OK;
}

static void detach(struct stream *stream)
{
	arch_smmu_detach(stream->smmu, stream->number, stream->space);
	list_remove(&stream->in_all);
	list_remove(&stream->in_space);
	stream_count--;
	kmem_free(stream->space->obj.payer, stream, sizeof(*stream));
}

enum err iommu_unbind(unsigned int smmu, uint32_t number)
{
	struct stream *stream = find(smmu, number);

	if (!stream)
		return ERR_NOENT;
	detach(stream);
	return OK;
}

enum err iommu_make_physical(struct space *space)
{
	if (space->kind != SPACE_DMA)
		return ERR_INVAL;
	if (space->obj.dead)
		return ERR_NOENT;
	if (space->is_physical)
		return OK;
	if (space->mappings || !list_is_empty(&space->streams))
		return ERR_BUSY;
	space->is_physical = true;
	return OK;
}

bool iommu_leave_space(struct space *space, unsigned int budget)
{
	struct list *link;

	while (budget-- && (link = list_first(&space->streams)))
		detach(LIST_OF(link, struct stream, in_space));
	return list_is_empty(&space->streams);
}

enum err iommu_bind_irq(struct irq *irq)
{
	if (listener == irq)
		return OK;
	if (listener)
		return ERR_BUSY;
	listener = irq;
	/* What was refused before made its sign when nobody listened, and makes no other until it is taken. */
	irq_trigger(irq);
	return OK;
}

void iommu_forget(const struct irq *irq)
{
	if (listener == irq)
		listener = NULL;
}

void iommu_faulted(void)
{
	if (listener)
		irq_trigger(listener);
}
