/* The hypervisor's own messages, and its last words: registers and a backtrace that tools/backtrace can name. */
#include <stdarg.h>

#include "arch.h"
#include "arch/aarch64/local.h"
#include "arch/aarch64/sysreg.h"
#include "core/lock.h"
#include "lib/fmt.h"

static struct lock log_lock;
static bool is_panicking;

static void put(void *ctx, char c)
{
	(void)ctx;
	if (c == '\n')
		arch_console_put('\r');
	arch_console_put(c);
}

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_write(put, NULL, format, args);
	va_end(args);
}

void hv_log(const char *format, ...)
{
	va_list args;

	lock_take(&log_lock);
	va_start(args, format);
	fmt_write(put, NULL, format, args);
	va_end(args);
	put(NULL, '\n');
	lock_give(&log_lock);
}

struct frame_record {
	const struct frame_record *next;
	uint64_t lr;
};

/* Follow the frame records as long as they lie on a stack of ours. [AAPCS64 frame pointer] */
static void backtrace(uint64_t pc, const struct frame_record *fp)
{
	uint64_t top = arch_this_cpu()->stack_top;

	log_line("hv: backtrace: 0x%lx", pc);
	for (unsigned int n = 0; n < 16; n++) {
		uint64_t at = (uint64_t)fp;

		if (at % 16 || at >= top || top - at > 8192)
			break;
		log_line(" 0x%lx", fp->lr);
		fp = fp->next;
	}
	log_line("\n");
}

static void stop(void) __attribute__((noreturn));
static void stop(void)
{
	for (;;)
		__asm__ volatile("msr daifset, #0xf\n\twfi");
}

void panic(const char *format, ...)
{
	va_list args;

	if (__atomic_exchange_n(&is_panicking, true, __ATOMIC_SEQ_CST))
		stop();
	log_line("\nhv: panic on CPU %u: ", arch_this_cpu()->id);
	va_start(args, format);
	fmt_write(put, NULL, format, args);
	va_end(args);
	log_line("\n");
	/* What came in from below last. */
	log_line("hv: ESR 0x%lx FAR 0x%lx ELR 0x%lx SPSR 0x%lx HCR 0x%lx VTTBR 0x%lx SP_EL0 0x%lx\n",
		 READ_SYSREG(esr_el2), READ_SYSREG(far_el2), READ_SYSREG(elr_el2), READ_SYSREG(spsr_el2),
		 READ_SYSREG(hcr_el2), READ_SYSREG(vttbr_el2), READ_SYSREG(sp_el0));
	backtrace((uint64_t)__builtin_return_address(0), __builtin_frame_address(0));
	stop();
}

void trap_own(const uint64_t *x, unsigned int kind) __attribute__((noreturn));
void trap_own(const uint64_t *x, unsigned int kind)
{
	static const char *const what[] = {"synchronous exception", "interrupt", "fast interrupt", "SError",
					   "end of the stack"};

	if (__atomic_exchange_n(&is_panicking, true, __ATOMIC_SEQ_CST))
		stop();
	log_line("\nhv: panic on CPU %u: %s in the hypervisor: ESR 0x%lx FAR 0x%lx ELR 0x%lx SPSR 0x%lx\n",
		 arch_this_cpu()->id, what[kind < 5 ? kind : 0], READ_SYSREG(esr_el2), READ_SYSREG(far_el2),
		 READ_SYSREG(elr_el2), READ_SYSREG(spsr_el2));
	for (unsigned int i = 0; i < 31; i++)
		log_line("hv: x%u %016lx%s", i, x[i], i % 4 == 3 || i == 30 ? "\n" : " ");
	backtrace(READ_SYSREG(elr_el2), (const struct frame_record *)x[29]);
	stop();
}

/* What the C library's assert calls. */
void __assert_func(const char *file, int line, const char *function, const char *expression) __attribute__((noreturn));
void __assert_func(const char *file, int line, const char *function, const char *expression)
{
	panic("%s:%d: %s: assertion failed: %s", file, line, function, expression);
}

void __assert_no_args(void) __attribute__((noreturn));
void __assert_no_args(void)
{
	panic("assertion failed");
}
