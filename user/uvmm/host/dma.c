/* The VM's DMA domain: where its devices find guest RAM. From the bus (`vbus`) or a capability `dma`; a VM without one
 * never learns a physical address. Manual: docs/memory.md. */
#include "host/host.h"

#include <stdlib.h>

_Static_assert((int)DMA_NONE == L4_DMA_NONE && (int)DMA_TRANSLATING == L4_DMA_TRANSLATING &&
		       (int)DMA_PHYSICAL == L4_DMA_PHYSICAL,
	       "kinds are numbered as in the ABI");

/* A domain of our own factory, which the bus binds its devices to. */
static enum err take_from_bus(struct host *host)
{
	unsigned int kind;
	enum err err = l4_slot_alloc(&host->dma.space);

	if (err == OK)
		err = l4_factory_create_dma_space(host->factory, host->dma.space);
	if (err == OK)
		err = host_vbus_assign_dma(host, host->dma.space, &kind);
	if (err != OK)
		return report_fail(
			&host->report, err,
			"the devices of the bus \"vbus\" get no DMA domain: %s; a larger quota for the VM's factory, "
			"or another bus, may help",
			l4_err_text(err));
	return OK;
}

static enum err look(struct host *host, const char *name)
{
	uint32_t kind;
	enum err err = l4_space_dma_info(host->dma.space, &kind, &host->dma.limit);

	if (err != OK)
		return report_fail(&host->report, err,
				   "the capability \"%s\" is no DMA domain: %s; make it with "
				   "L4.Env.user_factory:create(L4.Proto.Dma_space)",
				   name, l4_err_text(err));
	host->dma.kind = (enum dma_kind)kind;
	return OK;
}

/* It outlives us: what the VM before had mapped goes, so that all of it can be mapped again. */
static enum err empty(struct host *host)
{
	enum err err = l4_space_unmap(host->dma.space, 0, host->dma.limit);

	if (err != OK)
		return report_fail(&host->report, err,
				   "the DMA domain \"dma\" cannot be emptied: %s; give it with the right w",
				   l4_err_text(err));
	return OK;
}

enum err host_dma_open(struct host *host)
{
	bool has_bus = host->vbus.info.dma_kind != L4_DMA_NONE;
	enum err err;

	if (l4_env_cap("dma", &host->dma.space) != OK) {
		if (!has_bus)
			return OK;
		err = take_from_bus(host);
		return err == OK ? look(host, "vbus") : err;
	}
	if (has_bus)
		return report_fail(&host->report, ERR_EXIST,
				   "both \"dma\" and \"vbus\" bring a DMA domain, and a VM has one; leave out \"dma\"");
	err = look(host, "dma");
	return err == OK ? empty(host) : err;
}

/* The physical address of an offset, and how much is together there. It is mapped by that. */
static enum err find_extent(struct host *host, const struct host_ram *ram, uint64_t offset, struct ram_extent *out)
{
	out->address = 0;
	out->size = ram->size - offset;
	return l4_space_dma_map(host->dma.space, ram->dataspace, offset, &out->address, &out->size,
				L4_MAP_R | L4_MAP_W);
}

static enum err fail_map(struct host *host, const char *cap, uint64_t address, enum err err)
{
	return report_fail(
		&host->report, err,
		"the dataspace \"%s\" cannot be mapped for DMA at %#llx: %s; a larger quota for who made the DMA "
		"domain may help",
		cap, (unsigned long long)address, l4_err_text(err));
}

enum err host_dma_find(struct host *host, const char *cap, struct host_ram *ram, struct ram_source *out)
{
	uint64_t offset = 0;
	size_t count = 0;

	if (host->dma.kind != DMA_PHYSICAL)
		return OK;
	while (offset < ram->size) {
		struct ram_extent *grown = realloc(ram->extent, (count + 1) * sizeof *grown);
		enum err err;

		if (!grown)
			return report_fail(&host->report, ERR_NOMEM, "no memory for the physical pieces of \"%s\"",
					   cap);
		ram->extent = grown;
		err = find_extent(host, ram, offset, &grown[count]);
		if (err != OK)
			return fail_map(host, cap, 0, err);
		offset += grown[count++].size;
	}
	out->extent = ram->extent;
	out->extent_count = count;
	return OK;
}

enum err host_dma_map(struct host *host, const struct host_ram *ram, const struct ram_piece *piece)
{
	uint64_t address = piece->dma, size = piece->size;
	enum err err;

	if (host->dma.kind != DMA_TRANSLATING)
		return OK;
	err = l4_space_dma_map(host->dma.space, ram->dataspace, piece->offset, &address, &size, L4_MAP_R | L4_MAP_W);
	return err == OK ? OK : fail_map(host, host->plan.source[piece->source].cap, address, err);
}
