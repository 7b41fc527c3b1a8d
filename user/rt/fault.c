/* A fault of the program itself: the end of an l4_try_copy, or registers, a backtrace and the end of the task. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

#define BACKTRACE_MAX 24u

/* fault.S and copy.S know these. */
_Static_assert(offsetof(struct l4_utcb, fault) == 64 * 8 + 4 * 8 + 8 * 8, "UTCB_FAULT");
_Static_assert(offsetof(struct l4_fault, x) == 16, "FAULT_X");
_Static_assert(offsetof(struct l4_fault, sp) == 16 + 31 * 8, "FAULT_SP");
_Static_assert(offsetof(struct l4_fault, pc) == 16 + 32 * 8, "FAULT_PC");
_Static_assert(ERR_FAULT == -14, "COPY_ERR_FAULT");

/* On top of the fault stack; the stack pointer of fault_entry. */
struct fault_top {
	struct l4_utcb *utcb;
	uint64_t stack_bottom, stack_top;
	uint64_t fill; /* the stack pointer is a multiple of 16 */
};

void fault_entry(void);
void fault_handle(const struct fault_top *top);
_Noreturn void fault_again_x16(const uint64_t *x);
_Noreturn void fault_again_x17(const uint64_t *x);
extern const char copy_begin[], copy_end[];

/* For the next fault; the hypervisor takes the handler away when it calls it. */
static void arm(const struct fault_top *top)
{
	(void)l4_thread_set_fault(L4_SLOT_SELF, (uint64_t)fault_entry, (uint64_t)top);
}

void fault_init(struct l4_utcb *utcb, char *fault_stack_top, char *stack_bottom, char *stack_top)
{
	struct fault_top *top = (struct fault_top *)(void *)fault_stack_top - 1;

	*top = (struct fault_top){utcb, (uint64_t)stack_bottom, (uint64_t)stack_top, 0};
	arm(top);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[320];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > 0)
		log_line_unlocked(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

/* [ARM ESR_ELx.EC, ESR_ELx.ISS] */
static const char *what(uint64_t esr)
{
	bool is_write = (esr & 1ull << 6) != 0;

	switch (esr >> 26 & 0x3f) {
	case 0x00:
		return "undefined instruction";
	case 0x07:
		return "floating point where none may be used";
	case 0x20:
		return "no code may be executed there";
	case 0x22:
		return "misaligned program counter";
	case 0x24:
		return is_write ? "nothing may be written there" : "nothing may be read there";
	case 0x26:
		return "misaligned stack pointer";
	case 0x3c:
		return "gave up (abort, failed assertion)";
	default:
		return "unexpected exception";
	}
}

/* Frame records, [fp] = {caller's fp, return address}, as long as they ascend within the stack. */
static void backtrace(const struct l4_fault *fault, const struct fault_top *top)
{
	char line[BACKTRACE_MAX * 20 + 1];
	uint64_t fp = fault->x[29];
	uint64_t low = fault->sp > top->stack_bottom ? fault->sp : top->stack_bottom;
	size_t at = (size_t)snprintf(line, sizeof(line), " 0x%llx", (unsigned long long)fault->pc);

	/* A leaf has no frame record of its own: its return address is in x30. */
	at += (size_t)snprintf(line + at, sizeof(line) - at, " 0x%llx", (unsigned long long)fault->x[30]);
	for (unsigned int i = 2; i < BACKTRACE_MAX; i++) {
		const uint64_t *record = (const uint64_t *)fp;

		if (fp < low || fp % 16 != 0 || fp > top->stack_top - 16 || record[1] == 0)
			break;
		if (i > 2 || record[1] != fault->x[30])
			at += (size_t)snprintf(line + at, sizeof(line) - at, " 0x%llx", (unsigned long long)record[1]);
		low = fp + 16;
		fp = record[0];
	}
	say("backtrace:%s", line);
}

static void report(const struct l4_fault *fault, const struct fault_top *top)
{
	const uint64_t *x = fault->x;

	say("fault: %s: pc 0x%llx, address 0x%llx, esr 0x%llx, sp 0x%llx, pstate 0x%llx", what(fault->esr),
	    (unsigned long long)fault->pc, (unsigned long long)fault->far, (unsigned long long)fault->esr,
	    (unsigned long long)fault->sp, (unsigned long long)fault->pstate);
	for (unsigned int i = 0; i < 28; i += 4)
		say("x%-2u %016llx %016llx %016llx %016llx", i, (unsigned long long)x[i], (unsigned long long)x[i + 1],
		    (unsigned long long)x[i + 2], (unsigned long long)x[i + 3]);
	say("x28 %016llx %016llx %016llx", (unsigned long long)x[28], (unsigned long long)x[29],
	    (unsigned long long)x[30]);
	backtrace(fault, top);
}

/* Whether the instruction that faulted names x17 in one of the places where registers are named. */
static bool uses_x17(uint64_t pc)
{
	uint32_t code;

	if (pc < (uint64_t)__text_start || pc > (uint64_t)__text_end - 4 || pc % 4 != 0)
		return false;
	code = *(const uint32_t *)pc;
	return (code & 31) == 17 || (code >> 5 & 31) == 17 || (code >> 10 & 31) == 17 || (code >> 16 & 31) == 17;
}

void fault_handle(const struct fault_top *top)
{
	/* log_line_unlocked makes system calls; the record stays as it is, only faults write it. */
	const struct l4_fault *fault = &top->utcb->fault;

	if (fault->pc >= (uint64_t)copy_begin && fault->pc < (uint64_t)copy_end && fault->esr >> 26 == 0x24) {
		arm(top);
		return;
	}
	report(fault, top);
	if (uses_x17(fault->pc))
		fault_again_x16(fault->x);
	fault_again_x17(fault->x);
}
