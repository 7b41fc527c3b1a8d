/* Functions without DMA and interrupts, and reset: when their client is gone, and before the next one comes. [PCIE] [PCIPM]
 *
 * All of a bus together, so that the waits are the same for one function and for many.
 * Waits are those of the specifications, 100 ms for a reset of a function and 10 ms for a change of power, and at most
 * PATIENCE_MS for a function that does not come back.
 */
#include "user/srv/io/logic_pci.h"

#define PATIENCE_MS 1000u
#define STEP_MS 10u
#define FLR_MS 100u
#define POWER_MS 10u
#define PENDING_MS 100u /* for what the function has sent and not got an answer to */

void pci_silence(struct pci_function *f)
{
	uint32_t command = pci_read(f, PCI_COMMAND, 2);
	uint32_t quiet = (command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_OFF;

	if (pci_is_bridge(f))
		return; /* what is behind it is somebody else's */
	if (command != quiet)
		pci_write(f, PCI_COMMAND, 2, quiet);
}

struct group {
	struct pci_function *const *function;
	unsigned int count;
};

static void wait(const struct group *g, unsigned int ms)
{
	const struct io_machine *machine = g->function[0]->host->machine;

	machine->wait(machine->context, ms);
}

/* A client may have left some switched off, and then they do not answer memory. */
static void wake(const struct group *g)
{
	bool is_any = false;

	for (unsigned int i = 0; i < g->count; i++) {
		const struct pci_function *f = g->function[i];
		uint32_t control = f->power != 0 ? pci_read(f, f->power + PCI_PM_CONTROL, 2) : 0;

		if ((control & PCI_PM_STATE) == 0)
			continue;
		pci_write(f, f->power + PCI_PM_CONTROL, 2, control & ~(PCI_PM_EVENT | PCI_PM_STATE));
		is_any = true;
	}
	if (is_any)
		wait(g, POWER_MS);
}

/* Off and on again resets a function, unless it says that it keeps its state. [PCIPM No_Soft_Reset] */
static enum pci_reset way_of(const struct pci_function *f)
{
	if (f->express != 0 && (pci_read(f, f->express + PCI_EXP_DEVICE, 4) & PCI_EXP_DEVICE_HAS_FLR) != 0)
		return PCI_RESET_EXPRESS;
	if (f->features != 0 && (pci_read(f, f->features + PCI_AF_CAPS, 1) & PCI_AF_HAS_FLR) != 0)
		return PCI_RESET_FEATURES;
	if (f->power != 0 && (pci_read(f, f->power + PCI_PM_CONTROL, 2) & PCI_PM_KEEPS_STATE) == 0)
		return PCI_RESET_POWER;
	return PCI_RESET_NONE;
}

static bool is_pending(const struct pci_function *f)
{
	if (f->reset == PCI_RESET_EXPRESS)
		return (pci_read(f, f->express + PCI_EXP_STATUS, 2) & PCI_EXP_STATUS_PENDING) != 0;
	return f->reset == PCI_RESET_FEATURES && (pci_read(f, f->features + PCI_AF_STATUS, 1) & 1u) != 0;
}

/* While something holds for one of them, so long at most. */
static void wait_while(const struct group *g, bool (*holds)(const struct pci_function *f), unsigned int most_ms)
{
	for (unsigned int ms = 0; ms < most_ms; ms += STEP_MS) {
		bool is_any = false;

		for (unsigned int i = 0; i < g->count; i++)
			is_any |= holds(g->function[i]);
		if (!is_any)
			return;
		wait(g, STEP_MS);
	}
}

static void set_power(const struct pci_function *f, uint32_t power)
{
	uint32_t control = pci_read(f, f->power + PCI_PM_CONTROL, 2) & ~(PCI_PM_EVENT | PCI_PM_STATE);

	pci_write(f, f->power + PCI_PM_CONTROL, 2, control | power);
}

/* How long it takes. */
static unsigned int begin(const struct pci_function *f)
{
	switch (f->reset) {
	case PCI_RESET_EXPRESS:
		pci_write(f, f->express + PCI_EXP_CONTROL, 2,
			  pci_read(f, f->express + PCI_EXP_CONTROL, 2) | PCI_EXP_CONTROL_FLR);
		return FLR_MS;
	case PCI_RESET_FEATURES:
		pci_write(f, f->features + PCI_AF_CONTROL, 1, 1);
		return FLR_MS;
	case PCI_RESET_POWER:
		set_power(f, PCI_PM_D3);
		return POWER_MS;
	case PCI_RESET_NONE:
		break;
	}
	return 0;
}

static void reset(const struct group *g)
{
	unsigned int longest = 0, on_ms = 0;

	for (unsigned int i = 0; i < g->count; i++) {
		unsigned int ms = begin(g->function[i]);

		if (ms > longest)
			longest = ms;
	}
	if (longest != 0)
		wait(g, longest);
	for (unsigned int i = 0; i < g->count; i++) {
		if (g->function[i]->reset != PCI_RESET_POWER)
			continue;
		set_power(g->function[i], 0);
		on_ms = POWER_MS;
	}
	if (on_ms != 0)
		wait(g, on_ms);
}

static bool is_away(const struct pci_function *f)
{
	return !pci_is_there(f);
}

void pci_reset(struct pci_function *const *function, unsigned int count)
{
	const struct group g = {function, count};

	for (unsigned int i = 0; i < count; i++)
		pci_silence(function[i]);
	wake(&g);
	for (unsigned int i = 0; i < count; i++)
		function[i]->reset = way_of(function[i]);
	wait_while(&g, is_pending,
		   PENDING_MS); /* one that never says that nothing is under way is reset all the same */
	reset(&g);
	wait_while(&g, is_away, PATIENCE_MS);
	for (unsigned int i = 0; i < count; i++) {
		if (is_away(function[i])) {
			function[i]->is_decoded = false;
			pci_why(function[i], "it does not answer any more after a reset");
			continue;
		}
		pci_bars_write(function[i]);
		pci_keep_apart(function[i]);
		pci_silence(function[i]);
	}
}
