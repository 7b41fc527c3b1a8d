/* First instructions of a program and of each further thread; the stack pointer is set already. */

	.section .text.start, "ax"
	.global _start
	/* x0: the environment block. */
_start:
	mov	x29, #0
	mov	x30, #0
	mov	x1, sp
	bl	start_program
	brk	#0

	.text
	.global thread_entry
	/* x0: struct thread_start at the top of the stack: fn, arg, thread pointer, UTCB. */
thread_entry:
	mov	x29, #0
	mov	x30, #0
	ldr	x1, [x0, #16]
	msr	tpidr_el0, x1
	bl	start_thread
	brk	#0

	.section .note.GNU-stack, "", %progbits
