/* A program that does wrong what its first argument says, for tests of what happens then. */
#include <l4/rt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) int read_through(const volatile int *nothing)
{
	return *nothing;
}

/* The compiler must not see that these are wrong. */
static volatile uintptr_t low_address = 16;
static volatile bool is_endless = true;

static __attribute__((noinline)) void write_to_code(void)
{
	*(volatile uint32_t *)(uintptr_t)read_through = 0;
}

static __attribute__((noinline)) void jump_into_data(void)
{
	static uint32_t ret = 0xd65f03c0; /* RET [ARM RET] */

	((void (*)(void))(uintptr_t)&ret)();
}

/* Each call keeps its frame: the guard page below the stack is what ends it. */
static __attribute__((noinline)) uint64_t recurse(volatile uint64_t *above)
{
	volatile uint64_t frame[512] = {*above};

	if (is_endless)
		frame[511] = recurse(frame) + 1;
	return frame[511];
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";

	if (!strcmp(how, "read"))
		return read_through((const volatile int *)low_address);
	if (!strcmp(how, "write"))
		write_to_code();
	if (!strcmp(how, "execute"))
		jump_into_data();
	if (!strcmp(how, "recurse"))
		return (int)recurse(&(volatile uint64_t){0});
	if (!strcmp(how, "abort"))
		abort();
	printf("crash: ends with %s\n", argc > 2 ? argv[2] : "7");
	return argc > 2 ? atoi(argv[2]) : 7;
}
