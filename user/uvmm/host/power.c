/* The VM's power manager: platform control at the capability `pfc`. Asked about a suspend by a thread of its own, so that
 * the guest may wake while it thinks; told about the VM's end by the service thread, as the last thing. */
#include "host/host.h"

#include <stdio.h>

#define STACK 0x4000u

static uint64_t give_up_at(const struct host *host)
{
	return l4_now() + l4_ticks_of_ms(host->options.pfc_limit * 1000u);
}

static const char *name_of(const struct host *host)
{
	return host->options.name ? host->options.name : l4_env_tag();
}

/* The thread: one call at a time, whenever it is asked to. */
_Noreturn static void run(void *context)
{
	struct host *host = context;
	struct host_power *power = &host->power;
	struct l4_platform_answer answer;
	struct l4_msg message;
	enum err err;

	for (;;) {
		if (l4_receive(&message, 0) != OK || !(message.tag & L4_TAG_IRQ))
			continue;
		err = l4_platform_ctl_call(power->pfc, L4_PLATFORM_SYSTEM_SUSPEND, 0, name_of(host), give_up_at(host),
					   &answer);
		host_lock(host);
		power->answer = answer;
		power->err = err;
		power->is_answered = true;
		host_service_wake(host);
		host_unlock(host);
	}
}

void host_power_ask(struct host *host)
{
	host->power.is_answered = false;
	(void)l4_irq_trigger(host->power.call_irq);
}

/* Half a sentence: who, and what it did. */
static const char *describe(const struct host *host, enum err err, const struct l4_platform_answer *answer, char *text,
			    size_t size)
{
	if (answer->why[0] != 0)
		(void)snprintf(text, size, "\"pfc\" refuses it: %s", answer->why);
	else if (err == ERR_NOREPLY)
		(void)snprintf(text, size, "\"pfc\" died before it answered");
	else if (err == ERR_TIMEDOUT)
		(void)snprintf(text, size, "\"pfc\" did not answer within %u s (--pfc-limit)", host->options.pfc_limit);
	else
		(void)snprintf(text, size, "\"pfc\" refuses it: %s", l4_err_text(err));
	return text;
}

void host_power_tell_refusal(struct host *host)
{
	char text[L4_POWER_TEXT + 64], line[sizeof(text) + 64];

	(void)snprintf(line, sizeof(line), "the guest does not suspend: %s",
		       describe(host, host->power.err, &host->power.answer, text, sizeof(text)));
	host_event_text(host, VCPU_EVENT_SUSPEND_REFUSED, line);
}

/* The locks first: who turns the machine off need not ask this VM any more. */
static void let_go(struct host *host)
{
	uint64_t give_up = give_up_at(host);
	struct l4_msg message;
	bool done;

	do {
		host_lock(host);
		host_inhibit_want(host);
		done = host_inhibit_is_done(host);
		host_unlock(host);
	} while (!done && l4_now() < give_up && l4_receive(&message, give_up) != ERR_TIMEDOUT);
}

void host_power_end(struct host *host)
{
	bool reboot = host->end == HOST_END_RESET;
	char text[L4_POWER_TEXT + 64];
	struct l4_platform_answer answer;
	enum err err;

	if (host->power.pfc == 0 || (host->end != HOST_END_OFF && !reboot))
		return;
	let_go(host);
	err = l4_platform_ctl_call(host->power.pfc, L4_PLATFORM_SYSTEM_SHUTDOWN, reboot, name_of(host),
				   give_up_at(host), &answer);
	if (err != OK)
		l4_log(L4_LOG_ERROR, "warning: the VM ends, but nothing else follows from that: %s",
		       describe(host, err, &answer, text, sizeof(text)));
}

enum err host_power_create(struct host *host)
{
	struct host_power *power = &host->power;
	enum err err;

	host->sleep.machine.wakes_with_machine = host->options.wakeup_on_resume;
	if (l4_env_cap("pfc", &power->pfc) != OK) {
		power->pfc = 0;
		return OK;
	}
	err = l4_thread_create_start(run, host, 0, -1, STACK, &power->thread);
	if (err == OK)
		err = host_irq_create(host, power->thread, 0, &power->call_irq);
	if (err != OK)
		return report_fail(&host->report, err, "\"pfc\" cannot be asked: %s", l4_err_text(err));
	host->sleep.machine.has_manager = true;
	return OK;
}
