/* PCI host bridge of a guest; see pci_host.h. Pure. */
#include "model/pci_host.h"

#include <string.h>

/* The header, by byte [PCI configuration space header]; R: kept here, W: the guest's, D: the device is asked. */
enum {
	REG_ID = 0x00,      /* R  vendor and device */
	REG_COMMAND = 0x04, /* W  and D: what is written is passed on, and the device asked whether it has it still */
	REG_STATUS = 0x06,  /* D */
	REG_CLASS = 0x08,   /* R  class and revision */
	REG_HEADER = 0x0c,  /* R  cache line size, latency timer, header type, BIST: only the type, which is 0 */
	REG_BAR = 0x10,     /* W  six of them */
	REG_ROM = 0x30,     /* R  none: 0 */
	REG_CAPABILITY = 0x34, /* R */
	REG_INTERRUPT = 0x3c,  /* W  line; R pin */
	REG_DEVICE = 0x40,     /* D  everything from here on */
};

#define HEADER_TYPE_MASK 0x7f0000u
#define COMMAND_MEMORY 0x0002u
/* Memory decoding, bus master, parity and SERR, INTx off [PCI command register]. I/O decoding has nothing to decode. */
#define COMMAND_MASK 0x0546u

#define BAR_TYPE_WIDE 4u
#define BAR_TYPE_PREFETCHABLE 8u
#define PAGE_SIZE 0x1000u

/* ---- making it ---- */

void pci_host_init(struct pci_host *host, const struct pci_host_port *port)
{
	memset(host, 0, sizeof(*host));
	host->state.version = PCI_HOST_VERSION;
	host->port = *port;
}

enum err pci_host_window(struct pci_host *host, unsigned int n, const struct pci_window *window)
{
	uint64_t end;

	if (n >= PCI_WINDOWS || window->size == 0 || (window->pci | window->cpu | window->size) % PAGE_SIZE != 0 ||
	    __builtin_add_overflow(window->pci, window->size, &end) ||
	    __builtin_add_overflow(window->cpu, window->size, &end))
		return ERR_INVAL;
	host->state.window[n] = *window;
	return OK;
}

enum err pci_host_add(struct pci_host *host, unsigned int slot, const uint32_t header[PCI_HEADER_WORDS], bool has_irq)
{
	struct pci_function *function;

	if (slot >= PCI_SLOTS || (header[0] & 0xffff) == 0xffff || header[REG_HEADER / 4] & HEADER_TYPE_MASK)
		return ERR_INVAL;
	function = &host->state.function[slot];
	if (function->is_there)
		return ERR_EXIST;
	*function = (struct pci_function){.is_there = true};
	memcpy(function->header, header, sizeof(function->header));
	function->header[REG_COMMAND / 4] = 0;
	function->header[REG_HEADER / 4] = 0;
	memset(&function->header[REG_BAR / 4], 0, 4 * PCI_BARS);
	function->header[REG_ROM / 4] = 0;
	function->header[REG_CAPABILITY / 4] &= 0xff;
	/* Pin 1 is INTA. Minimal grant and latency mean nothing to anyone. */
	function->header[REG_INTERRUPT / 4] = has_irq ? 1u << 8 : 0;
	return OK;
}

/* The upper half of a wide one. */
static bool is_upper(const struct pci_function *function, unsigned int bar)
{
	return bar > 0 && function->bar[bar - 1].size != 0 && function->bar[bar - 1].type & BAR_TYPE_WIDE;
}

enum err pci_host_add_bar(struct pci_host *host, unsigned int slot, unsigned int bar, uint64_t size, bool wide,
			  bool prefetchable)
{
	struct pci_function *function;
	uint64_t room = PCI_BAR_SIZE_MIN;

	if (slot >= PCI_SLOTS || bar >= PCI_BARS || size == 0 || size > (wide ? PCI_BAR_SIZE_MAX : 1ull << 31))
		return ERR_INVAL;
	function = &host->state.function[slot];
	if (!function->is_there || function->bar[bar].size != 0 || is_upper(function, bar))
		return ERR_INVAL;
	if (wide && (bar + 1 == PCI_BARS || function->bar[bar + 1].size != 0))
		return ERR_INVAL;
	while (room < size)
		room <<= 1;
	function->bar[bar].size = room;
	function->bar[bar].type = (uint8_t)((wide ? BAR_TYPE_WIDE : 0) | (prefetchable ? BAR_TYPE_PREFETCHABLE : 0));
	return OK;
}

/* The next address for so many bytes in a window; *at: what is used of it. */
static bool take(const struct pci_window *window, uint64_t *at, uint64_t size, uint64_t *out)
{
	uint64_t start = (window->pci + *at + size - 1) & ~(size - 1);

	/* An address of 0 says "none" to some. */
	if (start == 0)
		start = size;
	if (start < window->pci || start - window->pci > window->size || window->size - (start - window->pci) < size)
		return false;
	*at = start - window->pci + size;
	*out = start;
	return true;
}

/* The largest first, so that alignment wastes nothing. */
static bool assign_size(struct pci_host *host, uint64_t size, uint64_t used[PCI_WINDOWS])
{
	struct pci_host_state *s = &host->state;
	bool all = true;

	for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++) {
		struct pci_bar *bar = &s->function[i / PCI_BARS].bar[i % PCI_BARS];
		bool wide = bar->type & BAR_TYPE_WIDE;

		if (bar->size != size)
			continue;
		if (!take(&s->window[0], &used[0], size, &bar->value) &&
		    !(wide && take(&s->window[1], &used[1], size, &bar->value)))
			all = false;
	}
	return all;
}

bool pci_host_assign(struct pci_host *host)
{
	uint64_t used[PCI_WINDOWS] = {0};
	bool all = true;

	for (uint64_t size = PCI_BAR_SIZE_MAX; size >= PCI_BAR_SIZE_MIN; size >>= 1)
		all = assign_size(host, size, used) && all;
	return all;
}

/* ---- where BARs are ---- */

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a - b < b_size || b - a < a_size;
}

/* Where the CPU sees a BAR, if all of it lies in a window. */
static bool cpu_address(const struct pci_host_state *s, const struct pci_bar *bar, uint64_t *out)
{
	for (unsigned int i = 0; i < PCI_WINDOWS; i++) {
		const struct pci_window *window = &s->window[i];
		uint64_t offset = bar->value - window->pci;

		if (offset < window->size && window->size - offset >= bar->size) {
			*out = window->cpu + offset;
			return true;
		}
	}
	return false;
}

static bool is_free(const struct pci_host_state *s, uint64_t address, uint64_t size)
{
	for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++) {
		const struct pci_bar *bar = &s->function[i / PCI_BARS].bar[i % PCI_BARS];

		if (bar->is_mapped && overlaps(bar->mapped_at, bar->size, address, size))
			return false;
	}
	return true;
}

static void withdraw(struct pci_host *host, unsigned int slot, unsigned int index)
{
	const struct pci_function *function = &host->state.function[slot];
	struct pci_bar *bar = &host->state.function[slot].bar[index];
	uint64_t address;

	if (!bar->is_mapped)
		return;
	if (function->command & COMMAND_MEMORY && cpu_address(&host->state, bar, &address) && address == bar->mapped_at)
		return;
	host->port.unmap(host->port.context, slot, index, bar->mapped_at);
	bar->is_mapped = false;
}

/* A BAR that has no address: 0, or all ones, as for finding out its size. */
static bool is_parked(const struct pci_bar *bar)
{
	uint64_t top = (bar->type & BAR_TYPE_WIDE ? UINT64_MAX : UINT32_MAX) & ~(bar->size - 1);

	return bar->value == 0 || bar->value == top || bar->value == (UINT32_MAX & ~(bar->size - 1)) ||
	       bar->value >> 32 == UINT32_MAX;
}

static void lost(struct pci_host *host, unsigned int slot, unsigned int index, enum err err)
{
	struct pci_bar *bar = &host->state.function[slot].bar[index];

	if (bar->is_told || is_parked(bar))
		return;
	bar->is_told = true;
	host->port.lost(host->port.context, slot, index, bar->value, err);
}

static void offer(struct pci_host *host, unsigned int slot, unsigned int index)
{
	const struct pci_function *function = &host->state.function[slot];
	struct pci_bar *bar = &host->state.function[slot].bar[index];
	uint64_t address = 0;
	enum err err = OK;

	if (bar->size == 0 || bar->is_mapped || !(function->command & COMMAND_MEMORY))
		return;
	if (!cpu_address(&host->state, bar, &address))
		err = ERR_RANGE;
	else if (!is_free(&host->state, address, bar->size))
		err = ERR_EXIST;
	else
		err = host->port.map(host->port.context, slot, index, address);
	if (err != OK) {
		lost(host, slot, index, err);
		return;
	}
	bar->is_mapped = true;
	bar->mapped_at = address;
}

/* After a change of a command or a BAR. What goes makes room for what comes. */
static void update(struct pci_host *host)
{
	for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++)
		withdraw(host, i / PCI_BARS, i % PCI_BARS);
	for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++)
		offer(host, i / PCI_BARS, i % PCI_BARS);
}

/* ---- configuration space ---- */

static uint32_t bar_read(const struct pci_function *function, unsigned int index)
{
	if (is_upper(function, index))
		return (uint32_t)(function->bar[index - 1].value >> 32);
	return (uint32_t)function->bar[index].value | function->bar[index].type;
}

static void bar_write(struct pci_function *function, unsigned int index, uint32_t value)
{
	bool upper = is_upper(function, index);
	struct pci_bar *bar = &function->bar[upper ? index - 1 : index];

	if (bar->size == 0)
		return;
	if (upper)
		bar->value = (uint64_t)value << 32 | (uint32_t)bar->value;
	else
		bar->value = (bar->value & ~(uint64_t)UINT32_MAX) | value;
	bar->value &= ~(bar->size - 1);
}

/* A word of what is kept here. */
static uint32_t word_read(const struct pci_function *function, unsigned int reg)
{
	if (reg >= REG_BAR && reg < REG_BAR + 4 * PCI_BARS)
		return bar_read(function, (reg - REG_BAR) / 4);
	if (reg == REG_COMMAND)
		return function->command;
	if (reg == REG_INTERRUPT)
		return function->header[REG_INTERRUPT / 4] | function->irq_line;
	return function->header[reg / 4];
}

static void word_write(struct pci_host *host, struct pci_function *function, unsigned int reg, uint32_t value)
{
	if (reg == REG_INTERRUPT) {
		function->irq_line = (uint8_t)value;
		return;
	}
	if (reg == REG_COMMAND)
		function->command = value & COMMAND_MASK;
	else if (reg >= REG_BAR && reg < REG_BAR + 4 * PCI_BARS)
		bar_write(function, (reg - REG_BAR) / 4, value);
	else
		return;
	update(host);
}

static uint32_t size_mask(unsigned int size)
{
	return UINT32_MAX >> (32 - 8 * size);
}

/* The guest writes some bytes of a word. */
static void part_write(struct pci_host *host, struct pci_function *function, unsigned int reg, unsigned int size,
		       uint32_t value)
{
	unsigned int shift = (reg & 3) * 8;
	uint32_t mask = size_mask(size) << shift;

	word_write(host, function, reg & ~3u, (word_read(function, reg & ~3u) & ~mask) | ((value << shift) & mask));
}

static enum mmio_result ask(struct pci_host *host, const struct pci_request *request)
{
	host->request = *request;
	return MMIO_REMOTE;
}

static enum mmio_result load(struct pci_host *host, unsigned int slot, unsigned int reg, struct mmio_access *access)
{
	const struct pci_function *function = &host->state.function[slot];
	struct pci_request request = {.slot = slot, .reg = reg, .size = access->size};

	if (reg >= REG_DEVICE || (reg & ~1u) == REG_STATUS)
		return ask(host, &request);
	if ((reg & ~3u) == REG_COMMAND) {
		request.reg = REG_COMMAND;
		request.size = 4;
		request.is_command = true;
		request.command = function->command;
		request.shift = (reg & 3) * 8;
		request.mask = size_mask(access->size);
		return ask(host, &request);
	}
	access->value = word_read(function, reg & ~3u) >> (reg & 3) * 8 & size_mask(access->size);
	return MMIO_OK;
}

/* The device's memory is always decoded, but after a reset. */
uint32_t pci_request_result(const struct pci_request *request, uint32_t answer)
{
	uint32_t command = request->command;

	if (!request->is_command)
		return answer;
	if (!(answer & COMMAND_MEMORY))
		command &= answer;
	return ((answer & 0xffff0000) | command) >> request->shift & request->mask;
}

static enum mmio_result store(struct pci_host *host, unsigned int slot, unsigned int reg, uint32_t value,
			      unsigned int size)
{
	struct pci_function *function = &host->state.function[slot];
	struct pci_request request = {slot, reg, size, .write = true, .value = value};

	if (reg >= REG_DEVICE || (reg & ~1u) == REG_STATUS)
		return ask(host, &request);
	part_write(host, function, reg, size, value);
	if ((reg & ~3u) != REG_COMMAND)
		return MMIO_OK;
	/* The device gets the whole command, and its status when that was written too: ones there clear bits. */
	request.reg = REG_COMMAND;
	request.size = size == 4 ? 4 : 2;
	request.value = function->command | (size == 4 ? value & 0xffff0000 : 0);
	return ask(host, &request);
}

enum mmio_result pci_host_access(void *device, struct mmio_access *access)
{
	struct pci_host *host = device;
	unsigned int slot = (unsigned int)(access->address >> 15) & (PCI_SLOTS - 1);
	unsigned int function = (unsigned int)(access->address >> 12) & 7;
	unsigned int reg = (unsigned int)access->address & 0xfff;

	if (access->size > 4 || reg & (access->size - 1) || access->address >= PCI_BUS_SIZE || function != 0 ||
	    !host->state.function[slot].is_there)
		return pci_window_access(NULL, access);
	if (access->write)
		return store(host, slot, reg, (uint32_t)access->value, access->size);
	return load(host, slot, reg, access);
}

enum mmio_result pci_window_access(void *device, struct mmio_access *access)
{
	(void)device;
	if (!access->write)
		access->value = UINT64_MAX >> (64 - 8 * access->size);
	return MMIO_OK;
}
