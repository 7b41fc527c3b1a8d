/* What the files of the PSCI guest share: calls that are checked, by the ids that the tree's node means. [PSCI] */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../machine.h"
#include "../psci.h"

/* Long enough for four vCPUs that take turns on one emulated CPU. */
#define PATIENCE_US 20000000

#define SMCCC_64BIT (1u << 30)

/* The functions that PSCI 0.1 has too, there with the ids of the node. */
struct functions {
	uint32_t cpu_suspend, cpu_off, cpu_on;
	bool is_v01;
};
extern struct functions functions;

typedef void (*conduit)(uint64_t x[18]);
/* The one that the tree names, and the other one. */
conduit this_conduit(void);
conduit other_conduit(void);

/* Makes the call and reports whether x0 is as expected, as a 32-bit number, and all other registers are as they were. */
bool check_call(conduit call, uint32_t function, uint64_t a, uint64_t b, uint64_t c, int32_t expected,
		const char *sentence);

/* What a refusal is: 0.1 knows no other code than INVALID_PARAMETERS. */
int32_t refusal(int32_t code);

/* CPU_ON by the node's id: what(cpu) runs there, and ends in cpu_leave(). */
int32_t cpu_launch(unsigned int cpu, void (*what)(unsigned int cpu));
/* CPU_OFF by the node's id. */
_Noreturn void cpu_leave(void);
bool cpu_wait_off(unsigned int cpu);

/* CPU_SUSPEND for power-down. True: it came back at its entry. */
struct woken {
	uint64_t context, sctlr, daif, el, cntv_ctl, sp;
};
bool power_down(const struct woken **out_woken);

void check_answers(void); /* answers.c: what needs one CPU and no waiting */
void check_cpus(void);    /* cpus.c: CPUs on and off */
void check_suspend(void); /* suspend.c */
