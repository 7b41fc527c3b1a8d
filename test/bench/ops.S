/* Timed operations in assembly, so that every compiler and every system measures the same instructions. [ARM CNTVCT_EL0]
 *
 * The counts without any hypervisor are those of the column "native" in `make bench`; no-ops fill the sequences up to
 * what a driver's own code around the access would take. x19 and up survive every call. [SMCCC]
 */
	.macro	function, name
	.global	\name
\name:
	.endm

	.macro	begin
	isb
	mrs	x19, cntvct_el0
	.endm

	.macro	save
	stp	x19, x30, [sp, #-16]!
	.endm

	/* Ends with the difference in x0. */
	.macro	finish
	mrs	x1, cntvct_el0
	sub	x0, x1, x19
	ldp	x19, x30, [sp], #16
	ret
	.endm

	.macro	psci_version, instruction
	save
	begin
	movz	w0, #0x8400, lsl #16
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x5, #0
	mov	x6, #0
	mov	x7, #0
	.rept	6
	nop
	.endr
	\instruction #0
	isb
	finish
	.endm

	.text
	function op_hvc_psci_version
	psci_version hvc
	function op_smc_psci_version
	psci_version smc

	function op_idreg_read
	save
	begin
	isb
	mrs	x0, id_aa64pfr0_el1
	isb
	finish

	function op_read
	save
	begin
	isb
	ldr	w1, [x0]
	and	x1, x1, xzr		// the value is used before time is taken
	add	x0, x0, x1
	dsb	sy
	isb
	finish

	function op_write
	save
	begin
	isb
	str	w1, [x0]
	dsb	sy
	isb
	finish

	function op_putc
	save
	begin
	.rept	13
	nop
	.endr
1:	ldr	w2, [x0, #0x18]		// UARTFR.TXFF [PL011 UARTFR]
	tbnz	w2, #5, 1b
	str	w1, [x0]
	dsb	sy
	isb
	nop
	finish

	/* x18 is written by the vector only. [vectors.S] */
	.macro	arm_timer
	mov	x18, #0
	isb
	mrs	x1, cntvct_el0
	add	x0, x0, x1
	msr	cntv_cval_el0, x0
	mov	x1, #1
	msr	cntv_ctl_el0, x1
	isb
	.endm

	function op_timer_irq
	arm_timer
1:	cbz	x18, 1b
	sub	x0, x18, x0
	ret

	function op_timer_wfi
	arm_timer
1:	wfi
	cbz	x18, 1b
	sub	x0, x18, x0
	ret

	function op_sgi_self
	save
	mov	x18, #0
	begin
	.rept	18
	nop
	.endr
	msr	icc_sgi1r_el1, x0
	isb
1:	cbz	x18, 1b
	sub	x0, x18, x19
	ldp	x19, x30, [sp], #16
	ret

	function op_sgi_send
	save
	begin
	.rept	18
	nop
	.endr
	msr	icc_sgi1r_el1, x0
	isb
	mov	x0, x19
	ldp	x19, x30, [sp], #16
	ret

	/* YIELD: an emulator that runs one CPU at a time goes on with the next; no hypervisor traps it. [ARM YIELD] */
	function op_receive_spin
	mov	x18, #0
	msr	daifclr, #2
1:	yield
	cbz	x18, 1b
	msr	daifset, #2
	mov	x0, x18
	ret

	/* Masked from the look to WFI, which a pending interrupt ends all the same; it is taken right behind. */
	function op_receive_wfi
	mov	x18, #0
1:	dsb	sy
	wfi
	msr	daifclr, #2
	isb
	msr	daifset, #2
	cbz	x18, 1b
	mov	x0, x18
	ret

	/* Suspends to RAM while an interrupt is pending and masked: from the call to the first instruction at the entry point.
	 * 0: the call came back. What is needed first after it, with the MMU off, is cleaned to memory. [PSCI SYSTEM_SUSPEND] */
	function op_suspend
	sub	sp, sp, #160
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mrs	x1, mair_el1
	mrs	x2, tcr_el1
	stp	x1, x2, [sp, #96]
	mrs	x1, ttbr0_el1
	mrs	x2, sctlr_el1
	stp	x1, x2, [sp, #112]
	mrs	x1, vbar_el1
	isb
	mrs	x2, cntvct_el0
	stp	x1, x2, [sp, #128]
	mov	x2, sp
	dc	civac, x2
	add	x1, x2, #64
	dc	civac, x1
	add	x1, x2, #128
	dc	civac, x1
	add	x1, x2, #159
	dc	civac, x1
	dsb	sy
	movz	w0, #0xc400, lsl #16
	movk	w0, #0xe
	adr	x1, 1f
	hvc	#0
	mov	x0, #0
	b	2f
1:	mrs	x9, cntvct_el0
	mov	sp, x0
	ldp	x3, x4, [sp, #96]
	msr	mair_el1, x3
	msr	tcr_el1, x4
	ldp	x3, x4, [sp, #112]
	msr	ttbr0_el1, x3
	tlbi	vmalle1
	dsb	sy
	isb
	msr	sctlr_el1, x4
	isb
	ldp	x3, x4, [sp, #128]
	msr	vbar_el1, x3
	isb
	sub	x0, x9, x4
2:	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #160
	ret
