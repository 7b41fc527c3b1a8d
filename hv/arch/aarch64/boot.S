/* Entry from firmware, as a Linux arm64 Image, and of the other CPUs from PSCI. [LINUX-BOOT] [ARM SCTLR_EL2] */

	.section .head, "ax"
	.global _head
_head:
	b	start			/* code0 */
	.long	0			/* code1 */
	.quad	0			/* text_offset */
	.quad	image_size
	.quad	0xa			/* little endian, 4 KiB pages, anywhere in RAM */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.section .text.boot, "ax"
start:
	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.ne	park			/* no UART is known yet that could say so */
	mov	x20, x0			/* device tree */
	msr	daifset, #0xf

	adrp	x0, bss_start
	adrp	x1, image_end
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b

	adrp	x1, boot_stack_end
	add	sp, x1, :lo12:boot_stack_end
	adrp	x0, _head
	mov	x29, xzr
	bl	boot_tables
	/* What was written with the MMU off must not hide behind stale cache lines. [LINUX-BOOT] */
	adrp	x0, _head
	adrp	x1, image_end
2:	dc	civac, x0
	add	x0, x0, #64
	cmp	x0, x1
	b.lo	2b
	dsb	sy
	bl	enable_mmu
	ldr	x3, =boot_stack_end
	mov	sp, x3
	ldr	x3, =vectors
	msr	vbar_el2, x3
	ldr	x3, =hv_main
	mov	x0, x20
	adrp	x1, _head		/* the identity map still holds: a physical address */
	mov	x29, xzr
	mov	x30, xzr
	br	x3

park:	wfe
	b	park

	/* x0: address of a struct secondary */
	.global secondary_start
secondary_start:
	msr	daifset, #0xf
	mov	x20, x0
	bl	enable_mmu
	ldr	x3, =vectors
	msr	vbar_el2, x3
	ldr	x3, =secondary_stack
	ldr	x4, [x3]
	mov	sp, x4
	ldr	x3, =secondary_main
	mov	x0, x20
	mov	x29, xzr
	mov	x30, xzr
	br	x3

enable_mmu:
	mov	x1, #0x04ff		/* MAIR: 0 normal write-back, 1 device nGnRE */
	msr	mair_el2, x1
	mrs	x2, id_aa64mmfr0_el1
	and	x2, x2, #0xf		/* PARange */
	mov	x3, #5
	cmp	x2, x3
	csel	x2, x2, x3, lo		/* 48 bits at most without 52-bit descriptors */
	ldr	x1, =0x80803510		/* RES1, TG0 4K, SH inner, write-back walks, T0SZ 16 */
	orr	x1, x1, x2, lsl #16
	msr	tcr_el2, x1
	adrp	x1, el2_l0
	msr	ttbr0_el2, x1
	tlbi	alle2
	tlbi	alle1
	ic	iallu
	dsb	nsh
	isb
	ldr	x1, =0x30c5183d		/* SCTLR_EL2: RES1, M, C, I, SA; A and WXN clear */
	orr	x1, x1, #(1 << 19)	/* WXN */
	msr	sctlr_el2, x1
	isb
	ret

	/* arch_smc(struct smc_args *): x0..x3 in, x0..x3 out. [SMCCC] */
	.text
	.global arch_smc
arch_smc:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	str	x0, [sp, #16]
	mov	x9, x0
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	smc	#0
	ldr	x9, [sp, #16]
	stp	x0, x1, [x9]
	stp	x2, x3, [x9, #16]
	ldp	x29, x30, [sp], #32
	ret

	/* suspend_cpu(struct smc_args *): the same, with the call that may come back through secondary_start: then what C
	 * counts on is as it was, and x0 of the answer is 0. The stack below is for secondary_main until then. */
	.global suspend_cpu
suspend_cpu:
	stp	x29, x30, [sp, #-112]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x0, [sp, #96]
	ldr	x9, =secondary_stack
	str	x29, [x9]
	dc	civac, x9
	dsb	sy
	bl	arch_smc
	b	2f
	/* On the stack of the CPU that called it, for good. */
	.global resume_cpu
resume_cpu:
	ldr	x9, =secondary_stack
	ldr	x29, [x9]
	mov	sp, x29
	ldr	x0, [sp, #96]
	str	xzr, [x0]
2:	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret

	.section .bss, "aw", %nobits
	/* A stack as cpu.c makes the others: the upper half of 16 KiB, above a page that is not mapped. */
	.balign	16384
	.skip	4096
	.global boot_stack_guard
boot_stack_guard:
	.skip	4096
	.skip	8192
	.global boot_stack_end
boot_stack_end:
	/* For the last words of a CPU whose stack is used up. */
	.skip	4096
	.global emergency_stack_end
emergency_stack_end:
