/* The one system call: invoke a capability with a message.
 *
 * svc #0 takes x0 = slot, x1 = tag, x2..x7 = message words 0..5 and answers x0 = 0 or a negative error, x1 = tag,
 * x2..x7 = words, x8 = badge; all other registers are kept. Words from the sixth on and capabilities travel in the UTCB.
 */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>
#include <l4/utcb.h>

struct l4_msg {
	uint64_t tag;
	uint64_t word[L4_REG_WORDS];
	uint64_t badge; /* of what was received: the caller's, or the irq's */
};

/* The calling thread's UTCB. Kept in thread-local storage, set before the thread's first instruction of C. */
extern _Thread_local struct l4_utcb *l4_utcb_self;

static inline struct l4_utcb *l4_utcb(void)
{
	return l4_utcb_self;
}

/* Invoke slot with the message; the answer replaces it. */
static inline __attribute__((always_inline)) enum err l4_invoke(uint32_t slot, struct l4_msg *m)
{
	register uint64_t x0 __asm__("x0") = slot;
	register uint64_t x1 __asm__("x1") = m->tag;
	register uint64_t x2 __asm__("x2") = m->word[0];
	register uint64_t x3 __asm__("x3") = m->word[1];
	register uint64_t x4 __asm__("x4") = m->word[2];
	register uint64_t x5 __asm__("x5") = m->word[3];
	register uint64_t x6 __asm__("x6") = m->word[4];
	register uint64_t x7 __asm__("x7") = m->word[5];
	register uint64_t x8 __asm__("x8");

	/* The hypervisor reads and writes memory (UTCB, state page) on our behalf. */
	__asm__ volatile("svc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "=r"(x8)
			 :
			 : "memory", "cc");
	m->tag = x1;
	m->word[0] = x2;
	m->word[1] = x3;
	m->word[2] = x4;
	m->word[3] = x5;
	m->word[4] = x6;
	m->word[5] = x7;
	m->badge = x8;
	return (enum err)(int64_t)x0;
}

/* Invoke slot's operation `label` with up to six words and no interest in the answer. */
static inline __attribute__((always_inline)) enum err l4_invoke0(uint32_t slot, enum l4_label label)
{
	struct l4_msg m = {.tag = L4_TAG(label, 0)};

	return l4_invoke(slot, &m);
}

static inline __attribute__((always_inline)) enum err l4_invoke1(uint32_t slot, enum l4_label label, uint64_t a)
{
	struct l4_msg m = {.tag = L4_TAG(label, 1), .word = {a}};

	return l4_invoke(slot, &m);
}

static inline __attribute__((always_inline)) enum err l4_invoke2(uint32_t slot, enum l4_label label, uint64_t a,
								 uint64_t b)
{
	struct l4_msg m = {.tag = L4_TAG(label, 2), .word = {a, b}};

	return l4_invoke(slot, &m);
}

static inline __attribute__((always_inline)) enum err l4_invoke3(uint32_t slot, enum l4_label label, uint64_t a,
								 uint64_t b, uint64_t c)
{
	struct l4_msg m = {.tag = L4_TAG(label, 3), .word = {a, b, c}};

	return l4_invoke(slot, &m);
}
