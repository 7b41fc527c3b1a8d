/* A known sequence of instructions for a debugger to stop in, step through and watch. Each label is a place that the tests
 * name. x0: a struct of two words, of which the first is counted up. */
	.text
	.global	round_begin, round_add, round_store, round_call, round_after, round_end, leaf_begin, leaf_load
round_begin:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	str	x19, [sp, #16]
	mov	x19, x0
	mov	x1, #0x1234
round_add:
	add	x2, x1, #1
	movk	x2, #0xabcd, lsl #16
	ldr	x3, [x19]
	add	x3, x3, #1
round_store:
	str	x3, [x19]
round_call:
	bl	leaf_begin
round_after:
	wfi
	brk	#0x321			/* the guest's own: its handler steps over it */
	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
round_end:
	ret

leaf_begin:
	stp	x29, x30, [sp, #-16]!
	mov	x29, sp
leaf_load:
	ldr	x4, [x19, #8]
	ldp	x29, x30, [sp], #16
	ret

	.arch_extension fp
	.arch_extension simd
	.global	registers_fill
	/* v0..v31: each byte its register's number plus 0x40; FPCR: a rounding mode. */
registers_fill:
	mov	x1, #(3 << 20)		/* CPACR_EL1.FPEN */
	msr	cpacr_el1, x1
	isb
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	movi	v\n\().16b, #(0x40 + \n)
	.endr
	mov	x1, #(2 << 22)
	msr	fpcr, x1
	ret
