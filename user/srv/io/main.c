/* io, the hardware server, as a program: one thread, a gate for each bus, and what of the machine its buses need.
 * Manual: docs/io.md.
 *
 * Capabilities: `dtb` (r): the host device tree. `icu` (rw), `mmio` (rw): interrupt lines and registers. `iommu` (rw):
 * the SMMUs, if there are any. `factory`. For each bus its gate (rws), under the name of the bus. `rom`: the scripts.
 * `state` (rw): memory that outlives io, zero at first. `platform_ctl` (rws): a gate for platform control, and `platform`
 * (rw), the hypervisor's: if the machine's power is to be io's.
 */
#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

#include "user/srv/io/config.h"
#include "user/srv/io/host.h"

/* Refused accesses taken between two looks at clients. */
#define FAULTS_AT_ONCE 16u
#define FAULTS_PAUSE_MS 2u

/* For holders of inhibitors, if the command line does not say. */
#define LIMIT_MS 10000u

#define BADGE_FAULT 1ull
#define BADGE_PLATFORM 2ull
#define BADGE_LIMIT 3ull
/* A bus' gate; deaths of its client and of who holds inhibitors there, with a number, so that an old one's is told. */
#define BADGE_BUS(index) (0x100ull + (index))
#define BADGE_DEATH(index, client) ((uint64_t)(client) << 16 | (0x200ull + (index)))
#define BADGE_LISTENER_DEATH(index, listener) ((uint64_t)(listener) << 16 | (0x300ull + (index)))
#define BADGE_INDEX(badge) ((unsigned int)((badge)&0xff))

static void say(void *context, const char *text)
{
	(void)context;
	l4_log(L4_LOG_INFO, "%s", text);
}

/* ---- start ---- */

static enum err read_tree(struct server *server)
{
	struct l4_dataspace_info info;
	char error[IO_ERROR] = "";
	uint32_t dtb;
	uint64_t irq_end = 0;
	void *tree;
	enum err err = l4_env_need("dtb", "the host device tree", &dtb);

	if (err == OK)
		err = l4_env_need("icu", "interrupts of devices", &server->icu);
	if (err == OK)
		err = l4_icu_info(server->icu, &irq_end);
	if (err == OK)
		err = l4_dataspace_info(dtb, &info);
	if (err == OK)
		err = l4_attach(dtb, 0, info.size, L4_MAP_R, &tree);
	if (err != OK)
		return err;
	err = io_tree_read(&server->machine, tree, info.size, (uint32_t)irq_end, error);
	if (err != OK)
		l4_log(L4_LOG_ERROR, "%s", error);
	else
		io_pci_scan(&server->machine);
	return err;
}

static enum err open_gates(struct server *server)
{
	for (unsigned int i = 0; i < server->machine.bus_count; i++) {
		const struct io_bus *bus = server->machine.bus[i];
		struct client *client = &server->client[i];

		if (l4_env_cap(bus->name, &client->gate) != OK) {
			l4_log(L4_LOG_ERROR,
			       "bus '%s' (%s): capability '%s', its gate, is missing; vmm.start_io{busses = {%s = "
			       "...}} makes it",
			       bus->name, bus->where, bus->name, bus->name);
			return ERR_NOENT;
		}
		client->bus = server->machine.bus[i];
	}
	return OK;
}

/* What the hypervisor keeps to itself is found out now, not when a client asks. */
static enum err make_windows(struct server *server)
{
	for (unsigned int i = 0; i < server->machine.bus_count; i++) {
		const struct io_bus *bus = server->machine.bus[i];

		for (unsigned int d = 0; d < bus->device_count; d++)
			for (unsigned int k = 0; k < bus->device[d]->resource_count; k++) {
				struct io_resource *r = &bus->device[d]->resource[k];
				enum err err = r->type == L4_VBUS_TYPE_MEM ? client_make_window(server, r) : OK;

				if (err == ERR_PERM) {
					l4_log(L4_LOG_ERROR,
					       "%s: %s: %s 0x%lx..0x%lx: these registers are the hypervisor's own",
					       bus->name, bus->device[d]->name, r->id, (unsigned long)r->base,
					       (unsigned long)(r->base + r->size - 1));
				}
				if (err != OK)
					return err;
			}
	}
	return OK;
}

static enum err open_faults(struct server *server)
{
	enum err err;

	if (server->iommu == 0)
		return OK;
	err = l4_slot_alloc(&server->fault_irq);
	if (err == OK)
		err = l4_factory_create_irq(server->factory, server->fault_irq);
	if (err == OK)
		err = l4_irq_bind_thread(server->fault_irq, L4_SLOT_SELF, BADGE_FAULT);
	if (err == OK)
		err = l4_iommu_bind_irq(server->iommu, server->fault_irq);
	if (err != OK)
		l4_log(L4_LOG_WARN, "faults of devices are not told: %s", l4_err_text(err));
	return OK;
}

/* Without it the next io has to find out again what we know, which disturbs functions that are in use, and does not know
 * whom it has not heard of yet. */
static void open_record(struct server *server)
{
	struct l4_dataspace_info info;
	uint32_t state;
	void *at;

	if (l4_env_cap("state", &state) != OK || l4_dataspace_info(state, &info) != OK ||
	    l4_attach(state, 0, info.size, L4_MAP_R | L4_MAP_W, &at) != OK)
		return;
	/* PCI functions from the front, the machine's power at the end. */
	if (info.size >= 2 * L4_PAGE_SIZE) {
		info.size -= L4_PAGE_SIZE;
		server->power.record = (struct io_power_record *)((char *)at + info.size);
	}
	server->machine.record = at;
	server->machine.record_size = info.size;
}
_Static_assert(sizeof(struct io_power_record) <= L4_PAGE_SIZE, "one page is enough");

static enum err start(struct server *server, int argc, char **argv)
{
	struct io_limits limits = {.suspend_ms = LIMIT_MS, .shutdown_ms = LIMIT_MS};
	char error[IO_ERROR] = "";
	enum err err;

	server->machine.say = say;
	server->machine.context = server;
	host_config_space(server);
	open_record(server);
	err = l4_env_need("factory", "irqs of its own", &server->factory);
	if (err == OK)
		err = l4_env_need("mmio", "registers of devices", &server->mmio);
	if (err == OK && l4_env_cap("iommu", &server->iommu) != OK)
		server->iommu = 0;
	if (err == OK)
		err = read_tree(server);
	if (err == OK)
		err = config_run(&server->machine, &limits, argc, argv);
	if (err != OK)
		return err;
	err = io_busses_finish(&server->machine, error);
	if (err != OK) {
		l4_log(L4_LOG_ERROR, "%s", error);
		return err;
	}
	server->power.suspend_limit = l4_ticks_of_ms(limits.suspend_ms);
	server->power.shutdown_limit = l4_ticks_of_ms(limits.shutdown_ms);
	io_busses_tell(&server->machine);
	err = make_windows(server);
	if (err == OK)
		err = open_gates(server);
	if (err == OK)
		err = open_faults(server);
	if (err == OK)
		err = l4_server_open();
	if (err == OK)
		err = power_open(server, BADGE_PLATFORM, BADGE_LIMIT);
	for (unsigned int i = 0; err == OK && i < server->machine.bus_count; i++)
		err = l4_gate_bind(server->client[i].gate, L4_SLOT_SELF, BADGE_BUS(i));
	return err;
}

/* ---- the loop ---- */

static void tell_faults(struct server *server)
{
	struct io_fault fault;
	char line[IO_ERROR];

	for (unsigned int n = 0; n < FAULTS_AT_ONCE; n++) {
		if (!host_next_fault(server, &fault))
			return;
		if (io_fault_line(&server->machine, &server->faults, &fault, l4_now() / (l4_counter_hz() / 1000), line))
			l4_log(L4_LOG_WARN, "%s", line);
	}
	/* A device can be refused faster than we take. Clients are served meanwhile. */
	(void)l4_irq_deadline(server->fault_irq, l4_now() + l4_ticks_of_ms(FAULTS_PAUSE_MS));
}

static void take_irq(struct server *server, uint64_t badge)
{
	unsigned int index = BADGE_INDEX(badge);
	struct client *client = &server->client[index];

	if (badge == BADGE_FAULT)
		tell_faults(server);
	else if (badge == BADGE_LIMIT)
		power_tick(server);
	else if (index >= server->machine.bus_count)
		return;
	else if (badge == BADGE_DEATH(index, client->number) && client->death != 0)
		client_end(server, client);
	else if (badge == BADGE_LISTENER_DEATH(index, client->listener) && client->life != 0)
		power_client_end(server, client);
}

static struct answer serve(struct server *server, struct l4_msg *msg)
{
	unsigned int index = BADGE_INDEX(msg->badge);
	struct client *client = &server->client[index];

	if (msg->badge == BADGE_PLATFORM)
		return power_serve_platform(server, msg);
	if (l4_tag_label(msg->tag) >> 8 == L4_KIND_INHIBITOR)
		return power_serve_client(server, client, msg, BADGE_LISTENER_DEATH(index, client->listener + 1));
	return client_serve(server, client, msg, BADGE_DEATH(index, client->number + 1));
}

/* Without waiting for the next call. */
static void answer_only(struct l4_msg *msg, struct answer *answer)
{
	if (answer->words != 0)
		(void)l4_server_answer_only(msg, answer->words, answer->caps);
	answer->words = 0;
}

/* The machine is put to sleep or turned off only when no message waits, since one may say that somebody is awake. Clients that
 * call without end, from several CPUs, cannot put that off for ever. */
_Noreturn static void loop(struct server *server)
{
	struct l4_msg msg;
	struct answer answer = {.words = 0};

	for (;;) {
		bool is_due = power_is_due(server);
		uint64_t deadline = is_due ? 1 : 0;
		enum err err;

		if (io_power_hears(&server->power)) {
			answer_only(&msg, &answer);
			power_act(server);
			continue;
		}
		err = answer.words != 0 ? l4_server_answer_caps(&msg, answer.words, answer.caps, deadline)
					: l4_server_receive(&msg, deadline);

		answer.words = 0;
		if (err == ERR_TIMEDOUT && is_due)
			power_act(server);
		if (err != OK)
			continue;
		if ((msg.tag & L4_TAG_IRQ) != 0)
			take_irq(server, msg.badge);
		else
			answer = serve(server, &msg);
	}
}

int main(int argc, char **argv)
{
	struct server *server = calloc(1, sizeof(*server));
	enum err err = server == NULL ? ERR_NOMEM : start(server, argc, argv);

	if (err == OK)
		loop(server);
	l4_log(L4_LOG_ERROR, "cannot start: %s", l4_err_text(err));
	return 1;
}
