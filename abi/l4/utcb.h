/* Message registers and fault record that a thread shares with the hypervisor: one page, mapped into its task. */
#pragma once

#include <l4/types.h>

#define L4_REG_WORDS 6 /* words 0..5 travel in x2..x7 */
#define L4_MAX_WORDS 62
#define L4_MAX_CAPS 4

/* Tag: label << 16 | flags | capabilities << 8 | words. */
#define L4_TAG(label, words) ((uint64_t)(label) << 16 | (uint64_t)(words))
#define L4_TAG_CAPS(n) ((uint64_t)(n) << 8)
#define L4_TAG_DEADLINE (1ull << 12) /* a call gives up at utcb.deadline */
#define L4_TAG_IRQ (1ull << 13)      /* received: an irq; word 0 is the number of events, x8 the badge */

static inline uint64_t l4_tag_label(uint64_t tag)
{
	return tag >> 16;
}
static inline unsigned int l4_tag_words(uint64_t tag)
{
	return tag & 0xff;
}
static inline unsigned int l4_tag_caps(uint64_t tag)
{
	return (tag >> 8) & 0xf;
}

/* What a thread did wrong, written before its fault handler runs. */
struct l4_fault {
	uint64_t esr; /* [ARM ESR_EL2] */
	uint64_t far; /* [ARM FAR_EL2] */
	uint64_t x[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
};

struct l4_cap_item {
	uint32_t slot;
	uint32_t rights;
};

/* One page. Words 0..5 of a message are in registers; word[0..5] here are not looked at. */
struct l4_utcb {
	uint64_t word[64];
	struct l4_cap_item cap[L4_MAX_CAPS]; /* capabilities to send */
	uint64_t deadline;                   /* CNTPCT_EL0 value for receive and deadline calls; 0: none */
	uint32_t reply_slot;                 /* where receive puts the reply capability */
	uint32_t recv_slot;                  /* first of the slots for capabilities that arrive; 0: refuse them */
	uint64_t reserved[6];
	struct l4_fault fault;
};

_Static_assert(sizeof(struct l4_utcb) <= L4_PAGE_SIZE, "the UTCB is one page");
