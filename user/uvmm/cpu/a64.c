/* A64 loads and stores, decoded; see a64.h. Bit numbers are those of the manual's encoding diagrams. */
#include "cpu/a64.h"

#include <string.h>

/* A field of the instruction: its lowest bit and its size. */
static unsigned int field(uint32_t insn, unsigned int low, unsigned int bits)
{
	return insn >> low & ((1u << bits) - 1);
}

static int64_t signed_field(uint32_t insn, unsigned int low, unsigned int bits)
{
	return (int64_t)((uint64_t)field(insn, low, bits) << (64 - bits)) >> (64 - bits);
}

static void add_element(struct a64_access *out, unsigned int reg, unsigned int at, unsigned int size)
{
	out->element[out->count++] = (struct a64_element){(uint8_t)reg, (uint8_t)at, (uint8_t)size};
}

/* A register of 1 << scale bytes; 16 bytes are two accesses of 8, which is all that single copies promise.
 * [ARM single-copy atomicity] */
static void add_register(struct a64_access *out, unsigned int reg, unsigned int scale)
{
	add_element(out, reg, 0, scale == 4 ? 8 : 1u << scale);
	if (scale == 4)
		add_element(out, reg, 8, 8);
}

static void transfer(struct a64_access *out, uint32_t insn, bool load, enum a64_index index, int64_t offset)
{
	out->kind = A64_TRANSFER;
	out->load = load;
	out->index = index;
	out->base = (uint8_t)field(insn, 5, 5);
	out->offset_reg = 31;
	out->offset = offset;
}

/* Load/store exclusive, ordered, compare and swap: size 001000 o2 L o1 Rs o0 Rt2 Rn Rt. */
static void decode_exclusive(uint32_t insn, struct a64_access *out)
{
	bool ordered = field(insn, 23, 1) && !field(insn, 21, 1); /* LDAR, STLR, LDLAR, STLLR */

	if (!ordered) {
		out->kind = A64_EXCLUSIVE;
		return;
	}
	transfer(out, insn, field(insn, 22, 1), A64_PLAIN, 0);
	add_register(out, field(insn, 0, 5), field(insn, 30, 2));
}

/* opc 011 V 00 imm19 Rt */
static void decode_literal(uint32_t insn, struct a64_access *out)
{
	unsigned int opc = field(insn, 30, 2);
	bool simd = field(insn, 26, 1);

	if (opc == 3) {
		out->kind = simd ? A64_OTHER : A64_HINT;
		return;
	}
	transfer(out, insn, true, A64_PC, signed_field(insn, 5, 19) * 4);
	out->simd = simd;
	if (simd) {
		add_register(out, field(insn, 0, 5), 2 + opc);
	} else {
		out->extend = opc == 2 ? A64_EXTEND_SIGN_64 : A64_EXTEND_ZERO;
		add_register(out, field(insn, 0, 5), opc == 1 ? 3 : 2);
	}
}

/* opc 101 V mode L imm7 Rt2 Rn Rt */
static void decode_pair(uint32_t insn, struct a64_access *out)
{
	static const enum a64_index index[] = {A64_PLAIN, A64_POST, A64_PLAIN, A64_PRE};
	unsigned int opc = field(insn, 30, 2), mode = field(insn, 23, 2), scale;
	bool simd = field(insn, 26, 1), load = field(insn, 22, 1);

	/* 01 is LDPSW, which has no store and no non-temporal form. */
	if (opc == 3 || (!simd && opc == 1 && (!load || mode == 0)))
		return;
	scale = simd ? 2 + opc : opc == 2 ? 3 : 2;
	transfer(out, insn, load, index[mode], signed_field(insn, 15, 7) * (1 << scale));
	out->simd = simd;
	if (!simd && opc == 1)
		out->extend = A64_EXTEND_SIGN_64;
	add_register(out, field(insn, 0, 5), scale);
	add_register(out, field(insn, 10, 5), scale);
}

/* What size, V and opc say in all forms of a single register. False: it is not a transfer; kind is set. */
static bool single(uint32_t insn, struct a64_access *out, unsigned int *out_scale)
{
	unsigned int size = field(insn, 30, 2), opc = field(insn, 22, 2);

	if (field(insn, 26, 1)) {
		if (opc & 2 && size != 0)
			return false;
		out->simd = true;
		out->load = opc & 1;
		*out_scale = opc & 2 ? 4 : size;
		return true;
	}
	if (size == 3 && opc == 2)
		out->kind = A64_HINT;
	if ((size == 3 && opc >= 2) || (size == 2 && opc == 3))
		return false;
	out->load = opc != 0;
	out->extend = opc == 3 ? A64_EXTEND_SIGN_32 : opc == 2 ? A64_EXTEND_SIGN_64 : A64_EXTEND_ZERO;
	*out_scale = size;
	return true;
}

/* size 111 V 01 opc imm12 Rn Rt */
static void decode_unsigned(uint32_t insn, struct a64_access *out)
{
	unsigned int scale;

	if (!single(insn, out, &scale))
		return;
	transfer(out, insn, out->load, A64_PLAIN, (int64_t)field(insn, 10, 12) << scale);
	add_register(out, field(insn, 0, 5), scale);
}

/* size 111 V 00 opc 0 imm9 mode Rn Rt, and LDAPUR, STLUR: size 011001 opc 0 imm9 00 Rn Rt */
static void decode_nine_bits(uint32_t insn, unsigned int mode, struct a64_access *out)
{
	static const enum a64_index index[] = {A64_PLAIN, A64_POST, A64_PLAIN, A64_PRE};
	unsigned int scale;

	if (!single(insn, out, &scale)) {
		if (mode != 0) /* there is no PRFM with writeback or of EL0 */
			out->kind = A64_OTHER;
		return;
	}
	if (mode == 2 && out->simd)
		return;
	transfer(out, insn, out->load, index[mode], signed_field(insn, 12, 9));
	out->unprivileged = mode == 2;
	add_register(out, field(insn, 0, 5), scale);
}

/* size 111 V 00 opc 1 Rm option S 10 Rn Rt */
static void decode_register_offset(uint32_t insn, struct a64_access *out)
{
	unsigned int option = field(insn, 13, 3), scale;

	if (!single(insn, out, &scale))
		return;
	if (!(option & 2))
		return;
	transfer(out, insn, out->load, A64_PLAIN, 0);
	out->offset_reg = (uint8_t)field(insn, 16, 5);
	out->offset_extend = (uint8_t)option;
	out->offset_shift = field(insn, 12, 1) ? (uint8_t)scale : 0;
	add_register(out, field(insn, 0, 5), scale);
}

/* size 111 0 00 A R 1 Rs o3 opc 00 Rn Rt: atomics, among them LDAPR, which is a load. */
static void decode_atomic(uint32_t insn, struct a64_access *out)
{
	if (field(insn, 26, 1))
		return;
	if ((insn & 0x3ffffc00) != 0x38bfc000) {
		out->kind = A64_EXCLUSIVE;
		return;
	}
	transfer(out, insn, true, A64_PLAIN, 0);
	add_register(out, field(insn, 0, 5), field(insn, 30, 2));
}

static void decode_single(uint32_t insn, struct a64_access *out)
{
	if (field(insn, 24, 1))
		decode_unsigned(insn, out);
	else if (!field(insn, 21, 1))
		decode_nine_bits(insn, field(insn, 10, 2), out);
	else if (field(insn, 10, 2) == 2)
		decode_register_offset(insn, out);
	else if (field(insn, 10, 2) == 0)
		decode_atomic(insn, out);
	/* Else with pointer authentication, which is hidden. */
}

/* Post-index adds a register, or what was transferred. */
static void structure_index(uint32_t insn, struct a64_access *out)
{
	unsigned int rm = field(insn, 16, 5);

	if (out->index != A64_POST) {
		if (rm != 0)
			out->kind = A64_OTHER;
		return;
	}
	for (unsigned int i = 0; i < out->count; i++)
		out->offset += out->element[i].size;
	out->offset_reg = (uint8_t)rm;
	if (rm != 31)
		out->offset_extend = 3; /* as it is */
}

/* 0 Q 0011000 L 000000 opcode size Rn Rt; with post-index 0 Q 0011001 L 0 Rm opcode size Rn Rt */
static void decode_structures(uint32_t insn, struct a64_access *out)
{
	/* By opcode: how many registers one element of each structure takes, and how often that is repeated. */
	static const struct {
		uint8_t repeat, registers;
	} forms[16] = {
		[0] = {1, 4}, [2] = {4, 1}, [4] = {1, 3}, [6] = {3, 1}, [7] = {1, 1}, [8] = {1, 2}, [10] = {2, 1}};
	unsigned int opcode = field(insn, 12, 4), scale = field(insn, 10, 2), bytes = field(insn, 30, 1) ? 16 : 8;
	unsigned int registers = forms[opcode].registers;

	if (registers == 0 || field(insn, 31, 1) || field(insn, 21, 1) || (scale == 3 && bytes == 8 && registers != 1))
		return;
	transfer(out, insn, field(insn, 22, 1), field(insn, 23, 1) ? A64_POST : A64_PLAIN, 0);
	out->simd = true;
	for (unsigned int r = 0; r < forms[opcode].repeat; r++)
		for (unsigned int at = 0; at < bytes; at += 1u << scale)
			for (unsigned int s = 0; s < registers; s++)
				add_element(out, (field(insn, 0, 5) + r + s) & 31, at, 1u << scale);
	structure_index(insn, out);
}

/* Which lane of the register, from Q, S and size; false: there is no such encoding. [ARM LD1 (single structure)] */
static bool lane_of(uint32_t insn, unsigned int *scale, unsigned int *lane)
{
	unsigned int size = field(insn, 10, 2), all = field(insn, 30, 1) << 3 | field(insn, 12, 1) << 2 | size;

	switch (*scale) {
	case 0:
		*lane = all;
		return true;
	case 1:
		*lane = all >> 1;
		return !(size & 1);
	default:
		if (size & 2)
			return false;
		*lane = all >> 2;
		if (size == 0)
			return true;
		*scale = 3;
		*lane = all >> 3;
		return !(all & 4);
	}
}

/* 0 Q 0011010 L R 00000 opcode S size Rn Rt; with post-index 0 Q 0011011 L R Rm opcode S size Rn Rt */
static void decode_lane(uint32_t insn, struct a64_access *out)
{
	unsigned int scale = field(insn, 14, 2), lane = 0;
	unsigned int registers = (field(insn, 13, 1) << 1 | field(insn, 21, 1)) + 1;
	bool load = field(insn, 22, 1), replicates = scale == 3;

	if (field(insn, 31, 1))
		return;
	if (replicates) {
		if (!load || field(insn, 12, 1))
			return;
		scale = field(insn, 10, 2);
	} else if (!lane_of(insn, &scale, &lane)) {
		return;
	}
	transfer(out, insn, load, field(insn, 23, 1) ? A64_POST : A64_PLAIN, 0);
	out->simd = true;
	out->keeps = !replicates;
	out->replicates = replicates;
	out->fill = field(insn, 30, 1) ? 16 : 8;
	for (unsigned int s = 0; s < registers; s++)
		add_element(out, (field(insn, 0, 5) + s) & 31, lane << scale, 1u << scale);
	structure_index(insn, out);
}

/* DC ZVA, Xt. [ARM DC ZVA] */
#define DC_ZVA 0xd50b7420u

void a64_decode(uint32_t insn, struct a64_access *out)
{
	memset(out, 0, offsetof(struct a64_access, element));
	if ((insn & ~31u) == DC_ZVA)
		out->kind = A64_ZERO;
	switch (insn >> 24 & 0x3f) {
	case 0x08:
		decode_exclusive(insn, out);
		break;
	case 0x0c:
		decode_structures(insn, out);
		break;
	case 0x0d:
		decode_lane(insn, out);
		break;
	case 0x18:
	case 0x1c:
		decode_literal(insn, out);
		break;
	case 0x19: /* LDAPUR, STLUR; the others are of features that are hidden */
		if (!field(insn, 21, 1) && field(insn, 10, 2) == 0 && !(field(insn, 30, 2) == 3 && field(insn, 23, 1)))
			decode_nine_bits(insn, 0, out);
		break;
	case 0x28:
	case 0x29:
	case 0x2c:
	case 0x2d:
		decode_pair(insn, out);
		break;
	case 0x38:
	case 0x39:
	case 0x3c:
	case 0x3d:
		decode_single(insn, out);
		break;
	default:
		break;
	}
}
