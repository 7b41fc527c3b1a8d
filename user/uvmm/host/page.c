/* Register pages of models that the guest reads without an exit (model/register_page.h): a page of the VM's memory each, with nothing
 * else in it, and in the guest's space only for reading.
 *
 * The guest's own attributes for a device are stronger than those of the page here: it reads past the caches, so what is set is cleaned
 * to memory before the guest is told. It writes nothing that could be lost there. [ARM Mismatched memory attributes]
 */
#include "host/host.h"

static bool show(void *context, bool shown)
{
	const struct host_page *page = context;
	struct host *host = page->host;
	struct host_vcpu *self = host_vcpu_self();

	/* Without memory for it the guest reads by exits, as ever. */
	if (shown)
		return l4_space_map(host->vm_space, page->dataspace, 0, page->at, REGISTER_PAGE_SIZE, L4_MAP_R) == OK;
	if (l4_space_unmap(host->vm_space, page->at, REGISTER_PAGE_SIZE) != OK) {
		host_say(host, "error: the hypervisor does not unmap the guest's device registers at 0x%llx",
			 (unsigned long long)page->at);
		host_end(host, HOST_END_ERROR, self ? self->vcpu : &host->vm.vcpu[0]);
	}
	return false;
}

static void publish(void *context, size_t size)
{
	const struct host_page *page = context;

	l4_cache_clean(page->view, size);
}

enum err host_page_create(struct host *host, uint64_t at, struct host_page *page, struct register_page *out)
{
	enum err err = l4_slot_alloc(&page->dataspace);

	page->host = host;
	page->at = at;
	if (err == OK)
		err = l4_factory_create_dataspace(host->factory, page->dataspace, REGISTER_PAGE_SIZE, 0, 0);
	if (err == OK)
		err = l4_attach(page->dataspace, 0, REGISTER_PAGE_SIZE, L4_MAP_R | L4_MAP_W, &page->view);
	if (err == OK)
		*out = (struct register_page){
			.word = page->view,
			.context = page,
			.show = at % L4_PAGE_SIZE == 0 ? show : NULL,
			.publish = publish,
		};
	return err;
}
