/* A client of a bus with PCI functions: tells their configuration space as it sees it, tries what it must not be able to do,
 * and uses QEMU's device edu: its registers, its interrupt line, its DMA. Argument "nodma": without that; "run" and a
 * number: so many times more. With capability `sign` that is its sign of life, which may outlive it. test/sys/test_io_pci.py
 * [PCI]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

enum { ID = 0x00, COMMAND = 0x04, BAR0 = 0x10, LIST = 0x34, LINE = 0x3c };
enum { MEMORY = 2, MASTER = 4, INTX_OFF = 0x400 };
#define EDU_ID 0x11e81234u
enum { EDU_IDENT = 0x00, EDU_LIVE = 0x04, EDU_IRQ_STATUS = 0x24, EDU_IRQ_RAISE = 0x60, EDU_IRQ_ACK = 0x64 };
enum { EDU_DMA_FROM = 0x80, EDU_DMA_TO = 0x88, EDU_DMA_SIZE = 0x90, EDU_DMA_COMMAND = 0x98 };
#define EDU_BUFFER 0x40000u
#define EDU_START 1u
#define EDU_TO_MEMORY 2u
#define EDU_IRQ 4u
#define WHERE 0x30000000ull /* where the SMMU shows our page to the device */

static struct l4_vbus bus;
static uint32_t factory, irq;
static volatile uint32_t *page;
static volatile uint32_t *edu;

static bool must(bool is_so, const char *what)
{
	if (!is_so)
		printf("wrong: %s\n", what);
	return is_so;
}

/* io may die with the call in its hands; both may be done twice. */
static uint32_t get(unsigned int device, unsigned int reg, unsigned int width)
{
	uint32_t value = 0;
	enum err err;

	do {
		err = l4_vbus_config_read(&bus, device, reg, width, &value);
	} while (err == ERR_NOREPLY);
	if (err != OK)
		printf("wrong: register 0x%x cannot be read\n", reg);
	return value;
}

static void put(unsigned int device, unsigned int reg, unsigned int width, uint32_t value)
{
	enum err err;

	do {
		err = l4_vbus_config_write(&bus, device, reg, width, value);
	} while (err == ERR_NOREPLY);
	if (err != OK)
		printf("wrong: register 0x%x cannot be written\n", reg);
}

/* ---- every function ---- */

static void tell(unsigned int index)
{
	struct l4_vbus_device device;
	unsigned int at = get(index, LIST, 1);

	if (l4_vbus_device(&bus, index, &device) != OK)
		return;
	printf("%s: %08x bar0 %08x capabilities", device.text, get(index, ID, 4), get(index, BAR0, 4));
	for (unsigned int i = 0; i < 48 && at != 0; i++) {
		printf(" %02x", get(index, at, 1));
		at = get(index, at + 1, 1);
	}
	printf(" command %04x\n", get(index, COMMAND, 2));
}

/* BARs stay, ports stay off, and without a DMA space there is no bus mastering. */
static bool try_config(unsigned int index)
{
	uint32_t bars[6], command, value;

	for (unsigned int i = 0; i < 6; i++) {
		bars[i] = get(index, BAR0 + 4 * i, 4);
		put(index, BAR0 + 4 * i, 4, UINT32_MAX);
		if (!must(get(index, BAR0 + 4 * i, 4) == bars[i], "a BAR moved"))
			return false;
	}
	put(index, COMMAND, 2, 0x07ff);
	command = get(index, COMMAND, 2);
	put(index, LINE, 1, 77);
	put(index, COMMAND, 2, 0);
	return must(command == (MEMORY | INTX_OFF), "the command register takes more than it may") &&
	       must(get(index, COMMAND, 2) == MEMORY, "memory is not answered any more") &&
	       must(get(index, LINE, 1) == 77, "the interrupt line register is not free") &&
	       must(l4_vbus_config_read(&bus, index, 4096, 4, &value) != OK, "there is no end") &&
	       must(l4_vbus_config_read(&bus, index, 2, 4, &value) != OK, "a register across two is read");
}

/* ---- edu ---- */

static bool find_edu(unsigned int index)
{
	struct l4_vbus_resource r;
	uint32_t window;
	void *at = NULL;

	for (unsigned int i = 0; l4_vbus_resource(&bus, index, i, &r) == OK; i++) {
		if (r.type == L4_VBUS_TYPE_IRQ && !must(l4_vbus_irq(&bus, index, i, irq) == OK, "no interrupt"))
			return false;
		if (r.type != L4_VBUS_TYPE_MEM || strcmp(r.id, "bar0") != 0)
			continue;
		if (!must(l4_slot_alloc(&window) == OK && l4_vbus_mmio(&bus, index, i, window) == OK &&
				  l4_attach(window, 0, r.size, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE, &at) == OK,
			  "no registers"))
			return false;
		edu = at;
	}
	return must(edu != NULL, "edu has no BAR 0");
}

static void wait_irq(void)
{
	struct l4_msg msg;

	do {
		(void)!(l4_irq_unmask(irq) == OK);
	} while (l4_receive(&msg, 0) != OK || msg.badge != 2);
	edu[EDU_IRQ_ACK / 4] = edu[EDU_IRQ_STATUS / 4];
}

static bool use_registers(void)
{
	if (!must((edu[EDU_IDENT / 4] & 0xffff) == 0xed, "edu says that it is something else"))
		return false;
	edu[EDU_LIVE / 4] = 0x12345678;
	if (!must(edu[EDU_LIVE / 4] == ~0x12345678u, "edu does not calculate"))
		return false;
	edu[EDU_IRQ_RAISE / 4] = 1;
	wait_irq();
	printf("edu: registers and interrupt\n");
	return true;
}

/* Addresses are taken only as 64 bits at once. */
static void edu_put64(unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(volatile void *)&edu[reg / 4] = value;
}

static void transfer(uint64_t from, uint64_t to, uint32_t command)
{
	edu_put64(EDU_DMA_FROM, from);
	edu_put64(EDU_DMA_TO, to);
	edu_put64(EDU_DMA_SIZE, 64);
	edu_put64(EDU_DMA_COMMAND, command | EDU_START | EDU_IRQ);
	wait_irq();
}

/* A page of ours, and its address for devices. */
static bool make_memory(uint64_t *out_address)
{
	uint32_t space = 0, dataspace = 0;
	uint64_t size = L4_PAGE_SIZE;
	unsigned int kind = 0;
	void *at = NULL;

	*out_address = WHERE;
	if (!must(l4_slot_alloc(&space) == OK && l4_slot_alloc(&dataspace) == OK &&
			  l4_factory_create_dma_space(factory, space) == OK && l4_vbus_dma(&bus, space, &kind) == OK,
		  "no DMA space"))
		return false;
	if (!must(l4_factory_create_dataspace(factory, dataspace, L4_PAGE_SIZE, 0, 0) == OK &&
			  l4_space_dma_map(space, dataspace, 0, out_address, &size, L4_MAP_R | L4_MAP_W) == OK &&
			  l4_attach(dataspace, 0, L4_PAGE_SIZE, L4_MAP_R | L4_MAP_W, &at) == OK,
		  "no memory for DMA"))
		return false;
	page = at;
	printf("edu: DMA kind %u, %s\n", kind, *out_address == WHERE ? "where we want it" : "at its physical address");
	return true;
}

static bool move_data(uint64_t address, uint32_t seed)
{
	for (unsigned int i = 0; i < 16; i++)
		page[i] = seed + i;
	transfer(address, EDU_BUFFER, 0);
	transfer(EDU_BUFFER, address + 128, EDU_TO_MEMORY);
	for (unsigned int i = 0; i < 16; i++)
		if (!must(page[32 + i] == seed + i, "what DMA wrote is not what it read"))
			return false;
	return true;
}

/* To and from where nothing of ours is. The device is done as if it had been there. */
static bool go_astray(void)
{
	for (unsigned int i = 0; i < 16; i++)
		page[i] = ~i;
	transfer(EDU_BUFFER, WHERE + 0x100000, EDU_TO_MEMORY);
	transfer(WHERE + 0x200000, EDU_BUFFER, 0);
	for (unsigned int i = 0; i < 16; i++)
		if (!must(page[i] == ~i, "DMA to another address came here"))
			return false;
	printf("edu: DMA astray\n");
	return true;
}

/* Rounds: the same again, asking io each time; io may be started again meanwhile. Ends with DMA switched on. */
static bool use_dma(unsigned int index, unsigned long rounds)
{
	uint64_t address;

	if (!make_memory(&address))
		return false;
	put(index, COMMAND, 2, MASTER);
	if (!must(get(index, COMMAND, 2) == (MEMORY | MASTER), "no bus mastering though there is a DMA space") ||
	    !move_data(address, 0x1000))
		return false;
	printf("edu: DMA there and back\n");
	if (rounds == 0 && address == WHERE && !go_astray())
		return false;
	for (uint32_t round = 1; round <= rounds; round++) {
		if (!must(get(index, COMMAND, 2) == (MEMORY | MASTER), "the command register changed") ||
		    !move_data(address, round))
			return false;
		put(index, COMMAND, 2, MASTER);
		printf("edu: round %u\n", round);
	}
	return true;
}

static bool open_bus(void)
{
	uint32_t gate, sign;

	return must(l4_env_cap("factory", &factory) == OK && l4_env_cap("vbus", &gate) == OK &&
			    (l4_env_cap("sign", &sign) == OK ||
			     (l4_slot_alloc(&sign) == OK && l4_factory_create_irq(factory, sign) == OK)) &&
			    l4_slot_alloc(&irq) == OK && l4_factory_create_irq(factory, irq) == OK &&
			    l4_irq_bind_thread(irq, L4_SLOT_SELF, 2) == OK && l4_vbus_open(&bus, gate, sign) == OK,
		    "the bus cannot be opened");
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 2 && strcmp(argv[1], "run") == 0 ? strtoul(argv[2], NULL, 10) : 0;
	bool is_with_dma = argc < 2 || strcmp(argv[1], "nodma") != 0;
	bool good = open_bus();

	for (unsigned int i = 0; good && i < bus.devices; i++) {
		tell(i);
		good = try_config(i);
		if (good && get(i, ID, 4) == EDU_ID)
			good = find_edu(i) && use_registers() && (!is_with_dma || use_dma(i, rounds));
	}
	if (!good)
		return 1;
	printf("all is well\n");
	return 0;
}
