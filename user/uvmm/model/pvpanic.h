/* pvpanic, the device by which a guest's kernel tells that it panicked [PVPANIC]. Pure.
 *
 *	pvpanic-mmio@9060000 {
 *		compatible = "qemu,pvpanic-mmio";
 *		reg = <0x0 0x09060000 0x0 0x2>;
 *	};
 */
#pragma once

#include "model/bus.h"

#define PVPANIC_SIZE 2u
#define PVPANIC_VERSION 1u

/* Bits of the one register. */
#define PVPANIC_PANICKED 1u
#define PVPANIC_CRASH_LOADED 2u /* the guest panicked and its own crash kernel takes over */

struct pvpanic_state {
	uint32_t version;
	uint32_t seen; /* events that were written since reset */
};

struct pvpanic_port {
	void *context;
	void (*panicked)(void *context, bool crash_loaded);
};

struct pvpanic {
	struct pvpanic_state state;
	struct pvpanic_port port;
};

void pvpanic_init(struct pvpanic *device, const struct pvpanic_port *port);

enum mmio_result pvpanic_access(void *device, struct mmio_access *access);
