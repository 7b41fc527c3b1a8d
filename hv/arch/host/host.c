/* The seam arch.h in a process on your desk: see host.h. One host thread plays all CPUs in turn. */
#include "host.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "arch.h"
#include "arch_lr.h"
#include "core/kmem.h"
#include "core/ram.h"
#include "core/sleep.h"
#include "core/space.h"
#include "core/vcpu.h"

struct host host;

#define RUBBISH 0xa5
#define HOST_LR_COUNT 4u

/* ---- the machine ---- */

void host_start(unsigned int cpus_wanted, uint64_t ram_size)
{
	uint64_t meta_size = ram_meta_size(HOST_RAM_BASE, ram_size);

	memset(&host, 0, sizeof(host));
	memset(cpus, 0, sizeof(cpus));
	memset(&machine_ram, 0, sizeof(machine_ram));
	memset(&host_lr, 0, sizeof(host_lr));
	host.kmem_fails_after = UINT64_MAX;
	host.now = HOST_START;
	host.ram_size = ram_size;
	host.ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	host.ram_meta = malloc(meta_size);
	memset(host.ram, RUBBISH, ram_size);
	if (ram_add_bank(&machine_ram, (pa_t){HOST_RAM_BASE}, ram_size, host.ram_meta))
		abort();
	ram_free(&machine_ram, (pa_t){HOST_RAM_BASE}, ram_size);
	cpu_count = cpus_wanted;
	for (unsigned int i = 0; i < cpus_wanted; i++) {
		sched_init_cpu(&cpus[i], i, i);
		cpus[i].online = true;
		cpus[i].idle_since = host.now;
		host.timer[i] = UINT64_MAX;
	}
}

void host_stop(void)
{
	assert(kmem_bytes() == 0 && host.kmem_pages == 0 && "the hypervisor's own memory is back");
	assert(machine_ram.free_pages == host.ram_size / L4_PAGE_SIZE && "all RAM is back");
	munmap(host.ram, host.ram_size);
	free(host.ram_meta);
	host.ram = NULL;
}

void *host_at(pa_t at)
{
	assert(at.v >= HOST_RAM_BASE && at.v - HOST_RAM_BASE < host.ram_size && "physical memory is there");
	return host.ram + (at.v - HOST_RAM_BASE);
}

/* There is one thread: nobody else is inside. */
MAKES_LOCKS void host_settle(unsigned int id)
{
	unsigned int caller = host.cpu;
	struct cpu *cpu = &cpus[id];

	host.cpu = id;
	if (sleep_is_asked_of(cpu)) {
		host.ticket[id] = sleep_rest(cpu);
		host.cpu = caller;
		return;
	}
	do {
		if (host.ipis[id]) {
			host.ipis[id] = 0;
			sched_inbox(cpu);
			if (cpu->current)
				vcpu_check_guest(cpu->current);
		}
		if (host.timer[id] <= host.now)
			sched_timer(cpu);
		if (cpu->reschedule)
			sched_run(cpu);
		while (!cpu->current && !object_reap_step())
			;
	} while (cpu->reschedule || host.timer[id] <= host.now);
	host.cpu = caller;
}

void host_settle_all(void)
{
	bool busy = true;

	for (unsigned int round = 0; busy; round++) {
		assert(round < 1000 && "the machine comes to rest");
		busy = false;
		for (unsigned int i = 0; i < cpu_count; i++) {
			host_settle(i);
			busy |= cpus[i].reschedule;
		}
		for (unsigned int i = 0; i < cpu_count; i++)
			busy |= host.ipis[i] != 0;
	}
}

/* ---- CPUs and time ---- */

struct cpu *arch_this_cpu(void)
{
	return &cpus[host.cpu];
}

/* Nobody else can give the lock. */
__attribute__((noreturn)) void arch_spin_wait(void)
{
	assert(false && "a lock is taken twice");
	abort();
}

void arch_spin_wake(void)
{
}

bool arch_irq_pending(void)
{
	host.looks++;
	return host.looks == host.interrupt_at || (host.interrupt_every && host.looks % host.interrupt_every == 0);
}

void arch_send_ipi(unsigned int cpu)
{
	host.ipis[cpu]++;
}

uint64_t arch_now(void)
{
	return host.now;
}

uint64_t arch_counter_hz(void)
{
	return 1000;
}

void arch_timer_set(uint64_t when)
{
	host.timer[host.cpu] = when;
}

void arch_wait_for_interrupt(void)
{
}

void arch_let_others_in(void)
{
	if (host.meanwhile)
		host.meanwhile();
	for (unsigned int i = 0; i < cpu_count; i++)
		if (i != host.cpu)
			host_settle(i);
}

uint64_t arch_sleep(uint64_t until)
{
	uint64_t end = host.now + host.sleep_ticks;

	for (unsigned int i = 0; i < cpu_count; i++) {
		assert(!cpus[i].current && !cpus[i].loaded && !cpus[i].fp && "nobody is on any CPU");
		assert((i == host.cpu || !sleep_is_over(host.ticket[i])) && "and none goes on");
	}
	host.sleeps++;
	host.ipis[host.cpu] = 0; /* as firmware may do */
	if (host.while_asleep)
		host.while_asleep();
	host.now = until < end ? until : end;
	return L4_SLEEP_IDLE;
}

__attribute__((noreturn)) static void machine_ends(int how)
{
	assert(host.machine_end && "nobody expects the machine to end");
	longjmp(*host.machine_end, how);
}

void arch_machine_off(void)
{
	machine_ends(HOST_OFF);
}

void arch_machine_reset(void)
{
	machine_ends(HOST_RESET);
}

/* ---- memory ---- */

enum err arch_kmem_map(pa_t at, unsigned int pages, void **out)
{
	if (!host.kmem_fails_after)
		return ERR_NOMEM;
	if (host.kmem_fails_after != UINT64_MAX)
		host.kmem_fails_after--;
	host.kmem_pages += pages;
	*out = host_at(at);
	memset(*out, 0, pages * L4_PAGE_SIZE);
	return OK;
}

void arch_kmem_unmap(void *at, unsigned int pages)
{
	host.kmem_pages -= pages;
	memset(at, RUBBISH, pages * L4_PAGE_SIZE);
}

pa_t arch_kmem_pa(const void *at)
{
	return (pa_t){HOST_RAM_BASE + (uint64_t)((const unsigned char *)at - host.ram)};
}

void *arch_kmem_at(pa_t pa)
{
	return host_at(pa);
}

uint64_t arch_clear(pa_t at, uint64_t size)
{
	uint64_t done = 0;

	assert((at.v | size) % L4_PAGE_SIZE == 0 && "whole pages");
	assert(at.v / L4_SUPERPAGE_SIZE == (at.v + size - 1) / L4_SUPERPAGE_SIZE && "within one block");
	do {
		memset(host_at((pa_t){at.v + done}), 0, L4_PAGE_SIZE);
		done += L4_PAGE_SIZE;
	} while (done < size && !arch_irq_pending());
	return done;
}

void arch_sync_code(const void *at, uint64_t size)
{
	(void)at;
	(void)size;
}

void arch_write(pa_t at, const void *from, uint64_t size)
{
	memcpy(host_at(at), from, size);
}

/* ---- spaces ---- */

static enum err table_alloc(void *ctx, pa_t *out)
{
	struct space *space = ctx;
	void *table = kmem_pages(space->obj.payer, 1);

	if (!table)
		return ERR_NOMEM;
	*out = arch_kmem_pa(table);
	return OK;
}

static void table_free(void *ctx, pa_t table)
{
	struct space *space = ctx;

	assert(!space->arch.stale && "walks may still use the table");
	kmem_free_pages(space->obj.payer, arch_kmem_at(table), 1);
}

static uint64_t *table_at(void *ctx, pa_t table)
{
	(void)ctx;
	return arch_kmem_at(table);
}

/* What was valid may be in a TLB until it is flushed; until then nothing of it may be used for anything else. */
static void entry_write(void *ctx, uint64_t *entry, uint64_t value)
{
	struct space *space = ctx;

	if (*entry & 1 && !(value & 1))
		space->arch.stale = true;
	assert(!(*entry & 1 && value & 1) && "break before make");
	*entry = value;
}

static void sync_new(void *ctx)
{
	(void)ctx;
}

static void flush_all(void *ctx)
{
	struct space *space = ctx;

	space->arch.flushes++;
	space->arch.stale = false;
}

static void flush_page(void *ctx, ipa_t ipa)
{
	(void)ipa;
	flush_all(ctx);
}

static const struct s2_ops ops = {table_alloc, table_free, table_at, entry_write, sync_new, flush_page, flush_all};

enum err arch_space_init(struct space *space)
{
	void *root = kmem_pages(space->obj.payer, 2);

	if (!root)
		return ERR_NOMEM;
	space->arch.root = root;
	return s2_init(&space->arch.s2, arch_kmem_pa(root), &ops, space);
}

enum err arch_space_map(struct space *space, ipa_t at, pa_t from, uint64_t size, unsigned int flags, uint64_t budget,
			uint64_t *out_done)
{
	unsigned int attr = (flags & L4_MAP_R ? S2_R : 0) | (flags & L4_MAP_W ? S2_W : 0);

	if (flags & L4_MAP_DEVICE)
		attr |= S2_DEVICE;
	else if (flags & L4_MAP_X)
		attr |= S2_X;
	return s2_map(&space->arch.s2, at, from, size, attr, budget, out_done);
}

enum err arch_space_unmap(struct space *space, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done)
{
	enum err err = s2_unmap(&space->arch.s2, at, size, budget, out_done);

	assert(!space->arch.stale && "the memory may be given away now");
	return err;
}

bool arch_space_clear(struct space *space, uint64_t budget)
{
	bool done;

	if (!space->arch.root)
		return true;
	assert(!host_has_stream(space) && "streams are detached before the tables go");
	s2_destroy(&space->arch.s2, budget, &done);
	if (!done)
		return false;
	kmem_free_pages(space->obj.payer, space->arch.root, 2);
	space->arch.root = NULL;
	return true;
}

uint64_t arch_space_limit(const struct space *space)
{
	(void)space;
	return S2_IPA_SIZE;
}

/* ---- threads and vCPUs: no code of theirs runs here ---- */

void arch_thread_leave(struct thread *thread)
{
	(void)thread;
	arch_this_cpu()->guest = NULL;
}

void arch_thread_enter(struct thread *thread)
{
	struct cpu *cpu = arch_this_cpu();

	if (!thread->in_guest)
		return;
	if (thread->vcpu->vm->obj.dead) {
		thread->regs.x[0] = (uint64_t)ERR_NOENT;
		thread->in_guest = false;
		return;
	}
	if (cpu->loaded && cpu->loaded != thread->vcpu)
		arch_vcpu_unload(cpu->loaded);
	if (cpu->loaded != thread->vcpu)
		virq_load(&thread->vcpu->virqs);
	cpu->guest = cpu->loaded = thread->vcpu;
	thread->vcpu->loaded_on = cpu->id;
	vcpu_check_guest(thread);
}

void arch_idle_enter(void)
{
}

void arch_vcpu_unload(struct vcpu *vcpu)
{
	virq_save(&vcpu->virqs);
	arch_this_cpu()->loaded = NULL;
	vcpu->loaded_on = VCPU_NOT_LOADED;
}

void arch_vcpu_exit(struct vcpu *vcpu, uint64_t reason)
{
	host.vcpu_exits++;
	arch_this_cpu()->guest = NULL;
	vcpu->thread->in_guest = false;
	vcpu->state->exit = reason;
	vcpu->thread->regs.x[0] = OK;
	vcpu->thread->regs.x[2] = reason;
}

enum err arch_vcpu_sync(struct vcpu *vcpu, uint64_t groups)
{
	if (groups & L4_VCPU_VGIC)
		vcpu->state->vgic.held_count = virq_held(&vcpu->virqs, vcpu->state->vgic.held);
	return OK;
}

/* The timer of a vCPU is due here when its condition says so; no counter is looked at. */
bool arch_vcpu_take_page(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_this_cpu();

	if (cpu->loaded && cpu->loaded != vcpu)
		arch_vcpu_unload(cpu->loaded);
	if (cpu->loaded != vcpu)
		virq_load(&vcpu->virqs);
	cpu->loaded = vcpu;
	vcpu->loaded_on = cpu->id;
	for (uint32_t i = 0; i < vcpu->state->inject_count && i < L4_VCPU_INJECT_MAX; i++)
		(void)virq_set(&vcpu->virqs, vcpu->state->inject[i], VIRQ_HW_NONE);
	vcpu->state->inject_count = 0;
	return vcpu->timer.virq & L4_VIRQ_ENABLED && vcpu->timer.cntv_ctl == 5;
}

void arch_vcpu_report(struct vcpu *vcpu, uint64_t reason)
{
	vcpu->state->exit = reason;
	vcpu->state->eoi_count = vcpu->eoi_count;
	vcpu->eoi_count = 0;
	vcpu->thread->regs.x[0] = OK;
	vcpu->thread->regs.x[2] = reason;
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	virq_init(&vcpu->virqs, HOST_LR_COUNT, ICH_HCR_EN, ICH_HCR_TDIR);
}

uint64_t arch_vcpu_vmcr(const struct vcpu *vcpu)
{
	return vcpu->vmcr;
}

void arch_fp_forget(const void *owner)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		if (cpus[i].fp == owner)
			cpus[i].fp = NULL;
}

/* ---- interrupts ---- */

unsigned int arch_line_count(void)
{
	return HOST_LINES;
}

bool arch_line_is_free(unsigned int line)
{
	return line >= 32 && line < HOST_LINES;
}

void arch_line_set_mode(unsigned int line, bool level)
{
	host.line[line].level = level;
}

void arch_line_enable(unsigned int line, unsigned int cpu)
{
	host.line[line].enabled = true;
	host.line[line].cpu = cpu;
}

void arch_line_disable(unsigned int line)
{
	host.line[line].enabled = false;
}

void arch_line_deactivate(unsigned int line)
{
	host.line[line].deactivations++;
	host.line[line].active = false;
}

bool arch_line_is_pending(unsigned int line)
{
	return host.line[line].pending;
}

bool arch_line_is_active(unsigned int line)
{
	return host.line[line].active;
}

void arch_line_forget(unsigned int line)
{
	host.line[line].pending = false;
}

/* ---- console ---- */

void arch_console_put(char c)
{
	if (host.console_size < HOST_CONSOLE_MAX)
		host.console[host.console_size++] = c;
}

size_t arch_console_write(const char *from, size_t size)
{
	size = size < 32 ? size : 32;
	for (size_t i = 0; i < size; i++)
		arch_console_put(from[i]);
	return size;
}

size_t arch_console_read(char *to, size_t size)
{
	size_t n = 0;

	while (n < size && host.input && *host.input)
		to[n++] = *host.input++;
	return n;
}

void arch_console_listen(bool on)
{
	host.listens = on;
}
