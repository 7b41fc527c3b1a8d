/* SMMUv3: what it reads and writes, bit by bit, and the order in which hv/arch/aarch64/smmu_unit.c does everything. */
#include "smmu_machine.h"

#include "arch/aarch64/stage2.h"
#include "core/limits.h"

/* IDR0, IDR1, IDR5: QEMU 7.2; an MMU-600 as on server boards, which has stage 2, EL2 and 24 bits of streams. */
#define QEMU_IDR0 0x0d40101au
#define QEMU_IDR1 0x02730010u
#define QEMU_IDR5 0x00000074u
#define MMU600_IDR0 0x080ff6ffu
#define MMU600_IDR1 0x00f49d18u
#define MMU600_IDR5 0x00000475u

struct fixture {
	struct smmu_machine m;
	struct smmu_unit unit;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->m.memory = aligned_alloc(MEMORY_SIZE, MEMORY_SIZE);
	f->m.seen = aligned_alloc(MEMORY_SIZE, MEMORY_SIZE);
	memset(f->m.memory, 0x5a, MEMORY_SIZE);
	memset(f->m.seen, 0xa5, MEMORY_SIZE); /* what nobody published */
	f->m.allocs_left = 1000;
	*reg(&f->m, SMMU_IDR0) = QEMU_IDR0;
	*reg(&f->m, SMMU_IDR1) = QEMU_IDR1;
	*reg(&f->m, SMMU_IDR5) = QEMU_IDR5;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->m.memory);
	free(f->m.seen);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), OK);
	f->m.log[0] = 0;
}

static void watch(struct fixture *f, uint32_t stream)
{
	f->m.watched[f->m.watched_count++] = stream;
	hold_entries(&f->m);
}

/* An entry of stage 1 whose context lies in the machine's memory. */
static struct smmu_entry stage1_entry(struct fixture *f, uint16_t asid)
{
	struct smmu_entry context;
	pa_t pa;

	assert_int_equal(machine_alloc(&f->m, L4_PAGE_SIZE, &pa), OK);
	context = smmu_encode_context((pa_t){pa.v + 64}, asid, 4);
	memcpy(machine_at(&f->m, pa), &context, sizeof(context));
	machine_publish(&f->m, machine_at(&f->m, pa), L4_PAGE_SIZE);
	return smmu_encode_ste_stage1(pa);
}

/* ---- encodings ---- */

static void registers_say_what_an_smmu_can(void **state)
{
	struct smmu_features qemu = smmu_read_features(QEMU_IDR0, QEMU_IDR1, QEMU_IDR5);
	struct smmu_features mmu600 = smmu_read_features(MMU600_IDR0, MMU600_IDR1, MMU600_IDR5);
	(void)state;

	assert_true(qemu.stage1 && !qemu.stage2 && qemu.is_coherent && qemu.two_level && !qemu.has_hyp &&
		    !qemu.has_ats);
	assert_int_equal(qemu.stream_bits, 16);
	assert_int_equal(qemu.command_bits, 19);
	assert_int_equal(qemu.event_bits, 19);
	assert_int_equal(qemu.output_size, 4);
	assert_null(qemu.unusable);
	assert_true(mmu600.stage1 && mmu600.stage2 && mmu600.is_coherent && mmu600.two_level && mmu600.has_hyp &&
		    mmu600.has_ats);
	assert_int_equal(mmu600.stream_bits, 24);
	assert_int_equal(mmu600.command_bits, 7);
	assert_int_equal(mmu600.event_bits, 20);
	assert_int_equal(mmu600.output_size, 5);
	assert_null(mmu600.unusable);
	assert_int_equal(smmu_read_features(MMU600_IDR0, 0, 0x16).output_size, 5); /* 52 bits: we use 48 */
}

static void what_cannot_be_used_is_said_in_a_sentence(void **state)
{
	(void)state;
	assert_non_null(smmu_read_features(QEMU_IDR0 & ~(1u << 1), QEMU_IDR1, QEMU_IDR5).unusable); /* no stage */
	assert_non_null(smmu_read_features(QEMU_IDR0, QEMU_IDR1, 0x64).unusable);                   /* no 4 KiB */
	assert_non_null(smmu_read_features(QEMU_IDR0 | 3u << 21, QEMU_IDR1, QEMU_IDR5).unusable);   /* big-endian */
	assert_non_null(smmu_read_features((QEMU_IDR0 & ~(3u << 2)) | 1u << 2, QEMU_IDR1, QEMU_IDR5).unusable);
	assert_non_null(smmu_read_features((QEMU_IDR0 & ~(3u << 24)) | 2u << 24, QEMU_IDR1, QEMU_IDR5).unusable);
	assert_true(smmu_read_features(QEMU_IDR0, QEMU_IDR1 | 1u << 29, QEMU_IDR5).has_presets);
	assert_true(smmu_read_features(QEMU_IDR0, QEMU_IDR1 | 1u << 30, QEMU_IDR5).has_presets);
	/* Stage 2 with less than 40 bits of output cannot walk our tables; stage 1 of the same can. */
	assert_false(smmu_read_features(MMU600_IDR0, MMU600_IDR1, 0x11).stage2);
	assert_true(smmu_read_features(MMU600_IDR0, MMU600_IDR1, 0x11).stage1);
}

static void the_stream_table_has_two_levels_where_that_is_worth_it(void **state)
{
	static const struct {
		bool two_level;
		unsigned int bits, covered;
		uint64_t size;
		uint32_t config;
	} cases[] = {
		{true, 16, 16, 8192, 1u << 16 | 6u << 6 | 16},
		{true, 32, 20, 131072, 1u << 16 | 6u << 6 | 20},
		{true, 7, 7, 16, 1u << 16 | 6u << 6 | 7},
		{true, 6, 6, 4096, 6},
		{true, 0, 0, 64, 0},
		{false, 8, 8, 16384, 8},
		{false, 32, 16, 4194304, 16},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smmu_features features = {.two_level = cases[i].two_level, .stream_bits = cases[i].bits};
		struct smmu_table_shape shape = smmu_choose_table(&features);

		assert_int_equal(shape.bits, cases[i].covered);
		assert_int_equal(shape.size, cases[i].size);
		assert_int_equal(shape.config, cases[i].config);
	}
	assert_int_equal(smmu_encode_level1((pa_t){0x123456789000}), 0x123456789007);
	assert_int_equal(smmu_decode_level1(0x123456789007).v, 0x123456789000);
}

static void expect_entry(struct smmu_entry entry, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	assert_int_equal(entry.word[0], w0);
	assert_int_equal(entry.word[1], w1);
	assert_int_equal(entry.word[2], w2);
	assert_int_equal(entry.word[3], w3);
	for (unsigned int i = 4; i < 8; i++)
		assert_int_equal(entry.word[i], 0);
}

static void entries_are_encoded_as_the_manual_says(void **state)
{
	(void)state;
	/* [SMMU STE]: V, Config 5, context; S1CIR 1, S1COR 1, S1CSH 3, MEV, SHCFG 1 */
	expect_entry(smmu_encode_ste_stage1((pa_t){0x8765432100c0}), 0x8765432100cb, 0x1000000800d4, 0, 0);
	/* Config 6; S2VMID; S2T0SZ 24, S2SL0 1, S2IR0 1, S2OR0 1, S2SH0 3, S2TG 0, S2PS 5, S2AA64, S2R; S2TTB */
	expect_entry(smmu_encode_ste_stage2((pa_t){0x876543212000}, 0x1234, 5), 0xd, 0x100000080000, 0x040d355800001234,
		     0x876543212000);
	/* [SMMU CD]: T0SZ 24, TG0 0, IR0 1, OR0 1, SH0 3, EPD1, V, IPS 4, AA64, R, A, ASET, ASID; TTB0; MAIR */
	expect_entry(smmu_encode_context((pa_t){0x876543210040}, 0x1234, 4), 0x1234e204c0003518, 0x876543210040, 0,
		     0x04ff);
	assert_int_equal(smmu_encode_level0((pa_t){0x876543212000}), 0x876543212003);
}

static void expect_command(struct smmu_command command, uint64_t w0, uint64_t w1)
{
	assert_int_equal(command.word[0], w0);
	assert_int_equal(command.word[1], w1);
}

static void commands_are_encoded_as_the_manual_says(void **state)
{
	(void)state;
	expect_command(smmu_cfgi_ste(0x12345678), 0x1234567800000003, 0);
	expect_command(smmu_cfgi_all(), 0x04, 31);
	expect_command(smmu_tlbi_el2_all(), 0x20, 0);
	expect_command(smmu_tlbi_nsnh_all(), 0x30, 0);
	expect_command(smmu_tlbi_asid(0xabcd), 0xabcd000000000011, 0);
	expect_command(smmu_tlbi_va(0xabcd, 0x8012345678), 0xabcd000000000012, 0x8012345000);
	expect_command(smmu_tlbi_vmid(0xabcd), 0x0000abcd00000028, 0);
	expect_command(smmu_tlbi_ipa(0xabcd, 0x8012345678), 0x0000abcd0000002a, 0x8012345000);
	expect_command(smmu_sync(), 0x46, 0);
}

static void events_say_who_wanted_what_where(void **state)
{
	static const struct {
		uint64_t word[4];
		uint32_t flags;
		uint64_t address;
	} cases[] = {
		{{0x0000001800000010, 1ull << 35, 0x8000000123, 0}, L4_FAULT_READ | L4_FAULT_UNMAPPED, 0x8000000123},
		{{0x0000001800000010, 0, 0x8000000123, 0}, L4_FAULT_WRITE | L4_FAULT_UNMAPPED, 0x8000000123},
		{{0x0000001800000013, 0, 0xfffffffffffff000, 0}, L4_FAULT_WRITE | L4_FAULT_DENIED, 0xfffffffffffff000},
		{{0x0000001800000011, 1ull << 35, 1, 0}, L4_FAULT_READ | L4_FAULT_UNMAPPED, 1},
		{{0x0000001800000002, 0, 0x77, 0}, L4_FAULT_NO_DOMAIN, 0},
		{{0x0000001800000004, 0, 0x77, 0}, L4_FAULT_NO_DOMAIN, 0},
		{{0x0000001800000009, 0, 0x77, 0x88}, 0, 0}, /* F_CD_FETCH */
	};
	struct smmu_event event;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		event = smmu_decode_event(cases[i].word);
		assert_int_equal(event.stream, 0x18);
		assert_int_equal(event.flags, cases[i].flags);
		assert_int_equal(event.address, cases[i].address);
	}
}

/* ---- bring-up ---- */

static void every_stream_aborts_before_the_smmu_is_on(void **state)
{
	struct fixture *f = *state;

	*reg(&f->m, SMMU_CR0) = 0xd; /* firmware left it on */
	*reg(&f->m, SMMU_CR0ACK) = 0xd;
	*reg(&f->m, SMMU_GBPA) = 0x1000;
	*reg(&f->m, SMMU_GERROR) = 0x104; /* and errors that nobody looked at */
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), OK);
	assert_string_equal(f->m.log, " gbpa=80101000 cr0=0 irq=0 cr0=8 all-stes all-tlbs sync cr0=c irq=5 cr0=d");
	assert_true(f->unit.has_bypass_abort);
	assert_int_equal(*reg(&f->m, SMMU_CR1), 0xd75);
	assert_int_equal(*reg(&f->m, SMMU_CR2), 6);
	assert_int_equal(*reg(&f->m, SMMU_GERRORN), 0x104);
	assert_int_equal(f->unit.event_bits, SMMU_EVENT_BITS);
	for (uint32_t stream = 0; stream < 1u << 16; stream += 63) {
		uint64_t entry[8];

		fetch_entry(&f->m, stream, entry);
		assert_int_equal(entry[0], 0);
	}
	assert_int_equal(smmu_unit_take_errors(&f->unit), 0);
}

static void el2_is_forgotten_translated_addresses_are_looked_at_and_short_queues_do(void **state)
{
	struct fixture *f = *state;

	*reg(&f->m, SMMU_IDR0) = MMU600_IDR0 & ~(3u << 27); /* and one level */
	*reg(&f->m, SMMU_IDR1) = 4;                         /* queues of one entry, 16 streams */
	*reg(&f->m, SMMU_IDR5) = MMU600_IDR5;
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), OK);
	assert_string_equal(f->m.log, " gbpa=80100000 cr0=0 irq=0 cr0=8 all-stes el2 all-tlbs sync cr0=c irq=5 cr0=1c "
				      "cr0=1d");
	assert_int_equal(f->unit.command_bits, 0);
	assert_int_equal(f->unit.event_bits, 0);
}

static void one_that_cannot_abort_while_off_is_known(void **state)
{
	struct fixture *f = *state;

	f->m.no_gbpa = true;
	start(f);
	assert_false(f->unit.has_bypass_abort);
}

static void what_goes_wrong_at_the_start_ends_it(void **state)
{
	struct fixture *f = *state;

	f->m.stuck_cr0 = true;
	*reg(&f->m, SMMU_CR0ACK) = 1;
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), ERR_TIMEDOUT);
	f->m.stuck_cr0 = false;
	f->m.stuck_gbpa = true;
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), ERR_TIMEDOUT);
	f->m.stuck_gbpa = false;
	*reg(&f->m, SMMU_GBPA) = 0;
	for (unsigned int i = 0; i < 3; i++) {
		f->m.allocs_left = i;
		assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), ERR_NOMEM);
		assert_int_equal(*reg(&f->m, SMMU_CR0), 0);
		assert_int_equal(*reg(&f->m, SMMU_GBPA), SMMU_GBPA_ABORT);
	}
	*reg(&f->m, SMMU_IDR1) = QEMU_IDR1 | 1u << 30;
	assert_int_equal(smmu_unit_start(&f->unit, &smmu_machine_io, &f->m), ERR_NODEV);
}

/* ---- streams ---- */

static void expect_held(struct fixture *f, unsigned int w, const struct smmu_entry *entry)
{
	static const struct smmu_entry none;

	assert_int_equal(f->m.held_count[w], 1);
	if (entry)
		assert_memory_equal(f->m.held[w][0], entry, sizeof(*entry));
	else
		assert_int_equal(f->m.held[w][0][0], none.word[0]);
}

static void an_attached_stream_translates_when_attach_returns(void **state)
{
	struct fixture *f = *state;
	struct smmu_entry entry;

	start(f);
	watch(f, 0x18);
	watch(f, 0x19);
	entry = stage1_entry(f, 3);
	assert_int_equal(smmu_unit_attach(&f->unit, 0x18, &entry), OK);
	assert_string_equal(f->m.log, " ste sync ste sync");
	expect_held(f, 0, &entry);
	expect_held(f, 1, NULL);
	assert_true(f->m.tlb[SMMU_STAGE1][3]);
}

static void a_detached_stream_aborts_and_nothing_of_it_is_held(void **state)
{
	struct fixture *f = *state;
	struct smmu_entry entry, other = smmu_encode_ste_stage2((pa_t){MEMORY_PA}, 5, 5);

	start(f);
	watch(f, 0x18);
	watch(f, 0xffff);
	entry = stage1_entry(f, 3);
	assert_int_equal(smmu_unit_attach(&f->unit, 0x18, &entry), OK);
	assert_int_equal(smmu_unit_attach(&f->unit, 0xffff, &other), OK);
	f->m.log[0] = 0;
	smmu_unit_detach(&f->unit, 0x18, SMMU_STAGE1, 3);
	/* The entry first, then its translations: the other way round they would come again. */
	assert_string_equal(f->m.log, " ste sync asid sync");
	expect_held(f, 0, NULL);
	assert_false(f->m.tlb[SMMU_STAGE1][3]);
	expect_held(f, 1, &other);
	assert_true(f->m.tlb[SMMU_STAGE2][5]);
	f->m.log[0] = 0;
	smmu_unit_detach(&f->unit, 0xffff, SMMU_STAGE2, 5);
	assert_string_equal(f->m.log, " ste sync vmid sync");
	assert_false(f->m.tlb[SMMU_STAGE2][5]);
	/* And again, now with another stage: nothing of the old entry is mixed into the new one. */
	assert_int_equal(smmu_unit_attach(&f->unit, 0xffff, &entry), OK);
	expect_held(f, 1, &entry);
}

static void a_flush_is_over_when_it_returns(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->m.tlb[SMMU_STAGE1][7] = f->m.tlb[SMMU_STAGE2][7] = true;
	smmu_unit_flush(&f->unit, SMMU_STAGE1, 7);
	assert_false(f->m.tlb[SMMU_STAGE1][7]);
	smmu_unit_flush(&f->unit, SMMU_STAGE2, 7);
	assert_false(f->m.tlb[SMMU_STAGE2][7]);
	smmu_unit_flush_address(&f->unit, SMMU_STAGE1, 7, 0x1000);
	smmu_unit_flush_address(&f->unit, SMMU_STAGE2, 7, 0x1000);
	assert_string_equal(f->m.log, " asid sync vmid sync va sync ipa sync");
}

static void streams_that_are_none_are_refused_and_no_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct smmu_entry entry;

	start(f);
	watch(f, 0x18);
	entry = stage1_entry(f, 3);
	assert_int_equal(smmu_unit_attach(&f->unit, 0x10000, &entry), ERR_RANGE);
	assert_int_equal(smmu_unit_attach(&f->unit, UINT32_MAX, &entry), ERR_RANGE);
	f->m.allocs_left = 0;
	assert_int_equal(smmu_unit_attach(&f->unit, 0x18, &entry), ERR_NOMEM);
	assert_string_equal(f->m.log, "");
	f->m.allocs_left = 1;
	assert_int_equal(smmu_unit_attach(&f->unit, 0x18, &entry), OK);
	/* One page for all of its 64 streams. */
	assert_int_equal(smmu_unit_attach(&f->unit, 0x3f, &entry), OK);
	assert_int_equal(smmu_unit_attach(&f->unit, 0x40, &entry), ERR_NOMEM);
}

static void streams_of_a_table_of_one_level_are_attached_too(void **state)
{
	struct fixture *f = *state;
	struct smmu_entry entry = smmu_encode_ste_stage2((pa_t){MEMORY_PA}, 5, 5);

	*reg(&f->m, SMMU_IDR0) = MMU600_IDR0 & ~(3u << 27);
	*reg(&f->m, SMMU_IDR1) = 4;
	*reg(&f->m, SMMU_IDR5) = MMU600_IDR5;
	start(f);
	watch(f, 15);
	f->m.allocs_left = 0;
	assert_int_equal(smmu_unit_attach(&f->unit, 16, &entry), ERR_RANGE);
	assert_int_equal(smmu_unit_attach(&f->unit, 15, &entry), OK);
	expect_held(f, 0, &entry);
	smmu_unit_detach(&f->unit, 15, SMMU_STAGE2, 5);
	expect_held(f, 0, NULL);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Translations of domains without a stream are held by nobody. */
static void check_tlb(struct fixture *f, const int domain_of[WATCHED])
{
	for (int domain = 0; domain < 2 * IDS; domain++) {
		bool attached = false;

		for (unsigned int w = 0; w < WATCHED; w++)
			attached |= domain_of[w] == domain;
		assert_int_equal(f->m.tlb[domain / IDS][domain % IDS], attached);
	}
}

static void random_sequences_leave_nothing_but_what_is_attached(void **state)
{
	static const uint32_t stream[WATCHED] = {0, 0x3f, 0x40, 0xffff};
	struct fixture *f = *state;
	struct smmu_entry entry[2 * IDS];
	int domain_of[WATCHED] = {-1, -1, -1, -1};
	uint64_t seed = 11;

	start(f);
	for (unsigned int i = 0; i < IDS; i++) {
		entry[SMMU_STAGE1 * IDS + i] = stage1_entry(f, (uint16_t)i);
		entry[SMMU_STAGE2 * IDS + i] = smmu_encode_ste_stage2((pa_t){MEMORY_PA}, (uint16_t)i, 5);
	}
	for (unsigned int w = 0; w < WATCHED; w++)
		watch(f, stream[w]);
	for (unsigned int step = 0; step < 3000; step++) {
		unsigned int w = next_random(&seed) % WATCHED;
		int domain = (int)(next_random(&seed) % 3 + (next_random(&seed) % 2) * IDS);

		if (domain_of[w] < 0) {
			assert_int_equal(smmu_unit_attach(&f->unit, stream[w], &entry[domain]), OK);
			domain_of[w] = domain;
		} else {
			smmu_unit_detach(&f->unit, stream[w], (enum smmu_stage)(domain_of[w] / IDS),
					 (uint16_t)(domain_of[w] % IDS));
			domain_of[w] = -1;
		}
		for (unsigned int i = 0; i < WATCHED; i++)
			expect_held(f, i, domain_of[i] < 0 ? NULL : &entry[domain_of[i]]);
		check_tlb(f, domain_of);
		f->m.log[0] = 0;
	}
}

/* ---- commands ---- */

static void the_command_queue_runs_round_and_round(void **state)
{
	struct fixture *f = *state;

	*reg(&f->m, SMMU_IDR1) = (QEMU_IDR1 & ~(0x1fu << 21)) | 1u << 21; /* two entries */
	start(f);
	for (unsigned int i = 0; i < 1000; i++) {
		f->m.tlb[SMMU_STAGE1][i % IDS] = true;
		smmu_unit_flush(&f->unit, SMMU_STAGE1, (uint16_t)(i % IDS));
		assert_false(f->m.tlb[SMMU_STAGE1][i % IDS]);
		f->m.log[0] = 0;
	}
}

static void an_smmu_that_does_not_do_its_work_is_given_up(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->m.may_give_up = true;
	f->m.stuck_queue = true;
	if (!setjmp(f->m.gave_up))
		smmu_unit_flush(&f->unit, SMMU_STAGE1, 1);
	assert_non_null(f->m.why);
	assert_non_null(strstr(f->m.why, "not finished"));
	f->m.stuck_queue = false;
	f->m.failing_opcode = 0x11;
	f->m.why = NULL;
	if (!setjmp(f->m.gave_up))
		smmu_unit_flush(&f->unit, SMMU_STAGE1, 1);
	assert_non_null(f->m.why);
	assert_non_null(strstr(f->m.why, "failed"));
	/* An interrupt for it does not hide it. */
	assert_int_equal(smmu_unit_take_errors(&f->unit), SMMU_GERROR_CMDQ);
	assert_int_equal((*reg(&f->m, SMMU_GERROR) ^ *reg(&f->m, SMMU_GERRORN)), SMMU_GERROR_CMDQ);
}

static void a_cpu_that_was_away_does_not_blame_the_smmu(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->m.tlb[SMMU_STAGE1][1] = true;
	f->m.stuck_queue = f->m.cpu_goes_away = true;
	smmu_unit_flush(&f->unit, SMMU_STAGE1, 1);
	assert_false(f->m.tlb[SMMU_STAGE1][1]);
}

/* ---- events ---- */

static void events_come_in_order_round_and_round(void **state)
{
	struct fixture *f = *state;
	struct smmu_event event;

	start(f);
	assert_false(smmu_unit_take_event(&f->unit, &event));
	for (uint64_t i = 0; i < 1000; i++) {
		raise_event(&f->m, 0x10, 0x18, i, false);
		raise_event(&f->m, 0x10, 0x20, ~i, true);
		assert_true(smmu_unit_take_event(&f->unit, &event));
		assert_int_equal(event.stream, 0x18);
		assert_int_equal(event.address, i);
		assert_true(smmu_unit_take_event(&f->unit, &event));
		assert_int_equal(event.stream, 0x20);
		assert_int_equal(event.address, ~i);
		assert_false(smmu_unit_take_event(&f->unit, &event));
	}
	assert_int_equal(f->unit.lost, 0);
}

static void a_storm_fills_the_queue_and_is_counted(void **state)
{
	struct fixture *f = *state;
	struct smmu_event event;

	start(f);
	for (unsigned int storm = 1; storm <= 3; storm++) {
		for (unsigned int i = 0; i < 1000; i++)
			raise_event(&f->m, 0x10, 0x18, i, false);
		for (unsigned int i = 0; i < 1u << SMMU_EVENT_BITS; i++) {
			assert_true(smmu_unit_take_event(&f->unit, &event));
			assert_int_equal(event.address, i);
		}
		assert_false(smmu_unit_take_event(&f->unit, &event));
		assert_int_equal(f->unit.lost, storm);
		raise_event(&f->m, 0x10, 0x18, 77, false);
		assert_true(smmu_unit_take_event(&f->unit, &event));
		assert_int_equal(event.address, 77);
	}
}

/* The machine was turned off: registers are as after a reset, and memory is what it was. */
static void lose_power(struct smmu_machine *m)
{
	uint32_t idr[3] = {*reg(m, SMMU_IDR0), *reg(m, SMMU_IDR1), *reg(m, SMMU_IDR5)};

	memset(m->reg, 0, sizeof(m->reg));
	memset(m->held_count, 0, sizeof(m->held_count));
	memset(m->tlb, 0, sizeof(m->tlb));
	*reg(m, SMMU_IDR0) = idr[0];
	*reg(m, SMMU_IDR1) = idr[1];
	*reg(m, SMMU_IDR5) = idr[2];
	m->log[0] = 0;
}

static void one_that_was_turned_off_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	struct smmu_entry entry;
	struct smmu_event event;

	start(f);
	watch(f, 0x18);
	watch(f, 0x19);
	entry = stage1_entry(f, 3);
	assert_int_equal(smmu_unit_attach(&f->unit, 0x18, &entry), OK);
	raise_event(&f->m, 0x10, 0x18, 1, false);
	assert_true(smmu_unit_take_event(&f->unit, &event));
	raise_event(&f->m, 0x10, 0x18, 2, false);
	smmu_unit_keep(&f->unit);
	lose_power(&f->m);
	assert_int_equal(smmu_unit_restore(&f->unit), OK);
	assert_string_equal(f->m.log, " gbpa=80100000 cr0=0 irq=0 cr0=8 all-stes all-tlbs sync cr0=c irq=5 cr0=d");
	expect_held(f, 0, &entry);
	expect_held(f, 1, NULL);
	assert_true(smmu_unit_take_event(&f->unit, &event));
	assert_int_equal(event.address, 2);
	assert_false(smmu_unit_take_event(&f->unit, &event));
	assert_int_equal(f->unit.lost, 0);
	smmu_unit_detach(&f->unit, 0x18, SMMU_STAGE1, 3);
	expect_held(f, 0, NULL);
}

static void one_that_was_not_turned_off_is_left_alone(void **state)
{
	struct fixture *f = *state;

	start(f);
	smmu_unit_keep(&f->unit);
	assert_int_equal(smmu_unit_restore(&f->unit), OK);
	assert_string_equal(f->m.log, "");
}

static void that_events_were_lost_is_known_behind_a_sleep(void **state)
{
	struct fixture *f = *state;
	struct smmu_event event;
	unsigned int count = 0;

	start(f);
	for (unsigned int i = 0; i <= 1u << f->unit.event_bits; i++)
		raise_event(&f->m, 0x10, 0x18, i, false);
	smmu_unit_keep(&f->unit);
	lose_power(&f->m);
	assert_int_equal(smmu_unit_restore(&f->unit), OK);
	while (smmu_unit_take_event(&f->unit, &event))
		assert_int_equal(event.address, count++);
	assert_int_equal(count, 1u << f->unit.event_bits);
	assert_int_equal(f->unit.lost, 1);
}

static void that_events_were_lost_is_counted_once_where_it_was_not_turned_off(void **state)
{
	struct fixture *f = *state;
	struct smmu_event event;

	start(f);
	for (unsigned int i = 0; i <= 1u << f->unit.event_bits; i++)
		raise_event(&f->m, 0x10, 0x18, i, false);
	smmu_unit_keep(&f->unit);
	assert_int_equal(smmu_unit_restore(&f->unit), OK);
	while (smmu_unit_take_event(&f->unit, &event))
		;
	assert_int_equal(f->unit.lost, 1);
}

static void an_error_is_new_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (unsigned int i = 0; i < 2; i++) {
		*reg(&f->m, SMMU_GERROR) ^= 1u << 8; /* SFM_ERR */
		assert_int_equal(smmu_unit_take_errors(&f->unit), i ? 0 : 1u << 8);
		assert_int_equal(*reg(&f->m, SMMU_GERROR), *reg(&f->m, SMMU_GERRORN));
	}
}

static void events_that_cannot_be_written_make_no_storm_of_errors(void **state)
{
	struct fixture *f = *state;
	struct smmu_event event;

	start(f);
	raise_event(&f->m, 0x10, 0x18, 1, false);
	*reg(&f->m, SMMU_GERROR) ^= SMMU_GERROR_EVENTQ_ABT;
	assert_int_equal(smmu_unit_take_errors(&f->unit), SMMU_GERROR_EVENTQ_ABT);
	/* Not acknowledged, so that the SMMU has nothing new to say, until the queue is empty. */
	assert_true(smmu_unit_is_stormed(&f->unit));
	assert_true(smmu_unit_take_event(&f->unit, &event));
	assert_true(smmu_unit_is_stormed(&f->unit));
	assert_false(smmu_unit_take_event(&f->unit, &event));
	assert_false(smmu_unit_is_stormed(&f->unit));
	assert_int_equal(f->unit.lost, 1);
	assert_int_equal(smmu_unit_take_errors(&f->unit), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(registers_say_what_an_smmu_can),
		TEST(what_cannot_be_used_is_said_in_a_sentence),
		TEST(the_stream_table_has_two_levels_where_that_is_worth_it),
		TEST(entries_are_encoded_as_the_manual_says),
		TEST(commands_are_encoded_as_the_manual_says),
		TEST(events_say_who_wanted_what_where),
		TEST(every_stream_aborts_before_the_smmu_is_on),
		TEST(el2_is_forgotten_translated_addresses_are_looked_at_and_short_queues_do),
		TEST(one_that_cannot_abort_while_off_is_known),
		TEST(what_goes_wrong_at_the_start_ends_it),
		TEST(an_attached_stream_translates_when_attach_returns),
		TEST(a_detached_stream_aborts_and_nothing_of_it_is_held),
		TEST(a_flush_is_over_when_it_returns),
		TEST(streams_that_are_none_are_refused_and_no_memory_changes_nothing),
		TEST(streams_of_a_table_of_one_level_are_attached_too),
		TEST(random_sequences_leave_nothing_but_what_is_attached),
		TEST(the_command_queue_runs_round_and_round),
		TEST(an_smmu_that_does_not_do_its_work_is_given_up),
		TEST(a_cpu_that_was_away_does_not_blame_the_smmu),
		TEST(events_come_in_order_round_and_round),
		TEST(a_storm_fills_the_queue_and_is_counted),
		TEST(one_that_was_turned_off_goes_on_where_it_was),
		TEST(one_that_was_not_turned_off_is_left_alone),
		TEST(that_events_were_lost_is_known_behind_a_sleep),
		TEST(that_events_were_lost_is_counted_once_where_it_was_not_turned_off),
		TEST(an_error_is_new_once),
		TEST(events_that_cannot_be_written_make_no_storm_of_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
