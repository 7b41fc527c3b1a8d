/* io without PCI: what the rest of it calls, for a machine whose bridges are left alone. The files of PCI replace this one. */
#include "user/srv/io/logic.h"

void io_pci_scan(struct io_machine *machine)
{
	(void)machine;
}

enum err io_pci_match(const struct io_device *device, const char *pattern, bool *out_matches, char *out_error)
{
	(void)device;
	(void)pattern;
	(void)out_error;
	*out_matches = false;
	return OK;
}

enum err io_pci_check(const struct io_machine *machine, char *out_error)
{
	(void)machine;
	(void)out_error;
	return OK;
}

enum err io_pci_config_read(struct io_device *device, unsigned int reg, unsigned int width, uint32_t *out_value)
{
	(void)device;
	(void)reg;
	(void)width;
	(void)out_value;
	return ERR_NODEV;
}

enum err io_pci_config_write(struct io_device *device, unsigned int reg, unsigned int width, uint32_t value)
{
	(void)device;
	(void)reg;
	(void)width;
	(void)value;
	return ERR_NODEV;
}

void io_pci_allow_dma(struct io_device *device, bool is_allowed)
{
	(void)device;
	(void)is_allowed;
}

void io_pci_quiet(struct io_device *device)
{
	(void)device;
}

void io_pci_end(struct io_machine *machine)
{
	(void)machine;
}
