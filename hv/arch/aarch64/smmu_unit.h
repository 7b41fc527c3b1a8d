/* One SMMUv3: bring-up, streams, invalidation, events. Pure: reaches registers and memory through smmu_io, so that the
 * host can record the order of everything. [SMMU]
 *
 *   stream number   31..6             5..0
 *                   level 1: 8 bytes  level 2: a page of 64 entries of 64 bytes, made when the first of them is attached
 *
 * From smmu_unit_start on every stream aborts that is not attached: its entry, or the whole page of it, is zero.
 * Pages of entries stay for good; there are at most 2^14 of them.
 *
 * No locks inside: the caller serialises all calls for one unit. The hardware reads tables and queues at the same time.
 */
#pragma once

#include "arch/aarch64/smmu_code.h"

/* The machine. All are called with the context given to smmu_unit_start. */
struct smmu_io {
	uint32_t (*read)(void *ctx, uint32_t offset);
	void (*write)(void *ctx, uint32_t offset, uint32_t value);
	void (*write64)(void *ctx, uint32_t offset, uint64_t value);
	/* What was written there, `size` bytes, is seen by the SMMU before anything that is written from now on. */
	void (*publish)(void *ctx, const void *at, uint64_t size);
	/* What is read there from now on is what the SMMU wrote before the registers were read. */
	void (*refresh)(void *ctx, const void *at, uint64_t size);
	/* Zeroed memory for good, aligned to its size, a power of two of whole pages. */
	enum err (*alloc)(void *ctx, uint64_t size, pa_t *out);
	uint64_t *(*at)(void *ctx, pa_t pa);
	/* Has more than the time that any SMMU needs gone by since *start? Writes *start if that is 0. */
	bool (*is_late)(void *ctx, uint64_t *start);
	/* The SMMU does not do what it must, so nothing that was promised about memory can be kept. Does not return. */
	void (*give_up)(void *ctx, const char *why, uint32_t value) __attribute__((noreturn));
};

enum smmu_stage { SMMU_STAGE1, SMMU_STAGE2 };

struct smmu_unit {
	const struct smmu_io *io;
	void *ctx;
	struct smmu_features has;
	struct smmu_table_shape shape;
	uint64_t *table, *commands, *events;
	pa_t table_at, commands_at, events_at;
	uint32_t command_bits, event_bits; /* log2 of entries */
	uint32_t command_next, event_next; /* index and, one bit above, wrap */
	uint32_t control;                  /* [SMMU CR0] */
	uint32_t produced;                 /* [SMMU EVENTQ_PROD] before the machine was turned off */
	bool has_bypass_abort;             /* disabled, it aborts as well. [SMMU GBPA] */
	uint64_t lost;                     /* times that events were lost */
	uint32_t errors;                   /* [SMMU GERROR] seen so far */
};

/* Quiet first, then everything that it may hold from before is thrown away, then every stream aborts. Afterwards
 * has.unusable says whether streams can be attached. ERR_NOMEM: no memory for tables and queues; ERR_TIMEDOUT: the
 * registers do not answer; ERR_NODEV: its tables cannot be ours. Then it is as quiet as it got. */
enum err smmu_unit_start(struct smmu_unit *unit, const struct smmu_io *io, void *ctx);

/* Before the machine is turned off, and afterwards: its registers are as they were, and it holds nothing from before that
 * memory does not say. Errors as of smmu_unit_start. */
void smmu_unit_keep(struct smmu_unit *unit);
enum err smmu_unit_restore(struct smmu_unit *unit);

/* The stream's accesses go by that entry from now on. ERR_RANGE: no such stream; ERR_NOMEM: no page of entries, nothing
 * changed. The stream is not attached. */
enum err smmu_unit_attach(struct smmu_unit *unit, uint32_t stream, const struct smmu_entry *entry);
/* The stream aborts, and the SMMU holds nothing of the translations with that ASID or VMID. */
void smmu_unit_detach(struct smmu_unit *unit, uint32_t stream, enum smmu_stage stage, uint16_t id);
/* Nothing of the translations with that ASID or VMID, or of those for one address, is held or in use. */
void smmu_unit_flush(struct smmu_unit *unit, enum smmu_stage stage, uint16_t id);
void smmu_unit_flush_address(struct smmu_unit *unit, enum smmu_stage stage, uint16_t id, uint64_t address);

/* Take the next event; false: there is none. */
bool smmu_unit_take_event(struct smmu_unit *unit, struct smmu_event *out);
/* Acknowledge errors; those of kinds that were not seen before are the answer. [SMMU GERROR] */
uint32_t smmu_unit_take_errors(struct smmu_unit *unit);
/* Events cannot be written until some are taken; the error stays until smmu_unit_take_event finds none. */
bool smmu_unit_is_stormed(const struct smmu_unit *unit);
