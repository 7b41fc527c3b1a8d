/* Configuration space over a sleep of the machine in which functions lose their power. [PCIE] [PCIB] [PCIPM]
 *
 * Guests put their own functions to sleep before, and set them up after; as on hardware they count on what firmware keeps for
 * them: numbers of buses, windows of bridges, addresses. io puts these back, and what else a client may have written, from the
 * root down. Registers that are as they were are not written: a function that kept its power notices nothing.
 */
#include "user/srv/io/logic_pci.h"

#define PATIENCE_MS 1000u
#define STEP_MS 10u
#define BRIDGE_CONTROL 0x3eu

/* Of the capability PCI Express: control of the device, the link, the slot, the root and their second ones. */
static const unsigned int express_controls[PCI_SAVED_EXPRESS] = {PCI_EXP_CONTROL, 0x10, 0x18, 0x1c, 0x28, 0x30};

static unsigned int express_size(const struct pci_function *f)
{
	for (unsigned int i = 0; i < f->cap_count; i++)
		if (f->express != 0 && f->cap[i].at == f->express)
			return f->cap[i].size;
	return 0;
}

static void save(struct pci_function *f)
{
	struct pci_saved *s = &f->saved;

	*s = (struct pci_saved){.is_valid = pci_is_there(f)};
	if (!s->is_valid)
		return;
	s->command = (uint16_t)pci_read(f, PCI_COMMAND, 2);
	s->cache_line = (uint8_t)pci_read(f, PCI_CACHE_LINE, 1);
	s->line = (uint8_t)pci_read(f, PCI_LINE, 1);
	if (pci_is_bridge(f)) {
		s->buses = pci_read(f, PCI_BUSES, 4);
		s->bridge_control = (uint16_t)pci_read(f, BRIDGE_CONTROL, 2);
	}
	if (f->power != 0)
		s->power = (uint16_t)(pci_read(f, f->power + PCI_PM_CONTROL, 2) & ~PCI_PM_EVENT);
	for (unsigned int i = 0; i < PCI_SAVED_EXPRESS; i++)
		if (express_controls[i] + 2 <= express_size(f))
			s->express[i] = (uint16_t)pci_read(f, f->express + express_controls[i], 2);
}

static void put_back(const struct pci_function *f, unsigned int reg, unsigned int width, uint32_t value)
{
	if (pci_read(f, reg, width) != value)
		pci_write(f, reg, width, value);
}

static void restore(struct pci_function *f)
{
	const struct pci_saved *s = &f->saved;

	if (pci_is_bridge(f)) {
		put_back(f, PCI_BUSES, 4, s->buses);
		pci_windows_write(f);
		put_back(f, BRIDGE_CONTROL, 2, s->bridge_control);
	}
	pci_bars_write(f);
	pci_keep_apart(f);
	for (unsigned int i = 0; i < PCI_SAVED_EXPRESS; i++)
		if (express_controls[i] + 2 <= express_size(f))
			put_back(f, f->express + express_controls[i], 2, s->express[i]);
	put_back(f, PCI_CACHE_LINE, 1, s->cache_line);
	put_back(f, PCI_LINE, 1, s->line);
	put_back(f, PCI_COMMAND, 2, s->command);
	/* Last: one that was switched off by its client forgets the rest when that switches it on, and is used to that. */
	if (f->power != 0 && (pci_read(f, f->power + PCI_PM_CONTROL, 2) & ~PCI_PM_EVENT) != s->power)
		pci_write(f, f->power + PCI_PM_CONTROL, 2, s->power);
}

/* The time that functions take after power comes back is for all of them together. */
static bool wait_until_there(const struct pci_function *f, unsigned int *left_ms)
{
	const struct io_machine *machine = f->host->machine;

	while (!pci_is_there(f)) {
		if (*left_ms < STEP_MS)
			return false;
		*left_ms -= STEP_MS;
		machine->wait(machine->context, STEP_MS);
	}
	return true;
}

void io_pci_save(const struct io_machine *machine)
{
	for (struct io_pci_bridge *host = machine->bridge; host != NULL; host = host->next)
		for (unsigned int i = 0; i < host->function_count; i++)
			save(host->function[i]);
}

void io_pci_restore(const struct io_machine *machine)
{
	unsigned int left_ms = PATIENCE_MS;

	for (struct io_pci_bridge *host = machine->bridge; host != NULL; host = host->next)
		for (unsigned int i = 0; i < host->function_count; i++) {
			struct pci_function *f = host->function[i];
			char name[PCI_NAME];

			if (!f->saved.is_valid)
				continue;
			if (wait_until_there(f, &left_ms)) {
				restore(f);
				continue;
			}
			pci_name(f, name);
			io_say(machine, "%s%s: it does not answer any more after the machine slept", host->name, name);
		}
}
