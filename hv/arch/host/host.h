/* The machine behind hv/core on the host: memory, CPUs and devices that a test sets and looks at. */
#pragma once

#include <setjmp.h>

#include "core/iommu.h"
#include "core/sched.h"
#include "core/space.h"

#define HOST_LINES 128u
#define HOST_SMMUS_MAX 2u
#define HOST_STREAMS 64u /* of each SMMU */
#define HOST_FAULTS_MAX 4u
#define HOST_CONSOLE_MAX 4096u
#define HOST_START 100000u /* what the counter begins with */
#define HOST_OFF 1
#define HOST_RESET 2
#define HOST_RAM_BASE 0x40000000ull

struct host_line {
	bool enabled, level;
	bool pending, active; /* as the test sets them; a deactivation ends active */
	unsigned int cpu;
	unsigned int deactivations;
};

struct host {
	unsigned int cpu; /* which CPU the caller is */
	uint64_t now;     /* the counter, 1000 ticks a second */
	uint64_t timer[CPU_MAX];
	unsigned int ipis[CPU_MAX];
	uint64_t interrupt_every; /* every so many looks an interrupt is pending; 0: never */
	uint64_t interrupt_at;    /* and at this look; 0: never */
	uint64_t looks;
	uint32_t ticket[CPU_MAX];   /* of the last sleep that a CPU rested in */
	unsigned int sleeps;        /* times that the machine slept */
	uint64_t sleep_ticks;       /* how long it sleeps when nothing comes before */
	void (*meanwhile)(void);    /* what happens while other CPUs go to rest; NULL: nothing */
	void (*while_asleep)(void); /* what happens meanwhile; NULL: nothing */
	uint64_t kmem_fails_after;  /* so many more mappings of hv's own memory succeed; UINT64_MAX: all */
	struct host_line line[HOST_LINES];
	unsigned int smmus;                                 /* 0 after host_start */
	struct space *stream[HOST_SMMUS_MAX][HOST_STREAMS]; /* whose tables it walks */
	struct smmu_fault fault[HOST_FAULTS_MAX];
	unsigned int fault_count;
	char console[HOST_CONSOLE_MAX];
	size_t console_size;
	const char *input;
	bool listens;
	uint64_t vcpu_exits;
	jmp_buf *machine_end; /* where off and reset go, with HOST_OFF or HOST_RESET */

	unsigned char *ram; /* stands for physical memory from HOST_RAM_BASE on */
	uint64_t ram_size;
	void *ram_meta;
	uint64_t kmem_pages; /* mapped right now */
};

extern struct host host;

/* A machine with so many CPUs, all idle, and so many bytes of memory, all free and full of rubbish. */
void host_start(unsigned int cpus, uint64_t ram_size);
/* Its end. Everything that hv/core took must be back. */
void host_stop(void);
/* Memory behind a physical address. */
void *host_at(pa_t at);
/* An SMMU refuses an access. */
void host_refuse(const struct smmu_fault *fault);
/* Does a stream walk the tables of that space? */
bool host_has_stream(const struct space *space);
/* Do what the hypervisor does before it is left, on that CPU: inbox, due timeouts, scheduling, death. */
void host_settle(unsigned int cpu);
/* The same on all CPUs until none of them has anything to do. */
void host_settle_all(void);
