/* The channels `mon` and `gdb`: the monitor and the GDB stub, served by the service thread. */
#include "host/host.h"

#include <string.h>

#define CHANNEL_MON 0u
#define CHANNEL_GDB 1u

static const char *const channel_name[HOST_DEBUG_CHANNELS] = {"mon", "gdb"};

static void hold(void *context, unsigned int cpu)
{
	host_vcpu_ask(context, cpu);
}

static void settle(void *context, unsigned int cpu)
{
	host_vcpu_settle(context, cpu);
}

static void release(void *context, unsigned int cpu)
{
	host_vcpu_release(context, cpu);
}

static void sync_code(void *context, uint8_t *at, size_t size)
{
	(void)context;
	l4_cache_sync_code(at, size);
}

static enum vcpu_next debug_exception(void *context, struct vcpu *vcpu)
{
	struct host *host = context;

	return debug_exit(&host->debug.vm, vcpu);
}

static bool press(void *context, bool off, const char **out_why)
{
	return host_key_press(context, off ? HOST_KEY_POWER : HOST_KEY_SLEEP, out_why);
}

static bool is_asleep(void *context)
{
	const struct host *host = context;

	return host->sleep.machine.phase != SLEEP_AWAKE;
}

static void resume(void *context)
{
	host_sleep_post(context, SLEEP_RESUME);
}

/* What others cannot take is dropped after a while: they are gone. */
static void send(struct host_debug *debug, unsigned int index, struct text *text)
{
	size_t size = text->size;

	for (size_t done = 0, part; done < size; done += part) {
		part = size - done < L4_CONSOLE_CHUNK ? size - done : L4_CONSOLE_CHUNK;
		if (!l4_channel_write_all(&debug->channel[index], text->data + done, part))
			break;
	}
	text_consume(text, size);
}

static void send_all(struct host *host)
{
	send(&host->debug, CHANNEL_MON, &host->debug.monitor.out);
	send(&host->debug, CHANNEL_GDB, &host->debug.gdb.out);
}

/* Only this thread has to do with the stubs' own state; the VM's is under the lock. */
void host_debug_look(struct host *host)
{
	if (!host->debug.is_on)
		return;
	host_lock(host);
	(void)debug_news(&host->debug.vm);
	gdb_look(&host->debug.gdb);
	monitor_look(&host->debug.monitor);
	host_unlock(host);
	send_all(host);
}

void host_debug_input(struct host *host, unsigned int index)
{
	struct host_debug *debug = &host->debug;
	uint8_t bytes[L4_CONSOLE_CHUNK];
	size_t got = 0;

	if (!debug->is_on || index >= HOST_DEBUG_CHANNELS || debug->channel[index].slot == 0)
		return;
	while (l4_channel_read(&debug->channel[index], bytes, sizeof(bytes), &got, NULL) == OK && got != 0) {
		host_lock(host);
		debug_learn(&debug->vm, host->vm.vcpu[0].page->id[5][0]);
		if (index == CHANNEL_MON)
			monitor_take(&debug->monitor, bytes, got);
		else
			gdb_take(&debug->gdb, bytes, got);
		host_unlock(host);
		host_debug_look(host);
	}
}

void host_debug_end(struct host *host)
{
	if (!host->debug.is_on)
		return;
	gdb_end(&host->debug.gdb, (unsigned int)host->end);
	send_all(host);
}

static enum err open_channel(struct host *host, unsigned int index)
{
	uint32_t slot, irq;
	enum err err;

	if (l4_env_cap(channel_name[index], &slot) != OK)
		return OK;
	err = host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_DEBUG, index), &irq);
	if (err == OK)
		err = l4_channel_open(&host->debug.channel[index], slot, irq);
	if (err != OK) {
		host->debug.channel[index].slot = 0;
		report_add(&host->report, REPORT_WARN, "nobody can use \"%s\": its channel gives no input: %s",
			   channel_name[index], l4_err_text(err));
		return OK;
	}
	host->debug.is_on = true;
	return l4_irq_trigger(irq); /* what came before is looked for once */
}

enum err host_debug_create(struct host *host)
{
	static const struct debug_port port = {NULL, hold, settle, release, sync_code};
	struct host_debug *debug = &host->debug;
	enum err err = OK;

	for (unsigned int i = 0; err == OK && i < HOST_DEBUG_CHANNELS; i++)
		err = open_channel(host, i);
	if (err != OK || !debug->is_on)
		return err;
	debug_init(&debug->vm, &host->vm, &host->mem, &port);
	debug->vm.port.context = host;
	debug->monitor.debug = &debug->vm;
	debug->monitor.options = &host->options;
	debug->monitor.plan = &host->plan;
	debug->monitor.power = (struct monitor_power){host, press, is_asleep, resume};
	debug->gdb.debug = &debug->vm;
	debug->gdb.monitor = &debug->monitor;
	host->vm.port.debug = debug_exception;
	return OK;
}
