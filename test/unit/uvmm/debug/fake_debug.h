/* A VM of two vCPUs under a debugger, for tests: RAM with the MMU off, and a port that records who rests. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "debug/gdb.h"
#include "debug/monitor.h"
#include "uvmm/cpu/fake_vm.h"

#define FAKE_RAM_SIZE 0x10000u
#define FAKE_DFR0 0x00305106ull /* six breakpoints, four watchpoints */
#define FAKE_NOP 0xd503201fu
#define EC_BREAKPOINT 0x30u
#define EC_STEP 0x32u
#define EC_WATCHPOINT 0x34u
#define EC_BRK 0x3cu
#define PSTATE_SS (1ull << 21)

struct fake_debug {
	struct fake_vm fake;
	struct guest_mem mem;
	struct debug debug;
	struct gdb gdb;
	struct monitor monitor;
	struct options options;
	struct boot_plan plan;
	int holds[2];
	unsigned int synced;
	bool asleep, has_keys;
	unsigned int resumes, power_presses, sleep_presses;
	_Alignas(16) uint8_t ram[FAKE_RAM_SIZE];
};

static inline void fake_hold(void *context, unsigned int cpu)
{
	((struct fake_debug *)context)->holds[cpu]++;
}

/* Nobody looks into a page before that. */
static inline void fake_settle(void *context, unsigned int cpu)
{
	if (((struct fake_debug *)context)->holds[cpu] == 0)
		abort();
}

static inline void fake_release(void *context, unsigned int cpu)
{
	((struct fake_debug *)context)->holds[cpu]--;
}

static inline void fake_sync_code(void *context, uint8_t *at, size_t size)
{
	(void)at;
	((struct fake_debug *)context)->synced += size != 0;
}

static inline bool fake_press(void *context, bool off, const char **out_why)
{
	struct fake_debug *f = context;

	*out_why = "its device tree has none";
	f->power_presses += f->has_keys && off;
	f->sleep_presses += f->has_keys && !off;
	return f->has_keys;
}

static inline bool fake_is_asleep(void *context)
{
	return ((struct fake_debug *)context)->asleep;
}

static inline void fake_resume(void *context)
{
	((struct fake_debug *)context)->resumes++;
}

static inline enum vcpu_next fake_debug_exit(void *context, struct vcpu *vcpu)
{
	struct fake_vm *fake = context;

	return debug_exit(&((struct fake_debug *)(void *)fake)->debug, vcpu);
}

static inline struct fake_debug *fake_debug_make(void)
{
	struct fake_debug *f = aligned_alloc(16, (sizeof(*f) + 15) & ~15ul);
	struct debug_port port;

	if (!f)
		abort();
	memset(f, 0, sizeof(*f));
	port = (struct debug_port){f, fake_hold, fake_settle, fake_release, fake_sync_code};
	fake_vm_make(&f->fake);
	f->fake.vm.port.debug = fake_debug_exit;
	f->fake.vm.vcpu[1].power = VCPU_POWER_ON;
	cpu_ids_minimum(&f->fake.vm.ids);
	if (guest_mem_add(&f->mem, (ipa_t){VM_RAM}, FAKE_RAM_SIZE, f->ram) != OK)
		abort();
	for (unsigned int i = 0; i < FAKE_RAM_SIZE; i += 4)
		memcpy(f->ram + i, &(uint32_t){FAKE_NOP}, 4);
	for (unsigned int i = 0; i < 2; i++)
		f->fake.page[i].clean = ~0ull;
	debug_init(&f->debug, &f->fake.vm, &f->mem, &port);
	debug_learn(&f->debug, FAKE_DFR0);
	f->monitor.debug = &f->debug;
	f->monitor.options = &f->options;
	f->monitor.plan = &f->plan;
	f->monitor.power = (struct monitor_power){f, fake_press, fake_is_asleep, fake_resume};
	f->gdb.debug = &f->debug;
	f->gdb.monitor = &f->monitor;
	return f;
}

static inline void fake_debug_free(struct fake_debug *f)
{
	text_free(&f->gdb.out);
	text_free(&f->gdb.last);
	text_free(&f->monitor.out);
	free(f);
}

/* A vCPU runs into that at that place. */
static inline enum vcpu_next fake_stops(struct fake_debug *f, unsigned int cpu, unsigned int ec, uint64_t pc)
{
	f->fake.page[cpu].esr = (uint64_t)ec << 26 | 1u << 25;
	f->fake.page[cpu].pc = pc;
	return exit_handle(&f->fake.vm.vcpu[cpu], L4_EXIT_TRAP);
}

/* What the service thread does after that. */
static inline void fake_service(struct fake_debug *f)
{
	(void)debug_news(&f->debug);
	gdb_look(&f->gdb);
	monitor_look(&f->monitor);
}

static inline uint32_t fake_word(const struct fake_debug *f, uint64_t at)
{
	uint32_t word;

	memcpy(&word, f->ram + (at - VM_RAM), sizeof(word));
	return word;
}
