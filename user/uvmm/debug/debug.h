/* A VM under a debugger: stopping and continuing its vCPUs, breakpoints, and memory as the guest sees it. The monitor and
 * the GDB stub are two users of the same one. Pure.
 *
 *                 debug_stop                       debug_resume
 *   running ─────────────────────▶ stopped ─────────────────────────▶ running
 *      │                              ▲             first alone, past the breakpoint it stands on
 *      │ breakpoint, watchpoint, step │
 *      └─ debug_exit ─▶ debug_news ───┘
 *
 * While stopped every vCPU rests with all of its registers in its state page, and no breakpoint is in memory or in
 * registers. Everything is called with the VM's lock held.
 */
#pragma once

#include "cpu/vcpu.h"
#include "guest/mem.h"

#define DEBUG_BREAKS_MAX 64u

enum debug_reason {
	DEBUG_NOTHING,
	DEBUG_STOPPED, /* somebody asked for it */
	DEBUG_STEPPED,
	DEBUG_BREAK,      /* in memory */
	DEBUG_HARD_BREAK, /* in a register */
	DEBUG_WATCH,      /* address says where */
};

enum debug_action {
	DEBUG_STAY,
	DEBUG_RUN,
	DEBUG_STEP,
};

enum debug_kind { /* numbered as GDB's Z packets are */
		  DEBUG_KIND_SOFT,
		  DEBUG_KIND_HARD,
		  DEBUG_KIND_WRITE,
		  DEBUG_KIND_READ,
		  DEBUG_KIND_ACCESS,
};

struct debug_port {
	void *context;
	/* The vCPU is to rest; the caller's own does so after its exit. */
	void (*hold)(void *context, unsigned int cpu);
	/* It does, with all groups in its page, when this comes back. Not for the caller's own. */
	void (*settle)(void *context, unsigned int cpu);
	/* Undoes one hold. A vCPU that is off goes on resting. */
	void (*release)(void *context, unsigned int cpu);
	/* Instructions were written there. */
	void (*sync_code)(void *context, uint8_t *at, size_t size);
};

/* A stop as it is told: the vCPU that was the reason, or one that runs; address of a watchpoint's hit. */
struct debug_stop {
	enum debug_reason reason;
	unsigned int cpu;
	uint64_t address;
};

struct debug_break {
	enum debug_kind kind;
	uint64_t address; /* virtual */
	uint64_t size;    /* watchpoints */
	ipa_t ipa;        /* of a soft one */
	uint32_t original;
	bool inserted; /* a soft one is in memory */
};

struct debug_cpu {
	bool held;                /* by us */
	enum debug_action action; /* since the last resume */
	enum debug_reason reason; /* why it stopped, until a stop was told */
	uint64_t address;         /* of a watchpoint's hit */
	uint64_t told_at;         /* pc of the stop that was told; ~0: none */
	bool told_watch;          /* and it was a watchpoint */
};

struct debug {
	struct vm *vm;
	const struct guest_mem *mem;
	struct debug_port port;
	unsigned int hard_breaks, watches; /* registers that the machine has */
	bool stopped;
	bool news;              /* a vCPU stopped by itself */
	unsigned int over;      /* vCPU that is alone on its way past a breakpoint, + 1; 0: none */
	uint64_t over_left;     /* those after it, a bit each */
	struct debug_stop last; /* while stopped: what for */
	unsigned int break_count;
	struct debug_break breaks[DEBUG_BREAKS_MAX];
	struct debug_cpu cpu[GIC_CPUS_MAX];
};

void debug_init(struct debug *debug, struct vm *vm, const struct guest_mem *mem, const struct debug_port *port);
/* The machine's ID_AA64DFR0_EL1, which says how many breakpoints and watchpoints there are. */
void debug_learn(struct debug *debug, uint64_t dfr0);

/* ---- debug.c: run control ---- */

/* Have all vCPUs rest. What some of them ran into at the same moment comes again after the next resume. */
void debug_stop(struct debug *debug);
/* One action for each vCPU. A vCPU that stands where it last stopped gets past a breakpoint there first, alone. Only
 * while stopped. */
void debug_resume(struct debug *debug, const enum debug_action *action);
void debug_continue(struct debug *debug);
/* A debug exception of a guest, in the exit record of a vCPU whose thread calls. VCPU_DEBUG: it rests from now on, and
 * debug_news is to be called on another thread. VCPU_RUN: nothing of ours any more. A BRK of the guest's own is the
 * guest's exception. */
enum vcpu_next debug_exit(struct debug *debug, struct vcpu *vcpu);
/* A vCPU turned itself off: a step of it is over. True: call debug_news. */
bool debug_cpu_off(struct debug *debug, unsigned int cpu);
/* A vCPU stopped by itself: true when now all have, and debug->last says what for. */
bool debug_news(struct debug *debug);

/* ---- debug_break.c ---- */

/* ERR_EXIST: it is there already; ERR_NOSPC: too many, or more than the machine has registers for; ERR_FAULT: a soft one
 * where the vCPU sees no memory; ERR_INVAL: size or alignment does not fit. Only while stopped. */
enum err debug_break_add(struct debug *debug, unsigned int cpu, enum debug_kind kind, uint64_t address, uint64_t size);
enum err debug_break_remove(struct debug *debug, enum debug_kind kind, uint64_t address, uint64_t size);
void debug_break_remove_all(struct debug *debug);
/* Into memory and out of it. */
void debug_breaks_insert(struct debug *debug);
void debug_breaks_lift(struct debug *debug);
/* Group DEBUG of a vCPU that is about to run; bare: without breakpoints. */
void debug_breaks_load(struct debug *debug, unsigned int cpu, uint64_t control, bool bare);
/* Is there a breakpoint at this place of the vCPU? A soft one only if it is inserted there, when asked so. */
const struct debug_break *debug_break_at(const struct debug *debug, const struct vcpu *vcpu, uint64_t pc,
					 enum debug_kind kind);
bool debug_has_watch(const struct debug *debug);

/* ---- debug_mem.c: memory, with what breakpoints hide ---- */

/* Guest physical. ERR_RANGE: not all of it is RAM. */
enum err debug_read_physical(const struct debug *debug, ipa_t at, void *to, size_t size);
enum err debug_write_physical(struct debug *debug, ipa_t at, const void *from, size_t size);
/* Virtual, through the tables of a vCPU that rests. How many bytes could be had from the start. */
size_t debug_read(const struct debug *debug, unsigned int cpu, uint64_t address, void *to, size_t size);
size_t debug_write(struct debug *debug, unsigned int cpu, uint64_t address, const void *from, size_t size);
/* Where a virtual address leads. False: nowhere. */
bool debug_translate(const struct debug *debug, const struct vcpu *vcpu, uint64_t address, ipa_t *out);

/* ---- debug.c: registers of one vCPU for who does not stop the others ---- */

/* The vCPU rests until debug_give. */
struct vcpu *debug_borrow(struct debug *debug, unsigned int cpu);
void debug_give(struct debug *debug, unsigned int cpu);
bool debug_is_off(const struct debug *debug, unsigned int cpu);
