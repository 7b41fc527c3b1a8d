/* What the files of the run-time share and programs do not see. */
#pragma once

#include <l4/lock.h>
#include <l4/rt.h>

/* The loader gives the first thread at least this much stack; so do threads by default. */
#define STACK_SIZE 0x10000u
#define FAULT_STACK_SIZE 0x2000u

/* Offsets and sizes of the image, from user.ld. */
extern char __tls_image[], __tls_image_size[], __tls_size[], __tls_align[], __tls_first[];
extern char __text_start[], __text_end[];

/* What a new thread finds at the top of its stack; crt0.S knows the order. */
struct thread_start {
	l4_thread_fn fn;
	void *arg;
	void *thread_pointer;
	struct l4_utcb *utcb;
	char *stack_top;
	char *fault_stack_top;
};

_Noreturn void start_program(const struct l4_env *env, char *stack_top);
_Noreturn void start_thread(const struct thread_start *start);
void thread_entry(void);

void env_init(const struct l4_env *env);

/* Bytes that a thread's own variables take, and their initial values put there. The thread pointer comes back. */
size_t tls_block_size(void);
void *tls_init(char *block);

/* Send the calling thread's faults to fault.c. Its stack reaches from stack_bottom to stack_top. */
void fault_init(struct l4_utcb *utcb, char *fault_stack_top, char *stack_bottom, char *stack_top);

/* A line for the log that takes no lock and allocates nothing. */
void log_line_unlocked(const char *text, size_t size);
