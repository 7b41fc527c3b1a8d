/* One function for each form of a load or store that comes without a syndrome, and a table of them. [ARM Loads and Stores]
 *
 * form(x0): x1 to x4 and q0 to q3 come from [x0], the form runs, and they go back there.
 */
	.arch	armv8-a+fp+simd

	.macro	form, window, instruction:vararg
	.text
1:	ldp	q0, q1, [x0, #32]
	ldp	q2, q3, [x0, #64]
	ldp	x1, x2, [x0]
	ldp	x3, x4, [x0, #16]
	\instruction
	stp	x1, x2, [x0]
	stp	x3, x4, [x0, #16]
	stp	q0, q1, [x0, #32]
	stp	q2, q3, [x0, #64]
	ret
	.section .rodata.text, "a"
2:	.asciz	"\instruction"
	.section .data.forms, "aw"
	.quad	1b, 2b, \window
	.endm

	.section .data.forms, "aw"
	.balign	8
	.global	forms
forms:

	/* Window 0 takes bytes and words. */
	form	0, ldp w2, w3, [x1]
	form	0, ldp w2, w3, [x1, #8]!
	form	0, ldp w2, w3, [x1], #-8
	form	0, ldp w2, w3, [x1, #-16]
	form	0, stp w2, w3, [x1]
	form	0, stp w2, w3, [x1, #8]!
	form	0, stp w2, w3, [x1], #16
	form	0, ldpsw x2, x3, [x1, #4]
	form	0, ldpsw x2, x3, [x1], #8
	form	0, ldnp w2, w3, [x1, #4]
	form	0, stnp w2, w3, [x1, #-8]
	form	0, ldr w2, [x1], #4
	form	0, ldr w2, [x1, #-8]!
	form	0, str w2, [x1], #4
	form	0, str w2, [x1, #4]!
	form	0, ldrb w2, [x1], #1
	form	0, ldrb w2, [x1, #3]!
	form	0, strb w2, [x1], #-1
	form	0, strb w2, [x1, #5]!
	form	0, ldrsb x2, [x1], #1
	form	0, ldrsb w2, [x1, #1]!
	form	0, ldrsw x2, [x1], #4
	form	0, ldr b0, [x1, #3]
	form	0, str b0, [x1], #1
	form	0, ldr s0, [x1]
	form	0, str s0, [x1, #4]!
	form	0, ldur s0, [x1, #-4]
	form	0, stur b0, [x1, #-3]
	form	0, ldp s0, s1, [x1, #8]
	form	0, stp s0, s1, [x1], #8
	form	0, stnp s0, s1, [x1]
	form	0, ldr s0, [x1, x4, lsl #2]
	form	0, ldr s0, [x1, w4, sxtw #2]
	form	0, str s0, [x1, x4]
	form	0, ldr b0, [x1, w4, uxtw]
	form	0, ld1 {v0.4s}, [x1]
	form	0, ld1 {v0.16b}, [x1]
	form	0, ld1 {v0.4s, v1.4s}, [x1], #32
	form	0, ld1 {v0.8b, v1.8b, v2.8b}, [x1]
	form	0, ld2 {v0.4s, v1.4s}, [x1]
	form	0, ld3 {v0.8b, v1.8b, v2.8b}, [x1], #24
	form	0, ld4 {v0.16b, v1.16b, v2.16b, v3.16b}, [x1]
	form	0, st1 {v0.4s, v1.4s}, [x1], x4
	form	0, st2 {v0.16b, v1.16b}, [x1]
	form	0, st3 {v0.2s, v1.2s, v2.2s}, [x1]
	form	0, st4 {v0.4s, v1.4s, v2.4s, v3.4s}, [x1]
	form	0, ld1 {v0.b}[13], [x1]
	form	0, ld1 {v0.s}[2], [x1], #4
	form	0, ld2 {v0.b, v1.b}[7], [x1]
	form	0, ld4 {v0.s, v1.s, v2.s, v3.s}[1], [x1], #16
	form	0, st1 {v0.s}[3], [x1]
	form	0, st3 {v0.b, v1.b, v2.b}[15], [x1]
	form	0, ld1r {v0.4s}, [x1]
	form	0, ld1r {v0.8b}, [x1], #1
	form	0, ld4r {v0.2s, v1.2s, v2.2s, v3.2s}, [x1]

	/* Window 1 takes double words. */
	form	1, ldp x2, x3, [x1]
	form	1, ldp x2, x3, [x1, #16]!
	form	1, ldp x2, x3, [x1], #-16
	form	1, stp x2, x3, [x1, #-16]
	form	1, stp x2, x3, [x1, #16]!
	form	1, stp x2, xzr, [x1], #16
	form	1, ldnp x2, x3, [x1, #32]
	form	1, stnp x2, x3, [x1]
	form	1, ldr x2, [x1], #8
	form	1, ldr x2, [x1, #-8]!
	form	1, str x2, [x1], #8
	form	1, str x2, [x1, #8]!
	form	1, ldr d0, [x1, #8]
	form	1, str d0, [x1], #8
	form	1, ldr d0, [x1, #-8]!
	form	1, ldp d0, d1, [x1], #16
	form	1, stp d0, d1, [x1, #16]!
	form	1, ldr q0, [x1]
	form	1, str q0, [x1, #16]
	form	1, ldr q0, [x1], #16
	form	1, str q0, [x1, #-16]!
	form	1, ldur q0, [x1, #-16]
	form	1, ldp q0, q1, [x1], #32
	form	1, stp q0, q1, [x1, #-32]!
	form	1, ldnp q0, q1, [x1]
	form	1, stnp q2, q3, [x1]
	form	1, ldr q0, [x1, x4, lsl #4]
	form	1, str q0, [x1, w4, sxtw #4]
	form	1, ldr d0, [x1, x4, lsl #3]
	form	1, ld1 {v0.2d}, [x1]
	form	1, ld1 {v0.2d, v1.2d, v2.2d, v3.2d}, [x1], #64
	form	1, ld2 {v0.2d, v1.2d}, [x1]
	form	1, ld3 {v0.2d, v1.2d, v2.2d}, [x1]
	form	1, ld1 {v0.1d}, [x1]
	form	1, st1 {v0.2d}, [x1], #16
	form	1, st4 {v0.2d, v1.2d, v2.2d, v3.2d}, [x1]
	form	1, ld1 {v0.d}[1], [x1]
	form	1, st2 {v0.d, v1.d}[0], [x1], x4
	form	1, ld1r {v0.2d}, [x1], x4
	form	1, ld2r {v0.1d, v1.1d}, [x1]

	/* Window 2 takes half-words. */
	form	2, ldrh w2, [x1], #2
	form	2, ldrh w2, [x1, #0]!
	form	2, strh w2, [x1], #2
	form	2, strh w2, [x1, #0]!
	form	2, ldrsh x2, [x1], #4
	form	2, ldrsh w2, [x1], #2
	form	2, ldr h0, [x1]
	form	2, str h0, [x1], #2
	form	2, stur h0, [x1, #0]
	form	2, ldr h0, [x1, xzr]
	form	2, ld1 {v0.h}[5], [x1]
	form	2, st1 {v0.h}[2], [x1], #2
	form	2, ld1r {v0.8h}, [x1]

	.section .data.forms, "aw"
	.quad	0, 0, 0

	/* x0: address -> what the instruction left in x0. */
	.macro	one, name, instruction:vararg
	.text
	.global	\name
\name:
	mov	x1, x0
	mov	x0, #7
	\instruction
	ret
	.endm

	one	one_ldxr, ldxr x0, [x1]
	one	one_stxr, stxr w0, x2, [x1]
	one	one_ldaxp, ldaxp x0, x3, [x1]
	.arch	armv8.1-a
	one	one_ldadd, ldadd x2, x0, [x1]
	one	one_cas, cas x0, x2, [x1]
	.arch	armv8-a+fp+simd
	one	one_zva, dc zva, x1
	one	one_civac, dc civac, x1
	one	one_prfm, prfm pldl1keep, [x1]
	one	one_ldp, ldp x0, x2, [x1]
	one	one_stp, stp x0, x2, [x1]
	one	one_ldr_q, ldr q0, [x1]
	one	one_str_post, str x0, [x1], #8

	/* With the stack pointer as base: x0 goes there for one instruction; interrupts are off. -> sp afterwards. */
	.global	one_sp
one_sp:
	mov	x9, sp
	mov	sp, x0
	ldp	x1, x2, [sp], #16
	mov	x0, sp
	mov	sp, x9
	ret
