/* The parts of io that make system calls: clients of buses, configuration space, the machine's power, the script. */
#pragma once

#include <l4/invoke.h>

#include "user/srv/io/logic.h"
#include "user/srv/io/logic_power.h"

#define ECAMS_MAX 16u

/* The client of a bus, if it has one. */
struct client {
	struct io_bus *bus;
	uint32_t gate;
	uint32_t number; /* how many there were, this one included */
	uint32_t death;  /* our irq that tells its end; 0: there is no client */
	uint32_t dma;    /* its DMA space; 0: none */
	bool is_quiet;   /* nobody had the bus since its devices were made quiet */
	/* As a holder of inhibitors. */
	uint32_t listener; /* how many there were, this one included */
	uint32_t life;     /* our irq that tells its end; 0: nobody listens */
	uint32_t events;   /* its irq */
};

/* A mapped window of configuration space. */
struct ecam {
	uint64_t base, size;
	volatile uint8_t *at;
};

struct server {
	struct io_machine machine;
	uint32_t icu, mmio, iommu, factory;
	struct client client[IO_BUSSES_MAX];
	struct ecam ecam[ECAMS_MAX];
	unsigned int ecam_count;
	struct io_fault_log faults;
	uint32_t fault_irq; /* tells of refused accesses */
	struct io_power power;
	uint32_t platform; /* the machine; 0: its power is not ours */
	uint32_t limit_irq;
};

struct answer {
	unsigned int words, caps;
};

/* ---- host.c ---- */

/* Fill in how the machine's configuration space is read. */
void host_config_space(struct server *server);
/* The next fault that the IOMMU has; false: none. */
bool host_next_fault(struct server *server, struct io_fault *out);

/* ---- client.c ---- */

/* Answer a call at the bus' gate. `death` is the badge that its death is told with, if this call makes it the client. */
struct answer client_serve(struct server *server, struct client *client, struct l4_msg *msg, uint64_t death);
/* Our irq that comes with that badge when the sign dies. */
enum err client_watch(const struct server *server, uint32_t sign, uint64_t badge, uint32_t *out_irq);
/* Make what clients get of registers, whole pages. */
enum err client_make_window(const struct server *server, struct io_resource *resource);
/* The client is dead: its devices do nothing any more before its memory is let go. */
void client_end(struct server *server, struct client *client);

/* ---- power.c ---- */

/* Once the buses are known. With capability `platform_ctl`, a gate, calls at it come with badge `gate`; `limit` is the badge
 * of the irq that wants power_tick. */
enum err power_open(struct server *server, uint64_t gate, uint64_t limit);
/* A call about inhibitors at the bus' gate. `death`: as for client_serve, of one that listens. */
struct answer power_serve_client(struct server *server, struct client *client, struct l4_msg *msg, uint64_t death);
/* A call of platform control. No words: it is answered later. */
struct answer power_serve_platform(struct server *server, struct l4_msg *msg);
/* Who listened is dead. */
void power_client_end(struct server *server, struct client *client);
/* Who had the bus when an io before us ran is dead. */
void power_client_gone(struct server *server, const struct client *client);
void power_tick(struct server *server);
/* Something is to be done as soon as no message is there any more. */
bool power_is_due(const struct server *server);
void power_act(struct server *server);
