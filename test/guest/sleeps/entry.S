/* Where the machine wakes: notes the state it wakes in, then goes on as a CPU that is turned on. [PSCI CPU_ON] */
	.text
/* x0: a struct woken, whose line is in no cache. Changes nothing before it is noted but x1. */
	.global sleeps_entry
sleeps_entry:
	str	x0, [x0]
	mrs	x1, sctlr_el1
	str	x1, [x0, #8]
	mrs	x1, daif
	str	x1, [x0, #16]
	mrs	x1, currentel
	str	x1, [x0, #24]
	mrs	x1, cntv_ctl_el0
	str	x1, [x0, #32]
	dsb	sy
	mov	x0, #0
	b	secondary_entry
