/* The GDB stub of a VM: the remote serial protocol over a stream of bytes [GDB Remote Protocol]. Pure.
 *
 * Threads are vCPUs, numbered from 1; all stop together. A connection begins with the packet qSupported, and the first
 * question what the VM does stops it. Reading, writing, breakpoints and steps go through struct debug.
 */
#pragma once

#include "debug/debug.h"
#include "debug/gdb_packet.h"

struct monitor;

/* Zero-initialise, then set the first two. */
struct gdb {
	struct debug *debug;
	struct monitor *monitor; /* for `monitor` commands; NULL: none */
	struct gdb_receiver in;
	struct text out;  /* to be sent; the owner consumes it */
	struct text last; /* the last packet, to be sent again */
	bool connected;
	bool running; /* it waits for a stop */
	bool knows_swbreak, knows_hwbreak;
	unsigned int cpu;  /* of registers and memory */
	unsigned int next; /* of qsThreadInfo */
};

/* Bytes that came. Answers go to gdb->out. */
void gdb_take(struct gdb *gdb, const void *data, size_t size);
/* After anything that may have stopped the VM: tell it if GDB waits for that. */
void gdb_look(struct gdb *gdb);
/* The VM ends with that code. */
void gdb_end(struct gdb *gdb, unsigned int code);

/* ---- gdb_query.c: packets q, Q and v but for vCont ---- */
void gdb_query(struct gdb *gdb, const char *packet, struct text *reply);
