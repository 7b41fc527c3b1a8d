/* How much the hypervisor holds and does at a time. The preset `hostile` makes all of it tiny, so that every queue runs
 * over, every long operation goes in pieces of one, and memory fails; the presets `hostile` and `debug` look after
 * themselves all the time. Nothing else asks which preset it is. */
#pragma once

#if defined(HOSTILE)
#define LIMIT(usual, hostile) hostile
#else
#define LIMIT(usual, hostile) usual
#endif

/* ---- what is held ---- */

#define VCPU_MAIL_OTHERS LIMIT(48u, 2u)   /* virtual interrupts from other CPUs, beside those of bound irqs */
#define LIST_REGISTERS_MAX LIMIT(16u, 1u) /* of the hardware's, how many are used */
#define VMID_COUNT LIMIT(256u, 40u)       /* 0 belongs to nobody; more than two for each CPU */
#define SMMU_EVENT_BITS LIMIT(7u, 1u)     /* log2 of the events that an SMMU keeps for us: a page of them */
#define DMA_ID_COUNT LIMIT(256u, 8u)      /* DMA domains that are bound to streams, at a time; 0 is nobody's */
#define THREADS_MAX LIMIT(256u, 32u)      /* of a task */
#define MAPPINGS_MAX LIMIT(4096u, 1024u)  /* of a space */
#define WATCHERS_MAX LIMIT(256u, 4u)      /* of an object */
#define EXTENTS_MAX LIMIT(1024u, 8u)      /* work of one create; more means that memory is too fragmented */
#define STREAMS_MAX LIMIT(1024u, 8u)      /* of devices, bound to DMA domains */
#define SLICE_DEPTH_MAX LIMIT(8u, 2u)     /* slices of slices */

/* ---- pieces of long work, between two looks for interrupts ---- */

#define CLEAR_STEP LIMIT(0x200000ull, 0x1000ull) /* bytes zeroed through one window; looks after each page, too */
#define MAP_BUDGET LIMIT(16u, 1u)                /* entries written */
#define REAP_MAPPINGS LIMIT(32u, 1u)             /* entries of a dead dataspace unmapped */
#define REAP_CAPS LIMIT(8u, 1u)                  /* slots of a dead task emptied */
#define REAP_STREAMS LIMIT(4u, 1u)               /* streams of a dead DMA domain detached */
#define REAP_TABLES LIMIT(8u, 1u)                /* tables of a dead space freed, or pieces of them looked at */
#define TIMEOUTS_AT_ONCE LIMIT(16u, 1u)          /* that fire in one interrupt; the next comes at once */
/* Each look finds that somebody waits, so the operation begins again in the middle. */
#define ALWAYS_INTERRUPTED LIMIT(false, true)

/* Guests whose vCPUs wait for each other in lock step take a turn of each for each step. */
#define TIME_SLICE_MS LIMIT(3u, 1u)

/* ---- failing ---- */

/* Of a quota that is no whole number of pages the rest says: each so many-th thing that is charged to it fails. */
#define QUOTAS_FAIL LIMIT(false, true)

/* ---- checks ---- */

/* Does the hypervisor look at all that must hold (check.h), and how often is it left between two looks? */
#if defined(DEBUG)
#define CHECKS true
#else
#define CHECKS false
#endif
#define CHECK_EVERY 16u
