/* Keys that a stock guest's kernel already drives: how it is asked to sleep or to power off.
 *
 *   press: level at the pin ─▶ edge, interrupt ─▶ the guest's driver reads the pin ─▶ let go, HOLD_MS after the press or later
 *
 * A guest that is slow sees it nevertheless: drivers look some time after the interrupt, when contacts have settled, and take what
 * they find. One that falls asleep in between must not be woken by the key being let go: then it stays pressed
 * until the VM wakes. [DTB gpio-keys debounce-interval, wakeup-event-action]
 */
#include "host/host.h"

#define HOLD_MS 100u
#define HOLDS_MAX 100u /* the guest does not look at the pin: its driver may be satisfied with the interrupt */

static const char absent[SCAN_KEY_COUNT][L4_INHIBITOR_REASON + 1] = {
	[HOST_KEY_SLEEP] = "its device tree has no sleep key on a PL061 of uvmm: linux,code 142 or 205",
	[HOST_KEY_POWER] = "its device tree has no power key on a PL061 of uvmm: linux,code 116",
};
static const char unwatched[SCAN_KEY_COUNT][L4_INHIBITOR_REASON + 1] = {
	[HOST_KEY_SLEEP] = "nothing in it waits for its sleep key: on Linux that is the driver gpio_keys",
	[HOST_KEY_POWER] = "nothing in it waits for its power key: on Linux that is the driver gpio_keys",
};
static const char disabled[L4_INHIBITOR_REASON + 1] = "it sleeps, and has left the interrupt of its power key disabled";

/* NULL: there is none, or uvmm does not serve it after all. */
static struct host_gpio *find_gpio(struct host *host, enum host_key key)
{
	const struct scan *scan = &host->plan.scan;
	const struct scan_pin *pin = &scan->key[key];

	for (unsigned int i = 0; pin->is_there && i < host->gpio_count; i++)
		if (host->gpio[i].node == &scan->device[pin->device])
			return &host->gpio[i];
	return NULL;
}

static bool level_of(const struct scan_pin *pin, bool pressed)
{
	return pressed != pin->is_low;
}

static void set_pin(struct host *host, enum host_key key, bool pressed)
{
	const struct scan_pin *pin = &host->plan.scan.key[key];

	host->key[key].holds = pressed;
	pl061_set_input(&find_gpio(host, key)->model, pin->pin, level_of(pin, pressed));
}

static void arm(struct host *host, enum host_key key)
{
	if (l4_irq_deadline(host->key[key].irq, l4_now() + l4_ticks_of_ms(HOLD_MS)) == OK)
		return;
	host_event(host, NULL, VCPU_EVENT_DEADLINE, l4_now());
	set_pin(host, key, false);
}

bool host_key_press(struct host *host, enum host_key key, const char **out_why)
{
	const struct scan_pin *pin = &host->plan.scan.key[key];
	const struct vcpu *sleeper = host->sleep.vcpu;
	struct host_gpio *gpio = find_gpio(host, key);

	*out_why = absent[key];
	if (!gpio)
		return false;
	if (sleeper && key == HOST_KEY_SLEEP)
		return true;
	*out_why = unwatched[key];
	if (!pl061_is_awaited(&gpio->model, pin->pin))
		return false;
	*out_why = disabled;
	if (sleeper && !gic_would_wake(&host->vm.gic, sleeper->index, gpio->model.irq.intid))
		return false;
	set_pin(host, key, false);
	set_pin(host, key, true);
	arm(host, key);
	if (sleeper)
		host_service_wake(host);
	return true;
}

void host_key_due(struct host *host, unsigned int index)
{
	const struct scan_pin *pin = &host->plan.scan.key[index];
	struct host_key_hold *key = &host->key[index];

	if (key->holds == 0 || host->sleep.vcpu)
		return;
	if (key->holds < HOLDS_MAX && !pl061_was_read(&find_gpio(host, index)->model, pin->pin)) {
		key->holds++;
		arm(host, index);
	} else {
		set_pin(host, index, false);
	}
}

void host_keys_sleep(struct host *host)
{
	for (unsigned int i = 0; i < SCAN_KEY_COUNT; i++) {
		const struct scan_pin *pin = &host->plan.scan.key[i];

		if (host->key[i].holds == 0)
			continue;
		(void)l4_irq_deadline(host->key[i].irq, 0);
		if (!pl061_would_interrupt(&find_gpio(host, i)->model, pin->pin, level_of(pin, false)))
			set_pin(host, i, false);
	}
}

void host_keys_wake(struct host *host)
{
	for (unsigned int i = 0; i < SCAN_KEY_COUNT; i++)
		if (host->key[i].holds != 0)
			arm(host, i);
}

enum err host_keys_create(struct host *host)
{
	for (unsigned int i = 0; i < SCAN_KEY_COUNT; i++) {
		enum err err = find_gpio(host, i) ? host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_KEY, i),
								    &host->key[i].irq)
						  : OK;

		if (err != OK)
			return report_fail(&host->report, err, "the guest's keys cannot be made: %s", l4_err_text(err));
	}
	return OK;
}
