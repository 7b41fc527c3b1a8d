/* Code of the guest that is debugged: position independent, copied to the start of its RAM. x1: a word of memory. */
	.text
	.balign	16
	.global	guest_begin, guest_add, guest_store, guest_load, guest_hvc, guest_brk, guest_wfi, guest_vectors, guest_end
guest_begin:
	mov	x0, #1
guest_add:
	add	x0, x0, #1
guest_store:
	str	x0, [x1, #8]
guest_load:
	ldr	x2, [x1, #8]
guest_hvc:
	hvc	#1
guest_brk:
	brk	#7
guest_wfi:
	wfi
	hvc	#2

	/* Own exceptions of EL1 and of EL0, and interrupts of EL1: the immediate tells which. [ARM VBAR_EL1] */
	.balign	2048
guest_vectors:
	.skip	0x200
	hvc	#0x20
	.balign	128
	hvc	#0x28
	.balign	0x400
	hvc	#0x40
guest_end:
