/* A function without DMA and interrupts, and reset: when its client is gone, and before the next one comes. [PCIE] [PCIPM]
 *
 * Waits are those of the specifications, 100 ms for a reset of a function and 10 ms for a change of power, and at most
 * PATIENCE_MS for a function that does not come back.
 */
#include "user/srv/io/logic_pci.h"

#define PATIENCE_MS 1000u
#define STEP_MS 10u
#define PENDING_MS 100u /* for what the function has sent and not got an answer to */

static void wait(const struct pci_function *f, unsigned int ms)
{
	f->host->machine->wait(f->host->machine->context, ms);
}

void pci_silence(struct pci_function *f)
{
	uint32_t command = pci_read(f, PCI_COMMAND, 2);
	uint32_t quiet = (command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_OFF;

	if (pci_is_bridge(f))
		return; /* what is behind it is somebody else's */
	if (command != quiet)
		pci_write(f, PCI_COMMAND, 2, quiet);
}

/* Until nothing is under way any more; a function that never says so is reset all the same. */
static void wait_pending(const struct pci_function *f, unsigned int reg, unsigned int width, uint32_t bit)
{
	for (unsigned int ms = 0; ms < PENDING_MS && (pci_read(f, reg, width) & bit) != 0; ms += STEP_MS)
		wait(f, STEP_MS);
}

static bool begin_express(const struct pci_function *f)
{
	uint32_t control;

	if (f->express == 0 || (pci_read(f, f->express + PCI_EXP_DEVICE, 4) & PCI_EXP_DEVICE_HAS_FLR) == 0)
		return false;
	wait_pending(f, f->express + PCI_EXP_STATUS, 2, PCI_EXP_STATUS_PENDING);
	control = pci_read(f, f->express + PCI_EXP_CONTROL, 2);
	pci_write(f, f->express + PCI_EXP_CONTROL, 2, control | PCI_EXP_CONTROL_FLR);
	wait(f, 100);
	return true;
}

/* [PCI Advanced Features] The same for conventional functions. */
static bool begin_features(const struct pci_function *f)
{
	if (f->features == 0 || (pci_read(f, f->features + PCI_AF_CAPS, 1) & PCI_AF_HAS_FLR) == 0)
		return false;
	wait_pending(f, f->features + PCI_AF_STATUS, 1, 1);
	pci_write(f, f->features + PCI_AF_CONTROL, 1, 1);
	wait(f, 100);
	return true;
}

/* Off and on again resets it, unless it says that it keeps its state. */
static bool begin_power(const struct pci_function *f)
{
	uint32_t control;

	if (f->power == 0)
		return false;
	control = pci_read(f, f->power + PCI_PM_CONTROL, 2) & ~(PCI_PM_EVENT | PCI_PM_STATE);
	if ((control & PCI_PM_KEEPS_STATE) != 0)
		return false;
	pci_write(f, f->power + PCI_PM_CONTROL, 2, control | PCI_PM_D3);
	wait(f, 10);
	pci_write(f, f->power + PCI_PM_CONTROL, 2, control);
	wait(f, 10);
	return true;
}

/* A client may have left it switched off, and then it does not answer memory. */
static void wake(const struct pci_function *f)
{
	uint32_t control;

	if (f->power == 0)
		return;
	control = pci_read(f, f->power + PCI_PM_CONTROL, 2);
	if ((control & PCI_PM_STATE) == 0)
		return;
	pci_write(f, f->power + PCI_PM_CONTROL, 2, control & ~(PCI_PM_EVENT | PCI_PM_STATE));
	wait(f, 10);
}

bool pci_reset(struct pci_function *f)
{
	unsigned int ms = 0;

	pci_silence(f);
	if (pci_is_bridge(f))
		return true;
	wake(f);
	if (!begin_express(f) && !begin_features(f))
		(void)begin_power(f);
	for (; !pci_is_there(f) && ms < PATIENCE_MS; ms += STEP_MS)
		wait(f, STEP_MS);
	if (!pci_is_there(f)) {
		f->is_decoded = false;
		pci_why(f, "it does not answer any more after a reset");
		return false;
	}
	pci_bars_write(f);
	pci_silence(f);
	return true;
}
