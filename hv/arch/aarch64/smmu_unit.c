/* One SMMUv3; see smmu_unit.h. [SMMU] */
#include "arch/aarch64/smmu_unit.h"

#include <assert.h>

#include "core/limits.h"

#define COMMAND_BYTES 16u
#define EVENT_BYTES 32u
#define COMMAND_BITS 8u /* a page */
#define LEVEL2_SIZE L4_PAGE_SIZE
#define LEVEL2_INDEX ((1u << SMMU_SPLIT) - 1)

static uint32_t read(const struct smmu_unit *unit, uint32_t offset)
{
	return unit->io->read(unit->ctx, offset);
}

static void write(const struct smmu_unit *unit, uint32_t offset, uint32_t value)
{
	unit->io->write(unit->ctx, offset, value);
}

static void publish(const struct smmu_unit *unit, const void *at, uint64_t size)
{
	unit->io->publish(unit->ctx, at, size);
}

/* One store: the SMMU reads 64 bits at a time. [SMMU STE] */
static void store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* ---- commands ---- */

static uint32_t queue_mask(uint32_t bits)
{
	return (2u << bits) - 1;
}

static uint32_t errors_pending(const struct smmu_unit *unit)
{
	return read(unit, SMMU_GERROR) ^ read(unit, SMMU_GERRORN);
}

/* How many commands the SMMU has still to take. It takes none behind one that it does not know, or cannot read. */
static uint32_t commands_left(const struct smmu_unit *unit)
{
	uint32_t taken = read(unit, SMMU_CMDQ_CONS);

	if (errors_pending(unit) & SMMU_GERROR_CMDQ)
		unit->io->give_up(unit->ctx, "a command failed, CMDQ_CONS", taken);
	return (unit->command_next - taken) & queue_mask(unit->command_bits);
}

static void wait_for_commands(const struct smmu_unit *unit, uint32_t most)
{
	uint64_t start = 0;

	while (commands_left(unit) > most)
		/* Looked at once more: what took the time may have been this CPU, taken away by firmware or by a host. */
		if (unit->io->is_late(unit->ctx, &start) && commands_left(unit) > most)
			unit->io->give_up(unit->ctx, "commands are not finished, CMDQ_CONS",
					  read(unit, SMMU_CMDQ_CONS));
}

static void command(struct smmu_unit *unit, struct smmu_command command)
{
	uint32_t entries = 1u << unit->command_bits;
	uint64_t *at = unit->commands + (unit->command_next & (entries - 1)) * (COMMAND_BYTES / 8);

	wait_for_commands(unit, entries - 1);
	store(&at[0], command.word[0]);
	store(&at[1], command.word[1]);
	/* The command, and the tables that it is about, are there before it can be taken. */
	publish(unit, at, COMMAND_BYTES);
	unit->command_next = (unit->command_next + 1) & queue_mask(unit->command_bits);
	write(unit, SMMU_CMDQ_PROD, unit->command_next);
}

/* All commands so far have taken effect, and accesses that went by what they threw away are over. [SMMU CMD_SYNC] */
static void sync(struct smmu_unit *unit)
{
	command(unit, smmu_sync());
	wait_for_commands(unit, 0);
}

/* ---- bring-up ---- */

static bool wait_for(const struct smmu_unit *unit, uint32_t offset, uint32_t mask, uint32_t value)
{
	uint64_t start = 0;

	while ((read(unit, offset) & mask) != value)
		if (unit->io->is_late(unit->ctx, &start))
			return (read(unit, offset) & mask) == value;
	return true;
}

static enum err set_control(struct smmu_unit *unit, uint32_t control)
{
	unit->control = control;
	write(unit, SMMU_CR0, control);
	return wait_for(unit, SMMU_CR0ACK, ~0u, control) ? OK : ERR_TIMEDOUT;
}

/* Nothing passes while it is off. An SMMU whose GBPA cannot be written lets accesses through until it is on. */
static enum err be_quiet(struct smmu_unit *unit)
{
	enum err err;

	if (!wait_for(unit, SMMU_GBPA, SMMU_GBPA_UPDATE, 0))
		return ERR_TIMEDOUT;
	write(unit, SMMU_GBPA, read(unit, SMMU_GBPA) | SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
	if (!wait_for(unit, SMMU_GBPA, SMMU_GBPA_UPDATE, 0))
		return ERR_TIMEDOUT;
	unit->has_bypass_abort = read(unit, SMMU_GBPA) & SMMU_GBPA_ABORT;
	err = set_control(unit, 0);
	if (err)
		return err;
	write(unit, SMMU_IRQ_CTRL, 0);
	return wait_for(unit, SMMU_IRQ_CTRLACK, ~0u, 0) ? OK : ERR_TIMEDOUT;
}

static enum err make_memory(struct smmu_unit *unit, uint64_t size, uint64_t **out, pa_t *out_pa)
{
	enum err err;

	size = size < L4_PAGE_SIZE ? L4_PAGE_SIZE : size;
	err = unit->io->alloc(unit->ctx, size, out_pa);
	if (err)
		return err;
	*out = unit->io->at(unit->ctx, *out_pa);
	publish(unit, *out, size);
	return OK;
}

static enum err make_tables(struct smmu_unit *unit)
{
	enum err err;

	unit->shape = smmu_choose_table(&unit->has);
	unit->command_bits = unit->has.command_bits < COMMAND_BITS ? unit->has.command_bits : COMMAND_BITS;
	unit->event_bits = unit->has.event_bits < SMMU_EVENT_BITS ? unit->has.event_bits : SMMU_EVENT_BITS;
	err = make_memory(unit, unit->shape.size, &unit->table, &unit->table_at);
	if (!err)
		err = make_memory(unit, COMMAND_BYTES << unit->command_bits, &unit->commands, &unit->commands_at);
	if (!err)
		err = make_memory(unit, EVENT_BYTES << unit->event_bits, &unit->events, &unit->events_at);
	return err;
}

/* It is off. Events that nobody has taken are there still. */
static void write_tables(struct smmu_unit *unit)
{
	unit->command_next = 0;
	write(unit, SMMU_CR1, SMMU_CR1_WRITE_BACK);
	/* Unknown streams are reported, and the CPUs' TLBI instructions are not for the SMMU: it gets commands. */
	write(unit, SMMU_CR2, SMMU_CR2_RECINVSID | SMMU_CR2_PTM);
	unit->io->write64(unit->ctx, SMMU_STRTAB_BASE, SMMU_TABLES_BASE(unit->table_at));
	write(unit, SMMU_STRTAB_BASE_CFG, unit->shape.config);
	unit->io->write64(unit->ctx, SMMU_CMDQ_BASE, SMMU_TABLES_BASE(unit->commands_at) | unit->command_bits);
	write(unit, SMMU_CMDQ_PROD, 0);
	write(unit, SMMU_CMDQ_CONS, 0);
	unit->io->write64(unit->ctx, SMMU_EVENTQ_BASE, SMMU_TABLES_BASE(unit->events_at) | unit->event_bits);
	write(unit, SMMU_EVENTQ_PROD, unit->produced);
	write(unit, SMMU_EVENTQ_CONS, unit->event_next | (unit->produced & SMMU_OVERFLOW));
}

/* By lines, not by messages. */
static enum err start_interrupts(struct smmu_unit *unit)
{
	const uint32_t both = SMMU_IRQ_CTRL_EVENTQ | SMMU_IRQ_CTRL_GERROR;

	unit->io->write64(unit->ctx, SMMU_EVENTQ_IRQ_CFG0, 0);
	unit->io->write64(unit->ctx, SMMU_GERROR_IRQ_CFG0, 0);
	write(unit, SMMU_IRQ_CTRL, both);
	return wait_for(unit, SMMU_IRQ_CTRLACK, both, both) ? OK : ERR_TIMEDOUT;
}

/* It is off, and has its tables. */
static enum err turn_on(struct smmu_unit *unit)
{
	enum err err;

	write_tables(unit);
	write(unit, SMMU_GERRORN, read(unit, SMMU_GERROR));
	err = set_control(unit, SMMU_CR0_CMDQEN);
	if (err)
		return err;
	command(unit, smmu_cfgi_all());
	if (unit->has.has_hyp)
		command(unit, smmu_tlbi_el2_all());
	command(unit, smmu_tlbi_nsnh_all());
	sync(unit);
	err = set_control(unit, unit->control | SMMU_CR0_EVENTQEN);
	if (!err)
		err = start_interrupts(unit);
	/* [SMMU CR0.ATSCHK] Else a device need only say that its addresses are translated, and nobody looks. */
	if (!err && unit->has.has_ats)
		err = set_control(unit, unit->control | SMMU_CR0_ATSCHK);
	return err ? err : set_control(unit, unit->control | SMMU_CR0_SMMUEN);
}

/* [SMMU EVENTQ_PROD.OVFLG] The flag changes with each time that the queue runs over, and we say that we have seen it. It answers
 * EVENTQ_PROD. */
static uint32_t see_overflow(struct smmu_unit *unit)
{
	uint32_t produced = read(unit, SMMU_EVENTQ_PROD), now = produced & SMMU_OVERFLOW;

	if ((read(unit, SMMU_EVENTQ_CONS) & SMMU_OVERFLOW) != now) {
		unit->lost++;
		write(unit, SMMU_EVENTQ_CONS, unit->event_next | now);
	}
	return produced;
}

enum err smmu_unit_start(struct smmu_unit *unit, const struct smmu_io *io, void *ctx)
{
	enum err err;

	*unit = (struct smmu_unit){.io = io, .ctx = ctx};
	unit->has = smmu_read_features(read(unit, SMMU_IDR0), read(unit, SMMU_IDR1), read(unit, SMMU_IDR5));
	err = be_quiet(unit);
	if (!err && unit->has.has_presets)
		err = ERR_NODEV;
	if (!err)
		err = make_tables(unit);
	return err ? err : turn_on(unit);
}

void smmu_unit_keep(struct smmu_unit *unit)
{
	unit->produced = see_overflow(unit);
}

enum err smmu_unit_restore(struct smmu_unit *unit)
{
	enum err err;

	/* It was not turned off: devices go on. */
	if (read(unit, SMMU_CR0) == unit->control && read(unit, SMMU_STRTAB_BASE_CFG) == unit->shape.config)
		return OK;
	err = be_quiet(unit);
	return err ? err : turn_on(unit);
}

/* ---- streams ---- */

/* The page of entries with that stream; NULL: there is none yet. */
static uint64_t *level2_of(const struct smmu_unit *unit, uint32_t stream)
{
	uint64_t desc = unit->table[stream >> SMMU_SPLIT];

	return desc ? unit->io->at(unit->ctx, smmu_decode_level1(desc)) : NULL;
}

static enum err make_level2(struct smmu_unit *unit, uint32_t stream)
{
	uint64_t *desc = &unit->table[stream >> SMMU_SPLIT], *entries;
	pa_t pa;
	enum err err = make_memory(unit, LEVEL2_SIZE, &entries, &pa);

	if (err)
		return err;
	store(desc, smmu_encode_level1(pa));
	publish(unit, desc, sizeof(*desc));
	return OK;
}

static uint64_t *entry_of(const struct smmu_unit *unit, uint32_t stream)
{
	if (!unit->shape.two_level)
		return unit->table + (uint64_t)stream * SMMU_ENTRY_WORDS;
	return level2_of(unit, stream) + (stream & LEVEL2_INDEX) * SMMU_ENTRY_WORDS;
}

/* The SMMU reads that stream's entry anew. */
static void forget_entry(struct smmu_unit *unit, uint32_t stream)
{
	command(unit, smmu_cfgi_ste(stream));
	sync(unit);
}

/* [SMMU STE.V] The word with V comes last, when the SMMU holds nothing older of the others. That an entry is not valid
 * may be held, too, so it has to forget that in the end. */
enum err smmu_unit_attach(struct smmu_unit *unit, uint32_t stream, const struct smmu_entry *entry)
{
	uint64_t *to;

	if (stream >> unit->shape.bits)
		return ERR_RANGE;
	if (unit->shape.two_level && !level2_of(unit, stream)) {
		enum err err = make_level2(unit, stream);

		if (err)
			return err;
	}
	to = entry_of(unit, stream);
	assert(!(to[0] & SMMU_STE_VALID) && "a stream is detached before it is attached again");
	for (unsigned int i = 1; i < SMMU_ENTRY_WORDS; i++)
		store(&to[i], entry->word[i]);
	publish(unit, to, sizeof(*entry));
	forget_entry(unit, stream);
	store(&to[0], entry->word[0]);
	publish(unit, to, sizeof(to[0]));
	forget_entry(unit, stream);
	return OK;
}

/* The entry goes first: afterwards no access makes new translations, and then those that there are go. */
void smmu_unit_detach(struct smmu_unit *unit, uint32_t stream, enum smmu_stage stage, uint16_t id)
{
	uint64_t *entry = entry_of(unit, stream);

	store(&entry[0], 0);
	publish(unit, entry, sizeof(entry[0]));
	forget_entry(unit, stream);
	smmu_unit_flush(unit, stage, id);
}

void smmu_unit_flush(struct smmu_unit *unit, enum smmu_stage stage, uint16_t id)
{
	command(unit, stage == SMMU_STAGE1 ? smmu_tlbi_asid(id) : smmu_tlbi_vmid(id));
	sync(unit);
}

void smmu_unit_flush_address(struct smmu_unit *unit, enum smmu_stage stage, uint16_t id, uint64_t address)
{
	command(unit, stage == SMMU_STAGE1 ? smmu_tlbi_va(id, address) : smmu_tlbi_ipa(id, address));
	sync(unit);
}

/* ---- events ---- */

static bool next_event(struct smmu_unit *unit, uint64_t word[SMMU_EVENT_WORDS])
{
	uint32_t produced = see_overflow(unit), seen = produced & SMMU_OVERFLOW;
	const uint64_t *from;

	if (!((produced ^ unit->event_next) & queue_mask(unit->event_bits)))
		return false;
	from = unit->events + (unit->event_next & ((1u << unit->event_bits) - 1)) * SMMU_EVENT_WORDS;
	unit->io->refresh(unit->ctx, from, EVENT_BYTES);
	for (unsigned int i = 0; i < SMMU_EVENT_WORDS; i++)
		word[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	unit->event_next = (unit->event_next + 1) & queue_mask(unit->event_bits);
	write(unit, SMMU_EVENTQ_CONS, unit->event_next | seen);
	return true;
}

/* [SMMU GERROR.EVENTQ_ABT_ERR] Events could not be written; QEMU 7.2 says so when the queue is full. It is acknowledged
 * when the queue is empty: until then a storm makes no new interrupts. */
static void take_abort(struct smmu_unit *unit)
{
	if (!(errors_pending(unit) & SMMU_GERROR_EVENTQ_ABT))
		return;
	unit->lost++;
	write(unit, SMMU_GERRORN, read(unit, SMMU_GERRORN) ^ SMMU_GERROR_EVENTQ_ABT);
}

bool smmu_unit_take_event(struct smmu_unit *unit, struct smmu_event *out)
{
	uint64_t word[SMMU_EVENT_WORDS];

	if (!next_event(unit, word)) {
		take_abort(unit);
		return false;
	}
	*out = smmu_decode_event(word);
	return true;
}

uint32_t smmu_unit_take_errors(struct smmu_unit *unit)
{
	uint32_t pending = errors_pending(unit), fresh = pending & ~unit->errors;

	unit->errors |= pending;
	/* A failed command stays: who waits for it must see it. */
	pending &= ~(SMMU_GERROR_CMDQ | SMMU_GERROR_EVENTQ_ABT);
	if (pending)
		write(unit, SMMU_GERRORN, read(unit, SMMU_GERRORN) ^ pending);
	return fresh;
}

bool smmu_unit_is_stormed(const struct smmu_unit *unit)
{
	return errors_pending(unit) & SMMU_GERROR_EVENTQ_ABT;
}
