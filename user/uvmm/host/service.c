/* The service thread: text to and from the channels, the clock, lines for the log, and the VM's end. */
#include "host/host.h"

#include <string.h>

/* A channel that takes nothing for this long has lost its reader: what waits is dropped, so that the guest goes on. */
#define PATIENCE_MS 2000u
#define RETRY_US 500u

/* ---- output ---- */

/* Write some; false: nobody takes it. The lock is not held. */
static bool write_some(struct l4_channel *channel, const uint8_t *text, size_t size, size_t *out_accepted)
{
	uint64_t give_up = l4_now() + l4_ticks_of_ms(PATIENCE_MS);

	for (;;) {
		*out_accepted = 0;
		if (l4_channel_write(channel, text, size, give_up, out_accepted) != OK)
			return false;
		if (*out_accepted != 0)
			return true;
		if (l4_now() > give_up)
			return false;
		l4_sleep_until(l4_now() + l4_ticks_of_us(RETRY_US));
	}
}

/* Bytes of the ring that lie in one piece, copied. */
static size_t peek(const struct host_console *console, uint8_t text[static L4_CONSOLE_CHUNK])
{
	size_t size = console->out_count < L4_CONSOLE_CHUNK ? console->out_count : L4_CONSOLE_CHUNK;
	size_t first = HOST_CONSOLE_OUT - console->out_head;

	if (first > size)
		first = size;
	memcpy(text, console->out + console->out_head, first);
	memcpy(text + first, console->out, size - first);
	return size;
}

static void send_output(struct host *host, struct host_uart *uart)
{
	struct host_console *console = &uart->console;
	uint8_t text[L4_CONSOLE_CHUNK];
	size_t size, accepted;

	host_lock(host);
	/* What is there now; what the guest adds meanwhile has its turn after what else there is to do. */
	for (size_t left = console->out_count; left != 0 && (size = peek(console, text)) != 0;) {
		bool taken;

		size = size < left ? size : left;

		console->unsent = 0;
		host_unlock(host);
		taken = write_some(&console->channel, text, size, &accepted);
		host_lock(host);
		/* Nobody listens: all of it goes. */
		if (!taken)
			accepted = console->out_count;
		left = accepted < left ? left - accepted : 0;
		console->out_head = (unsigned int)((console->out_head + accepted) % HOST_CONSOLE_OUT);
		console->out_count -= (unsigned int)accepted;
		if (host_console_room(console) >= HOST_CONSOLE_OUT / 2)
			pl011_set_full(&uart->model, false);
	}
	if (console->out_count != 0)
		host_service_wake(host);
	host_unlock(host);
}

static void send_log(struct host *host)
{
	char lines[HOST_LOG_MAX];
	unsigned int used;

	host_lock(host);
	used = host->log_used;
	memcpy(lines, host->log, used);
	host->log_used = 0;
	host_unlock(host);
	for (unsigned int at = 0; at < used; at += (unsigned int)strlen(lines + at) + 1)
		l4_log_line(lines + at, strlen(lines + at));
}

static void flush_all(struct host *host)
{
	for (unsigned int i = 0; i < host->uart_count; i++)
		send_output(host, &host->uart[i]);
	send_log(host);
}

/* ---- input ---- */

static void fetch_input(struct host *host, struct host_uart *uart)
{
	struct host_console *console = &uart->console;
	uint8_t text[HOST_CONSOLE_IN];
	size_t got = 0;
	uint64_t flags = 0;

	/* The vCPU's thread asks the same when the guest has taken what is kept. */
	for (;;) {
		bool wants;

		host_lock(host);
		wants = host_console_wants_input(console);
		host_unlock(host);
		if (!wants)
			break;
		if (l4_channel_read(&console->channel, text, sizeof(text), &got, &flags) != OK)
			got = flags = 0;
		host_lock(host);
		memcpy(console->in, text, got);
		console->in_first = 0;
		console->in_count = (unsigned int)got;
		console->more = got == sizeof(text);
		console->has_break |= (flags & L4_READ_BREAK) != 0;
		host_uart_feed(uart);
		host_unlock(host);
	}
}

/* ---- events ---- */

static void handle(struct host *host, uint64_t badge)
{
	unsigned int index = badge & 0xff;
	struct host_uart *uart = index < host->uart_count ? &host->uart[index] : NULL;

	switch (badge >> 8) {
	case HOST_EVENT_INPUT:
		if (uart) {
			host_lock(host);
			uart->console.more = true;
			host_unlock(host);
			fetch_input(host, uart);
		}
		break;
	case HOST_EVENT_FLUSH:
		if (uart) {
			host_lock(host);
			uart->console.armed = false;
			host_unlock(host);
			send_output(host, uart);
		}
		break;
	case HOST_EVENT_RTC:
		host_lock(host);
		pl031_tick(&host->rtc);
		host_unlock(host);
		break;
	case HOST_EVENT_DEBUG:
		host_debug_input(host, index);
		break;
	case HOST_EVENT_WORK:
		host_debug_look(host);
		flush_all(host);
		for (unsigned int i = 0; i < host->uart_count; i++)
			fetch_input(host, &host->uart[i]);
		break;
	case HOST_EVENT_BUS:
		host_vbus_look(host);
		break;
	case HOST_EVENT_LINE:
		host_lock(host);
		if (index < host->line_count)
			host->line[index].fired = host->line[index].watched;
		host_unlock(host);
		break;
	case HOST_EVENT_KEY:
		host_lock(host);
		if (index < SCAN_KEY_COUNT)
			host_key_due(host, index);
		host_unlock(host);
		break;
	case HOST_EVENT_WATCH:
		host_watch_due(host);
		break;
	default:
		break;
	}
	host_sleep_look(host);
}

/* ---- beginning and end ---- */

/* One sentence on how it ended. */
static void tell_end(const struct host *host)
{
	const struct l4_vcpu_state *page = host->end_vcpu->page;

	switch (host->end) {
	case HOST_END_OFF:
		l4_log(L4_LOG_ERROR, "the guest turned the VM off");
		break;
	case HOST_END_RESET:
		l4_log(L4_LOG_ERROR, "the guest asked for a restart; this uvmm ends with code %d", HOST_END_RESET);
		break;
	case HOST_END_PANIC:
		l4_log(L4_LOG_ERROR, "the guest's kernel panicked");
		break;
	case HOST_END_HALTED:
		l4_log(L4_LOG_ERROR,
		       "the guest has halted: CPU %u at pc 0x%llx, and all others that are on, are in loops that "
		       "nothing can end",
		       host->end_vcpu->index, (unsigned long long)page->pc);
		break;
	case HOST_END_CPUS_OFF:
		l4_log(L4_LOG_ERROR, "the guest turned its last CPU off; nothing can wake it");
		break;
	case HOST_END_GUEST_FAULT:
	case HOST_END_ERROR:
		l4_log(L4_LOG_ERROR, "the VM is halted at pc 0x%llx, pstate 0x%llx of CPU %u",
		       (unsigned long long)page->pc, (unsigned long long)page->pstate, host->end_vcpu->index);
		break;
	}
}

/* The guest's first vCPU at its kernel's first instruction, and every vCPU's timer. */
static void start_guest(struct host *host)
{
	struct vcpu *first = &host->vm.vcpu[0];
	const struct scan_device *timer = fdt_scan_find(&host->plan.scan, SCAN_TIMER);

	host_lock(host);
	/* Guest time is the machine's: QEMU 7.2 hangs when a guest's compare value plus an offset overflows 64 bits. */
	host->vm.cntvoff = 0;
	for (unsigned int i = 0; i < host->vm.vcpu_count; i++)
		if (timer && timer->irq_count != 0)
			gic_bind(&host->vm.gic, i, timer->irq[0].intid);
	first->entry = host->plan.entry.v;
	first->context = host->plan.dtb.v;
	first->power = VCPU_POWER_PENDING;
	/* They were made with one hold each. */
	for (unsigned int i = 0; i < host->vm.vcpu_count; i++)
		host_vcpu_release(host, i);
	host_unlock(host);
}

static bool is_over(struct host *host)
{
	bool over;

	host_lock(host);
	over = host->ended;
	host_unlock(host);
	return over;
}

int host_serve(struct host *host)
{
	struct l4_msg message;

	start_guest(host);
	host_lock(host);
	host_inhibit_want(host);
	host_unlock(host);
	host_watch_arm(host);
	while (!is_over(host))
		if (l4_receive(&message, 0) == OK && message.tag & L4_TAG_IRQ)
			handle(host, message.badge);
	host_lock(host);
	for (unsigned int i = 0; i < host->vm.vcpu_count; i++)
		host_vcpu_hold(host, i);
	host_unlock(host);
	flush_all(host);
	host_debug_end(host);
	tell_end(host);
	host_power_end(host);
	return (int)host->end;
}
