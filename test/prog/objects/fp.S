/* Holds values in all floating point registers while others run, and looks whether they stay. */
	.arch_extension fp
	.arch_extension simd
	.text

	/* fp_hold(struct fp_holder *): { seed, rounds, wrong, stop }. Returns when stop is set. */
	.global	fp_hold
fp_hold:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	str	x19, [sp, #16]
	mov	x19, x0
	ldr	x9, [x19]
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	add	x10, x9, #\n
	mvn	x11, x10
	mov	v\n\().d[0], x10
	mov	v\n\().d[1], x11
	.endr
	/* A rounding mode of its own, too. [ARM FPCR.RMode] */
	and	x10, x9, #3
	lsl	x10, x10, #22
	msr	fpcr, x10

1:	ldr	x9, [x19]
	mov	x12, #0
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	add	x10, x9, #\n
	mvn	x11, x10
	mov	x13, v\n\().d[0]
	mov	x14, v\n\().d[1]
	eor	x13, x13, x10
	eor	x14, x14, x11
	orr	x12, x12, x13
	orr	x12, x12, x14
	.endr
	and	x10, x9, #3
	lsl	x10, x10, #22
	mrs	x11, fpcr
	eor	x11, x11, x10
	orr	x12, x12, x11
	cbz	x12, 2f
	ldr	x10, [x19, #16]
	add	x10, x10, #1
	str	x10, [x19, #16]
2:	ldr	x10, [x19, #8]
	add	x10, x10, #1
	add	x11, x19, #8
	stlr	x10, [x11]
	/* Every 64th round lets others run. */
	tst	x10, #63
	b.ne	3f
	mov	x0, #0
	movz	x1, #0x10a, lsl #16	/* thread.yield */
	svc	#0
3:	ldr	x10, [x19, #24]
	cbz	x10, 1b
	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret
