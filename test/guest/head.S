/* First instructions of a bare-metal guest: the Image header, relocation, stacks, secondary CPUs. [LINUX-BOOT] */
#define STACK_SIZE 16384

	.section .head, "ax"
	.global image_start
image_start:
	b	entry
	.long	0
	.quad	0			// text_offset
	.long	image_end - . + 16, 0	// image_size; as a difference, so that no relocation remains
	.quad	0xa			// little-endian, 4 KiB pages, anywhere in memory
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

/* MMU and caches are off, x0 is the device tree. x19 keeps the counter for the figure "reset to first instruction". */
entry:
	mrs	x19, cntvct_el0
	mov	x20, x0
	adr	x21, image_start
	adrp	x22, image_end
	add	x22, x22, :lo12:image_end

	/* Our writes with caches off go to memory; lines that a loader left in the cache must not hide them later. */
	mrs	x1, ctr_el0
	ubfx	x1, x1, #16, #4
	mov	x2, #4
	lsl	x2, x2, x1
	mov	x3, x21
1:	dc	ivac, x3
	add	x3, x3, x2
	cmp	x3, x22
	b.lo	1b
	dsb	sy

	/* R_AARCH64_RELATIVE: *(base + offset) = base + addend. [AAELF64] */
	adrp	x1, rela_start
	add	x1, x1, :lo12:rela_start
	adrp	x2, rela_end
	add	x2, x2, :lo12:rela_end
2:	cmp	x1, x2
	b.hs	3f
	ldp	x3, x4, [x1], #16
	ldr	x5, [x1], #8
	cmp	w4, #1027
	b.ne	2b
	add	x5, x5, x21
	str	x5, [x3, x21]
	b	2b

3:	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
4:	str	xzr, [x1], #8
	cmp	x1, x22
	b.lo	4b

	adr	x1, vectors
	msr	vbar_el1, x1
	msr	spsel, #1
	isb
	mov	x0, #0
	bl	stack_of
	mov	sp, x0
	mov	x29, #0
	mov	x0, x20
	mov	x1, x19
	mov	x2, x21
	mov	x3, x22
	bl	guest_start
	b	halt

/* PSCI CPU_ON comes here with x0 = number of the CPU. [PSCI CPU_ON] */
	.global secondary_entry
secondary_entry:
	mov	x19, x0
	adr	x1, vectors
	msr	vbar_el1, x1
	msr	spsel, #1
	isb
	bl	stack_of
	mov	sp, x0
	mov	x29, #0
	mov	x0, x19
	bl	secondary_start
	b	halt

/* x0: number of the CPU -> x0: top of its stack; changes x1. */
stack_of:
	add	x0, x0, #1
	mov	x1, #STACK_SIZE
	mul	x0, x0, x1
	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x0, x0, x1
	ret

	.global halt
halt:
	wfi
	b	halt

	.bss
	.balign 16
stacks:
	.skip	STACK_SIZE * 8		// MAX_CPUS of machine.h
