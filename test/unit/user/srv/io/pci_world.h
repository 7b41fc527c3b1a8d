/* A machine for tests of PCI: configuration spaces that answer as hardware does, routed by the registers of bridges.
 * A function may be made wrong in any way, since its registers, what of them can be written and what writes do are data.
 */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/srv/io/logic_pci.h"

#define ECAM 0x4010000000ull
#define WORLD_FUNCTIONS 300
#define WORLD_TEXT 8192

struct fake {
	struct fake *parent; /* the bridge it is behind */
	unsigned int slot, function;
	uint8_t config[4096];
	uint8_t write[4096]; /* bits that keep what is written */
	uint8_t clear[4096]; /* bits that a written 1 clears */
	unsigned int express, power, acs;
	unsigned int resets;
	unsigned int writes; /* all, to any register */
	unsigned int reset_takes_ms;
	bool is_deaf;            /* answers all ones, and takes writes */
	unsigned int gone_ms;    /* answers all ones so long */
	bool answers_everywhere; /* at each slot of its bus */
	bool was_sized_decoding; /* a BAR was all ones while memory was answered */
};

struct world {
	struct io_machine machine;
	struct fake *fake[WORLD_FUNCTIONS];
	unsigned int fake_count;
	unsigned int waited_ms;
	unsigned int outside; /* accesses that are none of configuration space */
	unsigned int bus_first, bus_count;
	char said[WORLD_TEXT];
};

static inline uint32_t fake_get(const struct fake *f, unsigned int reg, unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint32_t)f->config[reg + i] << 8 * i;
	return value;
}

static inline void fake_put(struct fake *f, unsigned int reg, unsigned int width, uint32_t value)
{
	for (unsigned int i = 0; i < width; i++)
		f->config[reg + i] = (uint8_t)(value >> 8 * i);
}

static inline void fake_may_write(struct fake *f, unsigned int reg, unsigned int width, uint32_t mask)
{
	for (unsigned int i = 0; i < width; i++)
		f->write[reg + i] = (uint8_t)(mask >> 8 * i);
}

static inline struct fake *world_bridge_of(struct world *w, struct fake *parent, unsigned int bus, bool *out_found)
{
	*out_found = bus == w->bus_first && parent == NULL;
	if (*out_found)
		return NULL;
	for (unsigned int i = 0; i < w->fake_count; i++) {
		struct fake *f = w->fake[i];
		unsigned int secondary = f->config[PCI_BUSES + 1], subordinate = f->config[PCI_BUSES + 2];

		if (f->parent != parent || (f->config[PCI_HEADER_TYPE] & 0x7f) != 1 || bus < secondary ||
		    bus > subordinate || secondary == 0)
			continue;
		*out_found = true;
		return bus == secondary ? f : world_bridge_of(w, f, bus, out_found);
	}
	return NULL;
}

static inline struct fake *world_find(struct world *w, uint64_t address)
{
	uint64_t offset = address - ECAM;
	unsigned int bus = w->bus_first + (unsigned int)(offset >> 20), slot = (offset >> 15) & 31,
		     fn = (offset >> 12) & 7;
	struct fake *parent;
	bool found;

	if (address < ECAM || offset >> 20 >= w->bus_count) {
		w->outside++;
		return NULL;
	}
	parent = world_bridge_of(w, NULL, bus, &found);
	for (unsigned int i = 0; found && i < w->fake_count; i++) {
		struct fake *f = w->fake[i];

		if (f->parent == parent && f->function == fn && (f->slot == slot || f->answers_everywhere))
			return f;
	}
	return NULL;
}

static inline uint32_t world_read(void *context, uint64_t address, unsigned int width)
{
	struct fake *f = world_find(context, address);
	uint32_t ones = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;

	assert(address % width == 0);
	return f == NULL || f->is_deaf || f->gone_ms != 0 ? ones : fake_get(f, address & 0xfff, width);
}

static inline void fake_reset(struct fake *f)
{
	f->resets++;
	f->gone_ms = f->reset_takes_ms;
	fake_put(f, PCI_COMMAND, 2, 0);
	for (unsigned int reg = PCI_BAR; reg < PCI_BAR + 4 * PCI_BARS; reg++)
		f->config[reg] &= (uint8_t)~f->write[reg];
	if (f->acs != 0)
		fake_put(f, f->acs + PCI_ACS_CONTROL, 2, 0);
}

static inline void fake_note(struct fake *f, unsigned int old_state)
{
	unsigned int state = f->power != 0 ? f->config[f->power + PCI_PM_CONTROL] & 3u : 0;

	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (fake_get(f, PCI_BAR + 4 * i, 4) >= 0xff000000u && f->write[PCI_BAR + 4 * i + 3] == 0xff &&
		    (f->config[PCI_COMMAND] & PCI_COMMAND_MEMORY) != 0)
			f->was_sized_decoding = true;
	if (old_state == 3 && state == 0 && (f->config[f->power + PCI_PM_CONTROL] & PCI_PM_KEEPS_STATE) == 0)
		fake_reset(f);
	if (f->express != 0 && (f->config[f->express + PCI_EXP_CONTROL + 1] & 0x80) != 0) {
		f->config[f->express + PCI_EXP_CONTROL + 1] &= 0x7f;
		fake_reset(f);
	}
}

static inline void world_write(void *context, uint64_t address, unsigned int width, uint32_t value)
{
	struct fake *f = world_find(context, address);
	unsigned int reg = address & 0xfff, old_state;

	assert(address % width == 0);
	if (f == NULL || f->gone_ms != 0)
		return;
	f->writes++;
	old_state = f->power != 0 ? f->config[f->power + PCI_PM_CONTROL] & 3u : 0;
	for (unsigned int i = 0; i < width; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i), may = f->write[reg + i];

		f->config[reg + i] =
			(uint8_t)((f->config[reg + i] & ~may & ~(byte & f->clear[reg + i])) | (byte & may));
	}
	fake_note(f, old_state);
}

static inline bool world_map(void *context, uint64_t address, uint64_t size)
{
	(void)context;
	return address == ECAM && size != 0;
}

static inline void world_wait(void *context, unsigned int ms)
{
	struct world *w = context;

	w->waited_ms += ms;
	for (unsigned int i = 0; i < w->fake_count; i++)
		w->fake[i]->gone_ms -= w->fake[i]->gone_ms < ms ? w->fake[i]->gone_ms : ms;
}

static inline void world_say(void *context, const char *text)
{
	struct world *w = context;
	size_t used = strlen(w->said);

	(void)snprintf(w->said + used, sizeof(w->said) - used, "%s\n", text);
}

static inline void world_init(struct world *w)
{
	*w = (struct world){.bus_count = 256};
	w->machine.irq_end = 288;
	w->machine.say = world_say;
	w->machine.context = w;
	w->machine.map = world_map;
	w->machine.read = world_read;
	w->machine.write = world_write;
	w->machine.wait = world_wait;
}

static inline void world_end(struct world *w)
{
	io_pci_end(&w->machine);
	io_machine_end(&w->machine);
	for (unsigned int i = 0; i < w->fake_count; i++)
		free(w->fake[i]);
}

/* ---- functions ---- */

static inline struct fake *world_add(struct world *w, struct fake *parent, unsigned int slot, unsigned int function,
				     uint32_t id, uint32_t class_code)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert(f != NULL);
	assert(w->fake_count < WORLD_FUNCTIONS);
	w->fake[w->fake_count++] = f;
	f->parent = parent;
	f->slot = slot;
	f->function = function;
	fake_put(f, PCI_ID, 4, id);
	fake_put(f, PCI_CLASS, 4, class_code << 8 | 1);
	fake_may_write(f, PCI_COMMAND, 2, 0x0547);
	f->clear[PCI_STATUS + 1] = 0xf9;
	f->write[PCI_CACHE_LINE] = 0xff;
	f->write[PCI_LINE] = 0xff;
	return f;
}

/* id: product << 16 | vendor */
static inline struct fake *world_add_device(struct world *w, unsigned int slot, uint32_t id, uint32_t class_code)
{
	return world_add(w, NULL, slot, 0, id, class_code);
}

static inline void fake_bar(struct fake *f, unsigned int index, uint64_t size, uint32_t flags)
{
	uint64_t mask = ~(size - 1);

	fake_put(f, PCI_BAR + 4 * index, 4, flags);
	fake_may_write(f, PCI_BAR + 4 * index, 4, (uint32_t)mask & ((flags & 1) != 0 ? ~3u : ~15u));
	if ((flags & PCI_BAR_TYPE) == PCI_BAR_TYPE_64 && (flags & 1) == 0)
		fake_may_write(f, PCI_BAR + 4 * index + 4, 4, (uint32_t)(mask >> 32));
}

static inline uint64_t fake_bar_at(const struct fake *f, unsigned int index)
{
	uint32_t low = fake_get(f, PCI_BAR + 4 * index, 4);
	uint64_t at = low & ~15u;

	if ((low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64)
		at |= (uint64_t)fake_get(f, PCI_BAR + 4 * index + 4, 4) << 32;
	return at;
}

/* A capability in front of those before. */
static inline void fake_cap(struct fake *f, unsigned int at, unsigned int id)
{
	fake_put(f, at, 2, id | (uint32_t)f->config[PCI_LIST] << 8);
	f->config[PCI_LIST] = (uint8_t)at;
	f->config[PCI_STATUS] |= PCI_STATUS_HAS_LIST;
}

static inline void fake_power(struct fake *f, unsigned int at, bool keeps_state)
{
	fake_cap(f, at, PCI_CAP_PM);
	f->power = at;
	f->config[at + 2] = 3;
	f->config[at + PCI_PM_CONTROL] = keeps_state ? 8 : 0;
	fake_may_write(f, at + PCI_PM_CONTROL, 2, 0x0103);
	f->clear[at + PCI_PM_CONTROL + 1] = 0x80;
}

static inline void fake_express(struct fake *f, unsigned int at, unsigned int type, bool has_flr)
{
	fake_cap(f, at, PCI_CAP_EXPRESS);
	f->express = at;
	fake_put(f, at + PCI_EXP_FLAGS, 2, 2 | type << 4);
	fake_put(f, at + PCI_EXP_DEVICE, 4, has_flr ? PCI_EXP_DEVICE_HAS_FLR : 0);
	fake_may_write(f, at + PCI_EXP_CONTROL, 2, 0xffff);
	fake_put(f, at + PCI_EXP_CONTROL, 2, 0x2810);
	f->clear[at + PCI_EXP_STATUS] = 0x0f;
}

/* The first extended capability, able to redirect everything. */
static inline void fake_acs(struct fake *f)
{
	f->acs = 0x100;
	fake_put(f, f->acs, 4, 0x0001000d);
	fake_put(f, f->acs + PCI_ACS_CAPS, 2, PCI_ACS_APART);
	fake_may_write(f, f->acs + PCI_ACS_CONTROL, 2, PCI_ACS_APART);
}

static inline struct fake *world_add_bridge(struct world *w, struct fake *parent, unsigned int slot,
					    unsigned int express_type)
{
	struct fake *f = world_add(w, parent, slot, 0, 0x000c1b36, 0x060400);

	f->config[PCI_HEADER_TYPE] = 1;
	fake_may_write(f, PCI_BUSES, 4, 0x00ffffff);
	fake_may_write(f, PCI_BRIDGE_IO, 2, 0xf0f0);
	fake_may_write(f, PCI_BRIDGE_LOW, 4, 0xfff0fff0);
	fake_put(f, PCI_BRIDGE_HIGH, 4, 0x00010001);
	fake_may_write(f, PCI_BRIDGE_HIGH, 4, 0xfff0fff0);
	fake_may_write(f, PCI_BRIDGE_HIGH_BASE, 4, UINT32_MAX);
	fake_may_write(f, PCI_BRIDGE_HIGH_LIMIT, 4, UINT32_MAX);
	if (express_type != 0)
		fake_express(f, 0x40, express_type, false);
	return f;
}

/* ---- the host bridge ---- */

/* As QEMU's virt has it, without tree: windows of memory, lines 3 to 6, one SMMU. */
static inline struct io_pci_bridge *world_host(struct world *w)
{
	struct io_pci_bridge *host = calloc(1, sizeof(*host));

	assert(host != NULL);
	host->machine = &w->machine;
	host->name = strdup("/pcie@10000000");
	host->config = (struct io_range){ECAM, (uint64_t)w->bus_count << 20};
	host->bus_first = w->bus_first;
	host->bus_last = w->bus_first + w->bus_count - 1;
	host->window[0] = (struct pci_window){.bus = 0x10000000, .cpu = 0x10000000, .size = 0x2eff0000};
	host->window[1] = (struct pci_window){.bus = 0x8000000000, .cpu = 0x8000000000, .size = 0x8000000000};
	host->window_count = 2;
	host->line_mask = 0x1800;
	host->pin_mask = 7;
	for (unsigned int slot = 0; slot < 4; slot++)
		for (unsigned int pin = 1; pin <= 4; pin++)
			host->line[host->line_count++] = (struct pci_line){.address = slot << 11,
									   .pin = pin,
									   .is_usable = true,
									   .intid = 35 + (slot + pin - 1) % 4,
									   .mode = L4_IRQ_MODE_LEVEL};
	host->stream_mask = 0xffff;
	host->streams[0] = (struct pci_streams){.count = 0x10000, .is_usable = true};
	host->streams_count = 1;
	host->next = w->machine.bridge;
	w->machine.bridge = host;
	return host;
}

static inline struct pci_function *host_find(const struct io_pci_bridge *host, unsigned int bus, unsigned int slot,
					     unsigned int function)
{
	for (unsigned int i = 0; i < host->function_count; i++)
		if (host->function[i]->bus == bus && host->function[i]->slot == slot &&
		    host->function[i]->function == function)
			return host->function[i];
	return NULL;
}
