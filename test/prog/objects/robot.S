/* Code of robots: position independent, copied into a page of its own and mapped executable into their tasks. */
	.text
	.balign	16
	.global	robot_begin, robot_obey, robot_count, robot_end
robot_begin:

	/* x0: struct robot_page. Obeys commands for ever. */
robot_obey:
	mov	x19, x0
	ldr	x20, [x19, #88]		/* utcb */
1:	mov	x2, #5000
5:	ldar	x21, [x19]		/* wanted */
	ldr	x1, [x19, #8]		/* done */
	cmp	x21, x1
	b.ne	2f
	subs	x2, x2, #1
	b.ne	5b
	/* Not told anything for a while: sleep a 2048th of a second, in a call that nobody takes. */
	mrs	x0, cntfrq_el0
	mrs	x1, cntpct_el0
	add	x1, x1, x0, lsr #11
	str	x1, [x20, #544]		/* deadline */
	mov	x0, #255
	movz	x1, #0x1000
	movk	x1, #0x3456, lsl #16
	movk	x1, #0x12, lsl #32
	svc	#0
	b	1b
2:	str	x21, [x19, #120]	/* taken */
	/* The message into the UTCB: 70 words. */
	add	x22, x19, #128
	mov	x23, x20
	mov	x24, #70
3:	ldr	x25, [x22], #8
	str	x25, [x23], #8
	subs	x24, x24, #1
	b.ne	3b
	ldp	x0, x1, [x19, #16]
	ldp	x2, x3, [x19, #32]
	ldp	x4, x5, [x19, #48]
	ldp	x6, x7, [x19, #64]
	svc	#0
	stp	x0, x1, [x19, #16]
	stp	x2, x3, [x19, #32]
	stp	x4, x5, [x19, #48]
	stp	x6, x7, [x19, #64]
	str	x8, [x19, #80]
	/* And back. */
	add	x22, x19, #128
	mov	x23, x20
	mov	x24, #70
4:	ldr	x25, [x23], #8
	str	x25, [x22], #8
	subs	x24, x24, #1
	b.ne	4b
	add	x1, x19, #8
	stlr	x21, [x1]		/* done, after all of that */
	b	1b

	/* x0: struct robot_page. Waits for an irq, then adds a value of its own to an answer of its own, once for each
	 * command. The same addresses in all tasks. */
robot_count:
	mov	x19, x0
1:	mov	x0, #0
	movz	x1, #0x104, lsl #16	/* thread.receive */
	svc	#0
	ldar	x21, [x19]
	ldr	x1, [x19, #8]
	cmp	x21, x1
	b.eq	1b
	ldr	x2, [x19, #104]		/* value */
	ldr	x3, [x19, #112]		/* answer */
	add	x2, x2, x21
	add	x3, x3, x2
	str	x3, [x19, #112]
	add	x1, x19, #8
	stlr	x21, [x1]
	b	1b
robot_end:
