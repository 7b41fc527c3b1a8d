/* The test firmware's first instructions on each CPU, its vectors, and its way down to EL2. [ARM VBAR_EL3] [PSCI]
 *
 * MMU and caches stay off at EL3. Each CPU has 4 KiB of stack in secure memory; where it holds nothing, sp is its top. */
#define STACK_SIZE 4096
#define CPUS 8

	.section .head, "ax"
	.global firmware_start
firmware_start:
	bl	this_stack
	mov	sp, x0
	adr	x1, vectors
	msr	vbar_el3, x1
	mrs	x0, mpidr_el1
	and	x0, x0, #0xff
	bl	firmware_main		/* waits until the CPU is to be on: x0 where, x1 with what */
	.global enter_el2
enter_el2: /* (entry, context): at EL2 with everything masked. sp is the top of the stack again. */
	msr	elr_el3, x0
	mov	x2, #0x3c9
	msr	spsr_el3, x2
	mov	x19, x1
	bl	this_stack
	mov	sp, x0
	mov	x0, x19
	/* Nobody may count on what registers hold. [PSCI CPU_ON] */
	ldr	x1, =0xdeadbeefdeadbeef
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	mov	x\n, x1
	.endr
	eret

this_stack: /* x0: its top */
	mrs	x0, mpidr_el1
	and	x0, x0, #(CPUS - 1)
	add	x0, x0, #1
	ldr	x1, =stacks
	mov	x2, #STACK_SIZE
	madd	x0, x0, x2, x1
	ret

	/* An SMC: x0..x3 in, x0 out; all others are kept. [SMCCC] */
smc:
	stp	x1, x2, [sp, #-176]!
	stp	x3, x4, [sp, #16]
	stp	x5, x6, [sp, #32]
	stp	x7, x8, [sp, #48]
	stp	x9, x10, [sp, #64]
	stp	x11, x12, [sp, #80]
	stp	x13, x14, [sp, #96]
	stp	x15, x16, [sp, #112]
	stp	x17, x18, [sp, #128]
	stp	x29, x30, [sp, #144]
	bl	psci
	ldp	x1, x2, [sp]
	ldp	x3, x4, [sp, #16]
	ldp	x5, x6, [sp, #32]
	ldp	x7, x8, [sp, #48]
	ldp	x9, x10, [sp, #64]
	ldp	x11, x12, [sp, #80]
	ldp	x13, x14, [sp, #96]
	ldp	x15, x16, [sp, #112]
	ldp	x17, x18, [sp, #128]
	ldp	x29, x30, [sp, #144]
	add	sp, sp, #176
	eret

	/* Nothing else comes to EL3. */
stray:
	mrs	x0, esr_el3
	mrs	x1, elr_el3
	mrs	x2, far_el3
	b	stray_exception

	.macro	vector target
	.balign	128
	b	\target
	.endm

	.balign	2048
vectors:
	.rept	8
	vector	stray
	.endr
	vector	smc		/* lower EL, AArch64 */
	.rept	7
	vector	stray
	.endr

	/* What a CPU loses that is turned off; as far as a CPU of Armv8.0 can name it. */
	.text
	.global scrub_cpu
scrub_cpu:
	ldr	x1, =0xdeadbeefdead0000
	.irp	name, vbar_el2, ttbr0_el2, tpidr_el2, vttbr_el2, mair_el2, amair_el2, far_el2, hpfar_el2, sp_el2, elr_el2, \
		cntvoff_el2, cnthp_cval_el2, vmpidr_el2, vpidr_el2, ttbr0_el1, ttbr1_el1, vbar_el1, mair_el1, amair_el1, \
		tpidr_el1, contextidr_el1, far_el1, sp_el1, elr_el1, tpidr_el0, tpidrro_el0, sp_el0, cntv_cval_el0
	msr	\name, x1
	.endr
	.irp	name, hcr_el2, vtcr_el2, tcr_el2, cptr_el2, mdcr_el2, hstr_el2, esr_el2, cnthctl_el2, cnthp_ctl_el2, tcr_el1, cpacr_el1, \
		cntkctl_el1, cntv_ctl_el0, cntp_ctl_el0, mdscr_el1, csselr_el1, ich_hcr_el2, ich_vmcr_el2, ich_lr0_el2, \
		ich_lr1_el2, ich_lr2_el2, ich_lr3_el2, ich_ap0r0_el2, ich_ap1r0_el2, icc_pmr_el1, icc_bpr1_el1, icc_igrpen1_el1
	msr	\name, xzr
	.endr
	ldr	x1, =0x30c50830
	msr	sctlr_el2, x1
	ldr	x1, =0x30d00800
	msr	sctlr_el1, x1
	.arch_extension fp
	.arch_extension simd
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().16b, #0xa5
	.endr
	tlbi	alle1
	tlbi	alle2
	dsb	sy
	isb
	ret

	.bss
	.balign	4096
stacks:
	.skip	STACK_SIZE * CPUS
