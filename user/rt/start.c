/* From the loader to main and from its end to the hypervisor. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

_Thread_local struct l4_utcb *l4_utcb_self;

int main(int argc, char **argv);

#define ARGS_MAX 256u

static char main_fault_stack[FAULT_STACK_SIZE] __attribute__((aligned(16)));

/* [ARM TPIDR_EL0] points 16 bytes, or the alignment if that is more, below the thread's variables. */
size_t tls_block_size(void)
{
	return (size_t)__tls_align + (size_t)__tls_size;
}

void *tls_init(char *block)
{
	char *variables = block + (size_t)__tls_align;
	size_t image = (size_t)__tls_image_size;

	memcpy(variables, __tls_image, image);
	memset(variables + image, 0, (size_t)__tls_size - image);
	return variables - (size_t)__tls_align;
}

static void run_constructors(void)
{
	extern void (*__preinit_array_start[])(void), (*__preinit_array_end[])(void);
	extern void (*__init_array_start[])(void), (*__init_array_end[])(void);

	for (void (**fn)(void) = __preinit_array_start; fn < __preinit_array_end; fn++)
		(*fn)();
	for (void (**fn)(void) = __init_array_start; fn < __init_array_end; fn++)
		(*fn)();
}

_Noreturn void start_program(const struct l4_env *env, char *stack_top)
{
	static char *argv[ARGS_MAX + 1];
	const uint32_t *offsets = (const uint32_t *)(const void *)((const char *)env + env->argv);
	unsigned int argc = env->argc < ARGS_MAX ? env->argc : ARGS_MAX;
	void *thread_pointer = tls_init(__tls_first);

	__asm__ volatile("msr tpidr_el0, %0" : : "r"(thread_pointer) : "memory");
	l4_utcb_self = (struct l4_utcb *)env->utcb;
	env_init(env);
	fault_init(l4_utcb_self, main_fault_stack + FAULT_STACK_SIZE, stack_top - STACK_SIZE, stack_top);
	if (env->magic != L4_ENV_MAGIC || env->version != L4_ENV_VERSION) {
		static const char text[] = "fault: the loader's environment block is of another version";

		log_line_unlocked(text, sizeof(text) - 1);
		_exit(127);
	}

	for (unsigned int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)env + offsets[i];
	run_constructors();
	exit(main((int)argc, argv));
}

_Noreturn void start_thread(const struct thread_start *start)
{
	l4_utcb_self = start->utcb;
	fault_init(start->utcb, start->fault_stack_top, start->stack_top - STACK_SIZE, start->stack_top);
	start->fn(start->arg);
	for (;;)
		(void)l4_thread_stop(L4_SLOT_SELF);
}

void _exit(int code)
{
	for (;;)
		(void)l4_space_exit(L4_SLOT_TASK, (uint64_t)(unsigned int)code);
}
