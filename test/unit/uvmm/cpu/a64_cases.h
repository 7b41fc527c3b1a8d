/* Instructions as an assembler encodes them, and what the manual says that each does: kind, flags, addressing, extension,
 * base register, offset register with extension and shift, offset, elements as register, byte in it, size. */
#pragma once

#include "cpu/a64.h"

enum { LOAD = 1, SIMD = 2, UNPRIV = 4, KEEPS = 8, REPLICATES = 16 };

struct a64_case {
	uint32_t instruction;
	const char *text;
	enum a64_kind kind;
	unsigned int flags;
	enum a64_index index;
	enum a64_extend extend;
	unsigned int base, offset_reg, offset_extend, offset_shift;
	int64_t offset;
	struct a64_element element[A64_ELEMENTS_MAX];
};

/* clang-format off */
static const struct a64_case a64_cases[] = {
	{0xa9400c22, "ldp x2, x3, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {
	 {2, 0, 8}, {3, 0, 8}}},
	{0x29010c22, "stp w2, w3, [x1, #8]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 8, {
	 {2, 0, 4}, {3, 0, 4}}},
	{0xa9600c22, "ldp x2, x3, [x1, #-512]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, -512, {{2, 0, 8}, {3, 0, 8}}},
	{0xa9df8c22, "ldp x2, x3, [x1, #504]!", A64_TRANSFER, LOAD, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, 504, {{2, 0, 8}, {3, 0, 8}}},
	{0xa8bf7fe2, "stp x2, xzr, [sp], #-16", A64_TRANSFER, 0, A64_POST, A64_EXTEND_ZERO, 31, 31, 0, 0, -16, {{2, 0, 8}, {31, 0, 8}}},
	{0x69408c22, "ldpsw x2, x3, [x1, #4]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_SIGN_64, 1, 31, 0, 0, 4, {{2, 0, 4}, {3, 0, 4}}},
	{0x68e00c22, "ldpsw x2, x3, [x1], #-256", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_SIGN_64, 1, 31, 0, 0, -256, {{2, 0, 4}, {3, 0, 4}}},
	{0xa8410c22, "ldnp x2, x3, [x1, #16]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 16, {{2, 0, 8}, {3, 0, 8}}},
	{0x28000c22, "stnp w2, w3, [x1]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {
	 {2, 0, 4}, {3, 0, 4}}},
	{0x2d408c22, "ldp s2, s3, [x1, #4]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 4, {{2, 0, 4}, {3, 0, 4}}},
	{0x6dbf8c22, "stp d2, d3, [x1, #-8]!", A64_TRANSFER, SIMD, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, -8,
	 {{2, 0, 8}, {3, 0, 8}}},
	{0xacdffc22, "ldp q2, q31, [x1], #1008", A64_TRANSFER, LOAD | SIMD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 1008, {{2, 0, 8}, {2, 8, 8}, {31, 0, 8}, {31, 8, 8}}},
	{0xac010c22, "stnp q2, q3, [x1, #32]", A64_TRANSFER, SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 32, {{2, 0, 8}, {2, 8, 8}, {3, 0, 8}, {3, 8, 8}}},
	{0xf8408422, "ldr x2, [x1], #8", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 8, {{2, 0, 8}}},
	{0xb81fcc22, "str w2, [x1, #-4]!", A64_TRANSFER, 0, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, -4, {{2, 0, 4}}},
	{0x384ff422, "ldrb w2, [x1], #255", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 255, {{2, 0, 1}}},
	{0x38100c22, "strb w2, [x1, #-256]!", A64_TRANSFER, 0, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, -256, {{2, 0, 1}}},
	{0x38801422, "ldrsb x2, [x1], #1", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_SIGN_64, 1, 31, 0, 0, 1, {{2, 0, 1}}},
	{0x38c01c22, "ldrsb w2, [x1, #1]!", A64_TRANSFER, LOAD, A64_PRE, A64_EXTEND_SIGN_32, 1, 31, 0, 0, 1, {{2, 0, 1}}},
	{0x78802422, "ldrsh x2, [x1], #2", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_SIGN_64, 1, 31, 0, 0, 2, {{2, 0, 2}}},
	{0x78c02422, "ldrsh w2, [x1], #2", A64_TRANSFER, LOAD, A64_POST, A64_EXTEND_SIGN_32, 1, 31, 0, 0, 2, {{2, 0, 2}}},
	{0xb8804c22, "ldrsw x2, [x1, #4]!", A64_TRANSFER, LOAD, A64_PRE, A64_EXTEND_SIGN_64, 1, 31, 0, 0, 4, {{2, 0, 4}}},
	{0x78402fe2, "ldrh w2, [sp, #2]!", A64_TRANSFER, LOAD, A64_PRE, A64_EXTEND_ZERO, 31, 31, 0, 0, 2, {{2, 0, 2}}},
	{0xf97ffc22, "ldr x2, [x1, #32760]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 32760, {{2, 0, 8}}},
	{0x393ffc22, "strb w2, [x1, #4095]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 4095, {{2, 0, 1}}},
	{0xf85ff022, "ldur x2, [x1, #-1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, -1, {{2, 0, 8}}},
	{0x780ff022, "sturh w2, [x1, #255]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 255, {{2, 0, 2}}},
	{0xb8803022, "ldursw x2, [x1, #3]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_SIGN_64, 1, 31, 0, 0, 3, {{2, 0, 4}}},
	{0xf8408822, "ldtr x2, [x1, #8]", A64_TRANSFER, LOAD | UNPRIV, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 8, {{2, 0, 8}}},
	{0x381fd822, "sttrb w2, [x1, #-3]", A64_TRANSFER, UNPRIV, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, -3, {{2, 0, 1}}},
	{0xf8646822, "ldr x2, [x1, x4]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 3, 0, 0, {{2, 0, 8}}},
	{0xb8245822, "str w2, [x1, w4, uxtw #2]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 2, 2, 0, {{2, 0, 4}}},
	{0x78e4c822, "ldrsh w2, [x1, w4, sxtw]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_SIGN_32, 1, 4, 6, 0, 0, {{2, 0, 2}}},
	{0x3864e822, "ldrb w2, [x1, x4, sxtx]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 7, 0, 0, {{2, 0, 1}}},
	{0xf8647822, "ldr x2, [x1, x4, lsl #3]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 3, 3, 0, {{2, 0, 8}}},
	{0x3d401422, "ldr b2, [x1, #5]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 5, {{2, 0, 1}}},
	{0x7c002422, "str h2, [x1], #2", A64_TRANSFER, SIMD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 2, {{2, 0, 2}}},
	{0xbc5fcc22, "ldr s2, [x1, #-4]!", A64_TRANSFER, LOAD | SIMD, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, -4, {{2, 0, 4}}},
	{0xfc247822, "str d2, [x1, x4, lsl #3]", A64_TRANSFER, SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 3, 3, 0, {{2, 0, 8}}},
	{0x3dfffc22, "ldr q2, [x1, #65520]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 65520, {{2, 0, 8}, {2, 8, 8}}},
	{0x3c9f0c22, "str q2, [x1, #-16]!", A64_TRANSFER, SIMD, A64_PRE, A64_EXTEND_ZERO, 1, 31, 0, 0, -16, {
	 {2, 0, 8}, {2, 8, 8}}},
	{0x3cdf7022, "ldur q2, [x1, #-9]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, -9, {{2, 0, 8}, {2, 8, 8}}},
	{0x3c007022, "stur b2, [x1, #7]", A64_TRANSFER, SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 7, {{2, 0, 1}}},
	{0x3ce4d822, "ldr q2, [x1, w4, sxtw #4]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 4, 6, 4, 0, {{2, 0, 8}, {2, 8, 8}}},
	{0x587fffe2, "ldr x2, . + 1048572", A64_TRANSFER, LOAD, A64_PC, A64_EXTEND_ZERO, 0, 31, 0, 0, 1048572, {{2, 0, 8}}},
	{0x18ffffc2, "ldr w2, . - 8", A64_TRANSFER, LOAD, A64_PC, A64_EXTEND_ZERO, 0, 31, 0, 0, -8, {{2, 0, 4}}},
	{0x98000082, "ldrsw x2, . + 16", A64_TRANSFER, LOAD, A64_PC, A64_EXTEND_SIGN_64, 0, 31, 0, 0, 16, {{2, 0, 4}}},
	{0x1c000042, "ldr s2, . + 8", A64_TRANSFER, LOAD | SIMD, A64_PC, A64_EXTEND_ZERO, 0, 31, 0, 0, 8, {{2, 0, 4}}},
	{0x9c800002, "ldr q2, . - 1048576", A64_TRANSFER, LOAD | SIMD, A64_PC, A64_EXTEND_ZERO, 0, 31, 0, 0, -1048576, {{2, 0, 8}, {2, 8, 8}}},
	{0xc8dffc22, "ldar x2, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 8}}},
	{0x089ffc22, "stlrb w2, [x1]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 1}}},
	{0x48df7c22, "ldlarh w2, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 2}}},
	{0x38bfc022, "ldaprb w2, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 1}}},
	{0xf8bfc022, "ldapr x2, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 8}}},
	{0x59900022, "ldapursh x2, [x1, #-256]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_SIGN_64, 1, 31, 0, 0, -256, {{2, 0, 2}}},
	{0xd9009022, "stlur x2, [x1, #9]", A64_TRANSFER, 0, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 9, {{2, 0, 8}}},
	{0x19c00022, "ldapursb w2, [x1]", A64_TRANSFER, LOAD, A64_PLAIN, A64_EXTEND_SIGN_32, 1, 31, 0, 0, 0, {{2, 0, 1}}},
	{0xc85f7c22, "ldxr x2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x0805fc22, "stlxrb w5, w2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xc87f8c22, "ldaxp x2, x3, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xc8250c22, "stxp w5, x2, x3, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xc8a57c22, "cas x5, x2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x4864fc22, "caspal x4, x5, x2, x3, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xf8250022, "ldadd x5, x2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x38e58022, "swpalb w5, w2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x78251022, "ldclrh w5, w2, [x1]", A64_EXCLUSIVE, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xf9800420, "prfm pldl1keep, [x1, #8]", A64_HINT, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xf89f8020, "prfum pldl1keep, [x1, #-8]", A64_HINT, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xf8a46833, "prfm pstl2strm, [x1, x4]", A64_HINT, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd8000020, "prfm pldl1keep, . + 4", A64_HINT, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd50b7421, "dc zva, x1", A64_ZERO, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x91000400, "add x0, x0, #1", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xf8200422, "ldraa x2, [x1]", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd9200821, "stg x1, [x1]", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd9600022, "ldg x2, [x1]", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd50b7e21, "dc civac, x1", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd4000001, "svc #0", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xd61f0020, "br x1", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0xffffffff, ".inst 0xffffffff", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x00000000, ".inst 0x00000000", A64_OTHER, 0, A64_PLAIN, A64_EXTEND_ZERO, 0, 0, 0, 0, 0, {{0, 0, 0}}},
	{0x0c407022, "ld1 {v2.8b}, [x1]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 1}, {2, 1, 1}, {2, 2, 1}, {2, 3, 1}, {2, 4, 1}, {2, 5, 1}, {2, 6, 1}, {2, 7, 1}}},
	{0x4cdf7022, "ld1 {v2.16b}, [x1], #16", A64_TRANSFER, LOAD | SIMD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 16, {{2, 0, 1}, {2, 1, 1}, {2, 2, 1}, {2, 3, 1}, {2, 4, 1}, {2, 5, 1}, {2, 6, 1}, {2, 7, 1}, {2, 8, 1}, {2, 9, 1}, {2, 10, 1}, {2, 11, 1}, {2, 12, 1}, {2, 13, 1}, {2, 14, 1}, {2, 15, 1}}},
	{0x0c00a422, "st1 {v2.4h, v3.4h}, [x1]", A64_TRANSFER, SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 2}, {2, 2, 2}, {2, 4, 2}, {2, 6, 2}, {3, 0, 2}, {3, 2, 2}, {3, 4, 2}, {3, 6, 2}}},
	{0x4cc46c22, "ld1 {v2.2d, v3.2d, v4.2d}, [x1], x4", A64_TRANSFER, LOAD | SIMD, A64_POST, A64_EXTEND_ZERO, 1, 4, 3, 0, 0, {{2, 0, 8}, {2, 8, 8}, {3, 0, 8}, {3, 8, 8}, {4, 0, 8}, {4, 8, 8}}},
	{0x4c40283e, "ld1 {v30.4s, v31.4s, v0.4s, v1.4s}, [x1]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{30, 0, 4}, {30, 4, 4}, {30, 8, 4}, {30, 12, 4}, {31, 0, 4}, {31, 4, 4}, {31, 8, 4}, {31, 12, 4}, {0, 0, 4}, {0, 4, 4}, {0, 8, 4}, {0, 12, 4}, {1, 0, 4}, {1, 4, 4}, {1, 8, 4}, {1, 12, 4}}},
	{0x0c407c22, "ld1 {v2.1d}, [x1]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 8}}},
	{0x0c408822, "ld2 {v2.2s, v3.2s}, [x1]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 4}, {3, 0, 4}, {2, 4, 4}, {3, 4, 4}}},
	{0x0c9f4422, "st3 {v2.4h, v3.4h, v4.4h}, [x1], #24", A64_TRANSFER, SIMD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 24, {{2, 0, 2}, {3, 0, 2}, {4, 0, 2}, {2, 2, 2}, {3, 2, 2}, {4, 2, 2}, {2, 4, 2}, {3, 4, 2}, {4, 4, 2}, {2, 6, 2}, {3, 6, 2}, {4, 6, 2}}},
	{0x4c400022, "ld4 {v2.16b, v3.16b, v4.16b, v5.16b}, [x1]", A64_TRANSFER, LOAD | SIMD, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 1}, {3, 0, 1}, {4, 0, 1}, {5, 0, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}, {5, 1, 1}, {2, 2, 1}, {3, 2, 1}, {4, 2, 1}, {5, 2, 1}, {2, 3, 1}, {3, 3, 1}, {4, 3, 1}, {5, 3, 1}, {2, 4, 1}, {3, 4, 1}, {4, 4, 1}, {5, 4, 1}, {2, 5, 1}, {3, 5, 1}, {4, 5, 1}, {5, 5, 1}, {2, 6, 1}, {3, 6, 1}, {4, 6, 1}, {5, 6, 1}, {2, 7, 1}, {3, 7, 1}, {4, 7, 1}, {5, 7, 1}, {2, 8, 1}, {3, 8, 1}, {4, 8, 1}, {5, 8, 1}, {2, 9, 1}, {3, 9, 1}, {4, 9, 1}, {5, 9, 1}, {2, 10, 1}, {3, 10, 1}, {4, 10, 1}, {5, 10, 1}, {2, 11, 1}, {3, 11, 1}, {4, 11, 1}, {5, 11, 1}, {2, 12, 1}, {3, 12, 1}, {4, 12, 1}, {5, 12, 1}, {2, 13, 1}, {3, 13, 1}, {4, 13, 1}, {5, 13, 1}, {2, 14, 1}, {3, 14, 1}, {4, 14, 1}, {5, 14, 1}, {2, 15, 1}, {3, 15, 1}, {4, 15, 1}, {5, 15, 1}}},
	{0x4cdf0c22, "ld4 {v2.2d, v3.2d, v4.2d, v5.2d}, [x1], #64", A64_TRANSFER, LOAD | SIMD, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 64, {{2, 0, 8}, {3, 0, 8}, {4, 0, 8}, {5, 0, 8}, {2, 8, 8}, {3, 8, 8}, {4, 8, 8}, {5, 8, 8}}},
	{0x4d401422, "ld1 {v2.b}[13], [x1]", A64_TRANSFER, LOAD | SIMD | KEEPS, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 13, 1}}},
	{0x4d9f4822, "st1 {v2.h}[5], [x1], #2", A64_TRANSFER, SIMD | KEEPS, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 2, {{2, 10, 2}}},
	{0x4dc49022, "ld1 {v2.s}[3], [x1], x4", A64_TRANSFER, LOAD | SIMD | KEEPS, A64_POST, A64_EXTEND_ZERO, 1, 4, 3, 0, 0, {{2, 12, 4}}},
	{0x4d4087e2, "ld1 {v2.d}[1], [sp]", A64_TRANSFER, LOAD | SIMD | KEEPS, A64_PLAIN, A64_EXTEND_ZERO, 31, 31, 0, 0, 0, {{2, 8, 8}}},
	{0x0d209022, "st2 {v2.s, v3.s}[1], [x1]", A64_TRANSFER, SIMD | KEEPS, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 4, 4}, {3, 4, 4}}},
	{0x4ddf2422, "ld3 {v2.b, v3.b, v4.b}[9], [x1], #3", A64_TRANSFER, LOAD | SIMD | KEEPS, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 3, {{2, 9, 1}, {3, 9, 1}, {4, 9, 1}}},
	{0x0d60a43e, "ld4 {v30.d, v31.d, v0.d, v1.d}[0], [x1]", A64_TRANSFER, LOAD | SIMD | KEEPS, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{30, 0, 8}, {31, 0, 8}, {0, 0, 8}, {1, 0, 8}}},
	{0x0d40c022, "ld1r {v2.8b}, [x1]", A64_TRANSFER, LOAD | SIMD | REPLICATES, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 1}}},
	{0x4ddfc822, "ld1r {v2.4s}, [x1], #4", A64_TRANSFER, LOAD | SIMD | REPLICATES, A64_POST, A64_EXTEND_ZERO, 1, 31, 0, 0, 4, {{2, 0, 4}}},
	{0x4d60cc22, "ld2r {v2.2d, v3.2d}, [x1]", A64_TRANSFER, LOAD | SIMD | REPLICATES, A64_PLAIN, A64_EXTEND_ZERO, 1, 31, 0, 0, 0, {{2, 0, 8}, {3, 0, 8}}},
	{0x4de4e422, "ld4r {v2.8h, v3.8h, v4.8h, v5.8h}, [x1], x4", A64_TRANSFER, LOAD | SIMD | REPLICATES, A64_POST, A64_EXTEND_ZERO, 1, 4, 3, 0, 0, {{2, 0, 2}, {3, 0, 2}, {4, 0, 2}, {5, 0, 2}}},
};
/* clang-format on */
