/* Where the machine wakes: notes when, then goes on as a CPU that is turned on. [PSCI CPU_ON] */
	.text
/* x0: two words, whose line is in no cache. */
	.global stages_entry
stages_entry:
	isb
	mrs	x1, cntvct_el0
	str	x1, [x0]
	mrs	x1, daif
	str	x1, [x0, #8]
	dsb	sy
	mov	x0, #0
	b	secondary_entry
