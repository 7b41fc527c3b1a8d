/* Monitor commands about vCPUs: cpu, where. Pure. */
#include "debug/monitor_commands.h"
#include "debug/registers.h"

#include <string.h>

#define FRAMES_MAX 64u

void monitor_print_stop(const struct debug *debug, struct text *out)
{
	static const char *const reason[] = {
		[DEBUG_NOTHING] = "",
		[DEBUG_STOPPED] = "it was stopped",
		[DEBUG_STEPPED] = "it was stepped",
		[DEBUG_BREAK] = "a breakpoint",
		[DEBUG_HARD_BREAK] = "a hardware breakpoint",
		[DEBUG_WATCH] = "a watchpoint",
	};
	const struct debug_stop *last = &debug->last;

	text_print(out, "vCPU %u stands at 0x%llx: %s", last->cpu,
		   (unsigned long long)debug->vm->vcpu[last->cpu].page->pc, reason[last->reason]);
	if (last->reason == DEBUG_WATCH)
		text_print(out, ", access to 0x%llx", (unsigned long long)last->address);
	text_print(out, "\n");
}

static void list_cpu(struct monitor *monitor, unsigned int cpu, struct text *out)
{
	struct debug *debug = monitor->debug;
	const struct vcpu *vcpu = debug_borrow(debug, cpu);
	const struct l4_vcpu_state *page = vcpu->page;

	text_print(out, "vCPU %u: MPIDR 0x%llx, ", cpu, (unsigned long long)vcpu->mpidr);
	if (debug_is_off(debug, cpu))
		text_print(out, "off\n");
	else
		text_print(out, "%s at EL%u, pc 0x%llx\n", debug->stopped ? "stands" : "runs",
			   (unsigned int)page->pstate >> 2 & 3, (unsigned long long)page->pc);
	debug_give(debug, cpu);
}

/* Four in a row; a wide one has its row half. */
static void print_registers(struct monitor *monitor, unsigned int cpu, struct text *out)
{
	const struct l4_vcpu_state *page = debug_borrow(monitor->debug, cpu)->page;

	text_print(out, "vCPU %u%s\n", cpu, debug_is_off(monitor->debug, cpu) ? " (off)" : "");
	for (unsigned int i = 0; i < register_count(); i++) {
		uint64_t value[2];
		uint8_t bytes[REG_SIZE_MAX];

		register_read(page, i, bytes);
		memcpy(value, bytes, sizeof(value));
		if (register_size(i) == 16)
			text_print(out, "%-14s %016llx%016llx%s", register_name(i), (unsigned long long)value[1],
				   (unsigned long long)value[0], (i - REG_V0) % 2 ? "\n" : "  ");
		else
			text_print(out, "%-14s %016llx%s", register_name(i), (unsigned long long)value[0],
				   i == REG_CPSR || i == REG_FPCR || i % 3 == 2 ? "\n" : "  ");
	}
	text_print(out, "\n");
	debug_give(monitor->debug, cpu);
}

bool monitor_cpu(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	unsigned int cpu;

	if (count == 2 && strcmp(word[1], "list") == 0) {
		for (unsigned int i = 0; i < monitor->debug->vm->vcpu_count; i++)
			list_cpu(monitor, i, out);
		return true;
	}
	if (count != 3 || strcmp(word[2], "regs") != 0)
		return false;
	if (strcmp(word[1], "all") == 0) {
		for (unsigned int i = 0; i < monitor->debug->vm->vcpu_count; i++)
			print_registers(monitor, i, out);
		return true;
	}
	if (monitor_vcpu(monitor, word[1], &cpu, out))
		print_registers(monitor, cpu, out);
	return true;
}

bool monitor_exits(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	const struct vm *vm = monitor->debug->vm;
	unsigned int first = 0, end = vm->vcpu_count;

	if (count > 2)
		return false;
	if (count == 2) {
		if (!monitor_vcpu(monitor, word[1], &first, out))
			return true;
		end = first + 1;
	}
	text_print(out, "%-14s", "");
	for (unsigned int i = first; i < end; i++)
		text_print(out, "  %6s %-7u", "vCPU", i);
	for (unsigned int kind = 0; kind < VCPU_EXIT_KINDS; kind++) {
		text_print(out, "\n%-14s", vcpu_exit_name((enum vcpu_exit_kind)kind));
		for (unsigned int i = first; i < end; i++)
			text_print(out, "  %14llu", (unsigned long long)vm->vcpu[i].exits[kind]);
	}
	text_print(out, "\n");
	return true;
}

/* x29 leads from frame record to frame record, each the caller's x29 and the return address. [AAPCS64 Frame pointer] */
static void print_frames(struct monitor *monitor, unsigned int cpu, struct text *out)
{
	const struct l4_vcpu_state *page = debug_borrow(monitor->debug, cpu)->page;
	uint64_t frame = page->x[29];

	text_print(out, "#0   0x%llx\n#1   0x%llx (x30)\n", (unsigned long long)page->pc,
		   (unsigned long long)page->x[30]);
	for (unsigned int i = 2; i < FRAMES_MAX && frame % 8 == 0 && frame != 0; i++) {
		uint64_t record[2];

		if (debug_read(monitor->debug, cpu, frame, record, sizeof(record)) != sizeof(record) || record[1] == 0)
			break;
		text_print(out, "#%-3u 0x%llx\n", i, (unsigned long long)record[1]);
		if (record[0] <= frame)
			break;
		frame = record[0];
	}
	debug_give(monitor->debug, cpu);
}

bool monitor_where(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	unsigned int cpu = monitor->debug->last.cpu;

	if (count > 2)
		return false;
	if (count == 2 && !monitor_vcpu(monitor, word[1], &cpu, out))
		return true;
	print_frames(monitor, cpu, out);
	return true;
}
