/* The parts of io that make system calls: clients of buses, configuration space, the script. */
#pragma once

#include <l4/invoke.h>

#include "user/srv/io/logic.h"

#define ECAMS_MAX 16u

/* The client of a bus, if it has one. */
struct client {
	struct io_bus *bus;
	uint32_t gate;
	uint32_t number; /* how many there were, this one included */
	uint32_t death;  /* our irq that tells its end; 0: there is no client */
	uint32_t dma;    /* its DMA space; 0: none */
	bool is_quiet;   /* nobody had the bus since its devices were made quiet */
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
/* Make what clients get of registers, whole pages. */
enum err client_make_window(const struct server *server, struct io_resource *resource);
/* The client is dead: its devices do nothing any more before its memory is let go. */
void client_end(struct server *server, struct client *client);
