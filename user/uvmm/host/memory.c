/* Guest RAM: the dataspace `ram` in our own space and in the guest's, eagerly. */
#include "host/host.h"

enum err host_memory_open(struct host *host)
{
	struct l4_dataspace_info info;
	void *view;
	enum err err = l4_env_need("ram", "the guest's memory", &host->ram);

	if (err != OK)
		return err;
	err = l4_dataspace_info(host->ram, &info);
	if (err != OK)
		return report_fail(&host->report, err, "capability \"ram\" is no dataspace: %s", l4_err_text(err));
	host->ram_size = info.size & ~(L4_PAGE_SIZE - 1);
	if (host->ram_size == 0)
		return report_fail(&host->report, ERR_INVAL, "the dataspace \"ram\" is empty: create it larger");
	err = l4_attach(host->ram, 0, host->ram_size, L4_MAP_R | L4_MAP_W, &view);
	if (err != OK)
		return report_fail(&host->report, err,
				   "the dataspace \"ram\" (%s) cannot be mapped: %s; pass it with the rights \"rw\"",
				   REPORT_SIZE(host->ram_size), l4_err_text(err));
	host->ram_view = view;
	return OK;
}

static enum err map_piece(struct host *host, const struct ram_piece *piece)
{
	enum err err = guest_mem_add(&host->mem, piece->base, piece->size, host->ram_view + piece->offset);

	if (err == OK)
		err = l4_space_map(host->vm_space, host->ram, piece->offset, piece->base.v, piece->size,
				   L4_MAP_R | L4_MAP_W | L4_MAP_X);
	if (err != OK)
		return report_fail(&host->report, err, "%s of RAM cannot be mapped for the guest at 0x%llx: %s",
				   REPORT_SIZE(piece->size), (unsigned long long)piece->base.v, l4_err_text(err));
	return OK;
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
