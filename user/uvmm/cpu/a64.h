/* A64 loads and stores, decoded: for those whose abort comes without a syndrome [ARM Loads and Stores]. Pure. */
#pragma once

#include <l4/types.h>

enum a64_kind {
	A64_OTHER,     /* none that a guest's CPU has, or that can be carried out */
	A64_TRANSFER,  /* loads or stores elements one after the other */
	A64_EXCLUSIVE, /* exclusives and atomics, which need memory that can do them */
	A64_ZERO,      /* DC ZVA */
	A64_HINT,      /* prefetches: may be left out */
};

enum a64_extend { A64_EXTEND_ZERO, A64_EXTEND_SIGN_32, A64_EXTEND_SIGN_64 };

/* Where the address comes from: base register (31: the stack pointer) or the pc, plus an immediate or a register. */
enum a64_index { A64_PLAIN, A64_PRE, A64_POST, A64_PC };

/* Elements lie one behind the other in memory. One of a SIMD&FP register is a part of it. */
struct a64_element {
	uint8_t reg;
	uint8_t at;   /* byte in a SIMD&FP register */
	uint8_t size; /* bytes: 1, 2, 4 or 8 */
};

/* Four registers of sixteen bytes. */
#define A64_ELEMENTS_MAX 64

struct a64_access {
	enum a64_kind kind;
	enum a64_index index;
	enum a64_extend extend; /* general registers */
	bool load;
	bool simd;
	bool unprivileged; /* with the rights of EL0 */
	bool keeps;        /* loads of one lane: the rest of the register stays */
	bool replicates;   /* the element fills the register, `fill` bytes of it */
	uint8_t fill;
	uint8_t base;
	uint8_t offset_reg;                  /* 31: `offset` counts */
	uint8_t offset_extend, offset_shift; /* [ARM ExtendReg] */
	int64_t offset;
	unsigned int count;
	struct a64_element element[A64_ELEMENTS_MAX];
};

/* Always fills in kind; the rest for A64_TRANSFER only. */
void a64_decode(uint32_t instruction, struct a64_access *out);
