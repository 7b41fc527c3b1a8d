/* Guest RAM: its dataspaces in our own space, in the guest's and in that of DMA, eagerly. */
#include "host/host.h"

#include <stdio.h>

/* What is left of the VM's quota, when that is what was missing. */
#define LEFT_MAX 120
static const char *left(struct host *host, enum err err, char text[static LEFT_MAX])
{
	struct l4_factory_info info;

	text[0] = 0;
	if (err == ERR_NOMEM && l4_factory_info(host->factory, &info) == OK)
		snprintf(text, LEFT_MAX,
			 ": the VM's factory has %s left of %s, %s are free in the machine; give it more",
			 REPORT_SIZE(info.quota - info.used), REPORT_SIZE(info.quota), REPORT_SIZE(info.machine_free));
	return text;
}
#define LEFT(host, err) left((host), (err), (char[LEFT_MAX]){0})

static enum err fail_open(struct host *host, const char *cap, enum err err)
{
	return report_fail(&host->report, err,
			   "the capability \"%s\" is no dataspace for RAM: %s; make it with "
			   "L4.Env.user_factory:create(L4.Proto.Dataspace, ...)",
			   cap, l4_err_text(err));
}

/* In our own space, whole: what is loaded, and the debugger's view. */
static enum err attach(struct host *host, const char *cap, struct host_ram *ram)
{
	void *view;
	enum err err = l4_attach(ram->dataspace, 0, ram->size, L4_MAP_R | L4_MAP_W, &view);

	if (err == ERR_NOMEM)
		return report_fail(&host->report, err, "the dataspace \"%s\" (%s) cannot be mapped: %s%s", cap,
				   REPORT_SIZE(ram->size), l4_err_text(err), LEFT(host, err));
	if (err != OK)
		return report_fail(&host->report, err,
				   "the dataspace \"%s\" (%s) cannot be mapped: %s; pass it with the rights \"rw\"",
				   cap, REPORT_SIZE(ram->size), l4_err_text(err));
	ram->view = view;
	return OK;
}

/* What a guest before wrote is never seen by the next, unless the script says so. */
static enum err clear(struct host *host, const char *cap, const struct host_ram *ram)
{
	enum err err = host->options.keep_ram ? OK : l4_dataspace_clear(ram->dataspace, 0, ram->size);

	if (err != OK)
		return report_fail(
			&host->report, err,
			"the dataspace \"%s\" cannot be cleared: %s; pass it with the rights \"rw\", or start uvmm "
			"with --keep-ram",
			cap, l4_err_text(err));
	return OK;
}

static enum err open_ram(void *ctx, const char *cap, size_t source, struct ram_source *out, struct report *report)
{
	struct host *host = ctx;
	struct host_ram *ram = &host->ram[source];
	struct l4_dataspace_info info;
	enum err err = l4_env_cap(cap, &ram->dataspace);

	(void)report; /* the host's own */
	if (err != OK)
		return err;
	err = l4_dataspace_info(ram->dataspace, &info);
	if (err == OK && (info.map_flags & L4_MAP_DEVICE) != 0)
		err = ERR_INVAL;
	if (err != OK)
		return fail_open(host, cap, err == ERR_NOENT ? ERR_INVAL : err);
	ram->size = info.size & ~(L4_PAGE_SIZE - 1);
	*out = (struct ram_source){.cap = cap, .size = ram->size};
	if (ram->size == 0)
		return OK; /* the plan refuses it by name */
	err = clear(host, cap, ram);
	if (err == OK)
		err = attach(host, cap, ram);
	if (err == OK)
		err = host_dma_find(host, cap, ram, out);
	return err;
}

struct boot_memory host_memory(struct host *host)
{
	return (struct boot_memory){
		.open = open_ram,
		.ctx = host,
		.dma = host->dma.kind,
		.dma_limit = host->dma.limit,
	};
}

static enum err map_piece(struct host *host, const struct ram_piece *piece)
{
	const struct host_ram *ram = &host->ram[piece->source];
	enum err err = guest_mem_add(&host->mem, piece->base, piece->size, ram->view + piece->offset);

	if (err == OK)
		err = l4_space_map(host->vm_space, ram->dataspace, piece->offset, piece->base.v, piece->size,
				   L4_MAP_R | L4_MAP_W | L4_MAP_X);
	if (err != OK)
		return report_fail(&host->report, err, "%s of RAM cannot be mapped for the guest at 0x%llx: %s%s",
				   REPORT_SIZE(piece->size), (unsigned long long)piece->base.v, l4_err_text(err),
				   LEFT(host, err));
	return host_dma_map(host, ram, piece);
}

enum err host_memory_map(struct host *host)
{
	for (size_t i = 0; i < host->plan.layout.piece_count; i++) {
		enum err err = map_piece(host, &host->plan.layout.piece[i]);

		if (err != OK)
			return err;
	}
	return OK;
}
