/* What the wild guest does, by the words on its command line: "ignore" or "inject" says which fault mode it runs under. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether accesses to nothing come back as external aborts. */
extern bool wild_injects;

/* The same numbers on every run. */
uint64_t wild_random(void);

/* Runs one instruction with `value` in x0 and returns x0. */
uint64_t wild_run(uint32_t instruction, uint64_t value);

void wild_lost_cpu(void); /* another CPU is started where no code is, and loops in exceptions from then on */
void wild_decode(void);   /* loads and stores that come without a syndrome, against the same on memory */
void wild_stray(void);    /* where nothing is, and at device registers in ways they do not take */
void wild_sysregs(void);
void wild_calls(void);
void wild_tables(void);          /* garbage in stage-1 tables */
void wild_storm(void);           /* interrupts, WFI, WFE */
void wild_end(const char *word); /* one thing that ends the VM, or this CPU */
