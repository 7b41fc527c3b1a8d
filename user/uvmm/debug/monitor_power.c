/* The monitor's commands about the VM's power. Pure. */
#include "debug/monitor_commands.h"

static bool ask(struct monitor *monitor, bool off, const char *what, struct text *out)
{
	const struct monitor_power *power = &monitor->power;
	const char *why = "it has no key for that";

	if (power->press(power->context, off, &why))
		text_print(out, "the guest is asked to %s\n", what);
	else
		text_print(out, "the guest cannot be asked to %s: %s\n", what, why);
	return true;
}

bool monitor_suspend(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	(void)word;
	if (count != 1)
		return false;
	if (!monitor->power.is_asleep(monitor->power.context))
		return ask(monitor, false, "sleep", out);
	text_print(out, "it sleeps already\n");
	return true;
}

bool monitor_power_off(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	(void)word;
	return count == 1 && ask(monitor, true, "turn itself off", out);
}

bool monitor_resume(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	(void)word;
	if (count != 1)
		return false;
	if (!monitor->power.is_asleep(monitor->power.context)) {
		text_print(out, "it does not sleep\n");
		return true;
	}
	monitor->power.resume(monitor->power.context);
	text_print(out, "it wakes\n");
	return true;
}
