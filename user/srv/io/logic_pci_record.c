/* What an io that was started before us found out: sizes of BARs, addresses, windows of bridges.
 *
 * To size a BAR it is taken from where it is, which a guest that uses the function meanwhile would notice; and a function
 * that its guest has just reset has lost its addresses, which the guest still has. So io keeps them in memory that outlives
 * it, and the next one puts everything where it was. Only io writes there; an entry that is no more of the function that is
 * there now is not used, and addresses are checked as those of firmware are.
 */
#include "user/srv/io/logic_pci.h"

#define MAGIC 0x3149435052434950ull /* "PIRCPCI1" */

#define IS_64 1u
#define IS_PREFETCHABLE 2u

struct entry {
	uint64_t config; /* of the host bridge */
	uint32_t id;
	uint8_t bus, slot, function, header_type;
	struct {
		uint64_t size, at;
		uint64_t flags;
	} area[PCI_AREAS];
};

struct record {
	uint64_t magic;
	uint64_t count;
	struct entry entry[];
};

static size_t entries_max(const struct io_machine *machine)
{
	if (machine->record == NULL || machine->record_size < sizeof(struct record))
		return 0;
	return (machine->record_size - sizeof(struct record)) / sizeof(struct entry);
}

bool pci_record_is_new(const struct io_machine *machine)
{
	const struct record *record = machine->record;

	return entries_max(machine) != 0 && record->magic != MAGIC;
}

static uint32_t id_of(const struct pci_function *f)
{
	return (uint32_t)f->product << 16 | f->vendor;
}

static bool is_of(const struct entry *e, const struct pci_function *f)
{
	return e->config == f->host->config.base && e->id == id_of(f) && e->bus == f->bus && e->slot == f->slot &&
	       e->function == f->function && e->header_type == f->header_type;
}

/* The entry of a function, or NULL. */
static struct entry *find(const struct pci_function *f)
{
	struct record *record = f->host->machine->record;
	size_t max = entries_max(f->host->machine);

	if (max == 0 || record->magic != MAGIC)
		return NULL;
	for (size_t i = 0; i < record->count && i < max; i++)
		if (is_of(&record->entry[i], f))
			return &record->entry[i];
	return NULL;
}

static bool is_power_of_2(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

bool pci_record_recall(struct pci_function *f)
{
	const struct entry *e = find(f);

	if (e == NULL || f->why[0] != 0)
		return false;
	for (unsigned int i = 0; i < PCI_AREAS; i++) {
		struct pci_area *area = &f->area[i];

		if (i < PCI_BARS && e->area[i].size != 0 && !is_power_of_2(e->area[i].size))
			return false;
		*area = (struct pci_area){
			.size = e->area[i].size,
			.now = e->area[i].at,
			.is_64 = (e->area[i].flags & IS_64) != 0,
			.is_prefetchable = (e->area[i].flags & IS_PREFETCHABLE) != 0,
		};
		area->align = area->size > L4_PAGE_SIZE ? area->size : L4_PAGE_SIZE;
	}
	return true;
}

static struct entry *add(struct io_machine *machine)
{
	struct record *record = machine->record;
	size_t max = entries_max(machine);

	if (max == 0)
		return NULL;
	if (record->magic != MAGIC) {
		record->count = 0;
		record->magic = MAGIC;
	}
	return record->count < max ? &record->entry[record->count++] : NULL;
}

static void store(const struct pci_function *f)
{
	struct entry *e = find(f);

	if (e == NULL)
		e = add(f->host->machine);
	if (e == NULL)
		return; /* the next io sizes it again */
	*e = (struct entry){
		.config = f->host->config.base,
		.id = id_of(f),
		.bus = f->bus,
		.slot = f->slot,
		.function = f->function,
		.header_type = f->header_type,
	};
	for (unsigned int i = 0; i < PCI_AREAS; i++) {
		const struct pci_area *area = &f->area[i];

		e->area[i].size = area->size;
		e->area[i].at = area->is_placed ? area->at : 0;
		e->area[i].flags = (area->is_64 ? IS_64 : 0) | (area->is_prefetchable ? IS_PREFETCHABLE : 0);
	}
}

void pci_record_store(const struct io_pci_bridge *host)
{
	for (unsigned int i = 0; i < host->function_count; i++)
		if (host->function[i]->is_decoded)
			store(host->function[i]);
}
