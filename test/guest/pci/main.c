/* The guest that drives QEMU's "edu" device [EDU] behind its PCI bridge: configuration space, a BAR that moves, INTx, DMA.
 *
 * Boot arguments: dma (the device finds the guest's RAM where the guest has it), rogue=ADDRESS (then it tries that one), watch
 * (looks until nobody serves its configuration space, and until somebody does again).
 */
#include <stddef.h>
#include <string.h>

#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../mmu.h"
#include "../print.h"
#include "../timer.h"
#include "pci.h"

#define EDU_ID 0x11e81234u
#define EDU_SIZE 0x100000u
/* Registers in BAR 0. [EDU] */
#define EDU_WHO 0x00
#define EDU_LIVE 0x04
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 1u
#define EDU_DMA_TO_RAM 2u
#define EDU_BUFFER 0x40000u
#define EDU_IDENTITY 0x010000edu

#define PATIENCE_US 20000000u
#define PATTERN 0x5a17c0dedb1ade00ull
#define WORDS 64u

static struct pci_bus bus;
static unsigned int slot; /* of the device that is looked at */
static uint64_t bar;      /* where its registers are */
static unsigned int other_slot;
static uint64_t
	other_bar; /* of another one with the same interrupt; 0: there is none, or its registers are nowhere yet */
static volatile unsigned int irqs, other_irqs;
static uint64_t source[WORDS], target[WORDS];

static uint64_t config(unsigned int reg)
{
	return pci_address(&bus, slot, reg);
}

static void set_command(unsigned int bits)
{
	io_write16(config(PCI_COMMAND), (uint16_t)bits);
}

/* Addresses that BARs use are mapped when they are needed, a BAR each. */
static void put_bar(uint64_t address)
{
	mmu_map((struct region){address, EDU_SIZE}, MMU_DEVICE);
	io_write32(config(PCI_BAR(0)), (uint32_t)address);
}

static bool is_edu_at(uint64_t address)
{
	if (io_read32(address + EDU_WHO) != EDU_IDENTITY)
		return false;
	io_write32(address + EDU_LIVE, 0x12345678);
	return io_read32(address + EDU_LIVE) == (uint32_t)~0x12345678u;
}

static bool find_edu(void)
{
	bool odd = false;

	for (unsigned int i = 0; i < PCI_SLOTS; i++) {
		uint32_t id = io_read32(pci_address(&bus, i, PCI_ID));

		if (id == UINT32_MAX)
			continue;
		print("pci: slot %u is %x, interrupt %u\n", i, id, pci_interrupt(i));
		/* Function 1 of it, and an access that is too wide. */
		odd |= io_read32(pci_address(&bus, i, 0x1000)) != UINT32_MAX;
		odd |= io_read64(pci_address(&bus, i, 0)) != UINT64_MAX;
		if (id == EDU_ID && slot != 0)
			other_slot = i;
		else if (id == EDU_ID)
			slot = i;
	}
	report(!odd, "what is not there reads as all ones");
	return report(slot != 0, "the device is on the bus");
}

static void check_header(void)
{
	uint32_t line = io_read8(config(PCI_LINE));

	report(io_read16(config(PCI_ID)) == 0x1234 && io_read16(config(PCI_ID + 2)) == 0x11e8 &&
		       io_read8(config(PCI_ID + 1)) == 0x12,
	       "configuration space is read in bytes and halves");
	report_value(io_read32(config(PCI_CLASS)) >> 16 == 0x00ff, "its class is other", io_read32(config(PCI_CLASS)));
	io_write8(config(PCI_LINE), (uint8_t)(line + 1));
	report(io_read8(config(PCI_LINE)) == (uint8_t)(line + 1) && io_read8(config(PCI_PIN)) == 1,
	       "the interrupt line can be noted, and the pin is INTA");
	io_write32(config(PCI_ID), 0);
	report(io_read32(config(PCI_ID)) == EDU_ID, "its name cannot be changed");
}

/* An interrupt of a message would need a controller that is not there. [PCI MSI capability] */
static void check_capabilities(void)
{
	unsigned int at = io_read8(config(0x34)) & 0xfcu, count = 0;
	bool msi = false;

	if (!(io_read16(config(PCI_STATUS)) & 0x10))
		at = 0;
	for (; at >= 0x40 && count < 48; at = io_read8(config(at + 1)) & 0xfcu, count++)
		msi |= io_read8(config(at)) == 0x05 || io_read8(config(at)) == 0x11;
	report(count < 48 && !msi, "it offers no MSI");
}

static void check_bar(void)
{
	uint64_t first = io_read32(config(PCI_BAR(0))), second = bus.window.base + 0x5000000;
	uint32_t size;

	report_value(first >= bus.window.base && first + EDU_SIZE <= bus.window.base + bus.window.size,
		     "its BAR has an address in the bridge's window", first);
	set_command(0);
	io_write32(config(PCI_BAR(0)), UINT32_MAX);
	size = ~io_read32(config(PCI_BAR(0))) + 1;
	report_value(size == EDU_SIZE, "the BAR tells its size", size);
	io_write32(config(PCI_BAR(1)), UINT32_MAX);
	report(io_read32(config(PCI_BAR(1))) == 0, "a BAR that is not there is 0");
	put_bar(first);
	report(io_read32(first + EDU_WHO) == UINT32_MAX, "before memory decoding is on nobody answers there");
	set_command(PCI_COMMAND_MEMORY);
	report(is_edu_at(first), "then the device answers");
	put_bar(second);
	report(is_edu_at(second), "the BAR is moved, and the device answers there");
	report(io_read32(first + EDU_WHO) == UINT32_MAX, "and no more where it was");
	bar = second;
}

/* On top of RAM, and of nothing: neither may change what the guest finds there. */
static void check_bar_in_wrong_places(void)
{
	volatile uint64_t *word = &target[0];

	*word = PATTERN;
	io_write32(config(PCI_BAR(0)), (uint32_t)(machine.image.base & ~(uint64_t)(EDU_SIZE - 1)));
	report(*word == PATTERN, "a BAR on top of RAM hides nothing");
	report(io_read32(bar + EDU_WHO) == UINT32_MAX, "and the device is nowhere");
	io_write32(config(PCI_BAR(0)), (uint32_t)bar);
	report(is_edu_at(bar), "it comes back");
	io_write8(config(PCI_COMMAND), 0);
	report(io_read32(bar + EDU_WHO) == UINT32_MAX, "with decoding off it is gone");
	io_write8(config(PCI_COMMAND), PCI_COMMAND_MEMORY);
	report(is_edu_at(bar) && io_read16(config(PCI_COMMAND)) == PCI_COMMAND_MEMORY, "with decoding on it is back");
}

static unsigned int acknowledge(uint64_t at)
{
	uint32_t status = io_read32(at + EDU_IRQ_STATUS);

	if (status != 0)
		io_write32(at + EDU_IRQ_ACK, status);
	return status != 0;
}

static void edu_irq(uint32_t id)
{
	(void)id;
	irqs += acknowledge(bar);
	if (other_bar != 0)
		other_irqs += acknowledge(other_bar);
}

static void check_interrupt(void)
{
	uint32_t id = pci_interrupt(slot);

	if (!report_value(id >= 32, "the device tree has an interrupt for it", id))
		return;
	irq_handle(id, edu_irq);
	gic_enable(id);
	irq_on();
	io_write32(bar + EDU_IRQ_RAISE, 1);
	report_value(timer_wait_for(&irqs, 1, PATIENCE_US), "its interrupt arrives", irqs);
	io_write32(bar + EDU_IRQ_RAISE, 2);
	report_value(timer_wait_for(&irqs, 2, PATIENCE_US), "and again", irqs);
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
	io_write32(bar + EDU_IRQ_RAISE, 4);
	report_value((io_read16(config(PCI_STATUS)) & PCI_STATUS_INTX) && irqs == 2,
		     "with INTx off it only shows in the status", irqs);
	set_command(PCI_COMMAND_MEMORY);
	report_value(timer_wait_for(&irqs, 3, PATIENCE_US), "and arrives when INTx is on", irqs);
	report_value(irqs == 3 && io_read32(bar + EDU_IRQ_STATUS) == 0, "none came twice", irqs);
}

/* Of two devices with one line each is heard, also while the other has it up. */
static void check_shared_interrupt(void)
{
	if (!report(pci_interrupt(other_slot) == pci_interrupt(slot), "two devices have one interrupt"))
		return;
	other_bar = bus.window.base + 0x7000000;
	mmu_map((struct region){other_bar, EDU_SIZE}, MMU_DEVICE);
	io_write32(pci_address(&bus, other_slot, PCI_BAR(0)), (uint32_t)other_bar);
	io_write16(pci_address(&bus, other_slot, PCI_COMMAND), PCI_COMMAND_MEMORY);
	report(is_edu_at(other_bar) && is_edu_at(bar), "both answer");
	irqs = other_irqs = 0;
	io_write32(other_bar + EDU_IRQ_RAISE, 1);
	report_value(timer_wait_for(&other_irqs, 1, PATIENCE_US) && irqs == 0, "the second one interrupts", irqs);
	irq_off();
	io_write32(other_bar + EDU_IRQ_RAISE, 1);
	io_write32(bar + EDU_IRQ_RAISE, 1);
	irq_on();
	report_value(timer_wait_for(&other_irqs, 2, PATIENCE_US) && timer_wait_for(&irqs, 1, PATIENCE_US),
		     "and both at once", irqs);
	/* In the way of the other one. */
	io_write32(config(PCI_BAR(0)), (uint32_t)other_bar);
	report(is_edu_at(other_bar) && io_read32(bar + EDU_WHO) == UINT32_MAX,
	       "a BAR on top of another one is nowhere");
	io_write32(config(PCI_BAR(0)), (uint32_t)bar);
	report(is_edu_at(bar), "and comes back");
	io_write16(pci_address(&bus, other_slot, PCI_COMMAND), 0);
}

/* The device does it a tenth of a second later, and says in the command when it is done. */
static bool transfer(uint64_t from, uint64_t to, unsigned int how)
{
	uint64_t end = timer_now() + timer_us(PATIENCE_US);

	dsb();
	io_write64(bar + EDU_DMA_FROM, from);
	io_write64(bar + EDU_DMA_TO, to);
	io_write64(bar + EDU_DMA_COUNT, sizeof(source));
	io_write64(bar + EDU_DMA_COMMAND, EDU_DMA_START | how);
	while (io_read64(bar + EDU_DMA_COMMAND) & EDU_DMA_START)
		if (timer_now() > end)
			return false;
	dsb();
	return true;
}

static bool fetch(uint64_t from)
{
	return transfer(from, EDU_BUFFER, 0);
}

static bool store(uint64_t to)
{
	return transfer(EDU_BUFFER, to, EDU_DMA_TO_RAM);
}

static void check_dma(void)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		source[i] = PATTERN + i;
		target[i] = 0;
	}
	set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	report(fetch((uintptr_t)source) && store((uintptr_t)target), "it copies the guest's memory");
	report_value(memcmp(source, target, sizeof(source)) == 0, "and what it copied is right", target[0]);
}

/* Neither can it bring our pattern there, nor does it bring anything from there. */
static void check_rogue(uint64_t address)
{
	bool strange = false;

	/* io tells few lines a second, and the VM may have had a life just before. */
	timer_delay(2000000);
	report(fetch((uintptr_t)source) && store(address), "it is told to write where the VM has nothing");
	timer_delay(2000000);
	memset(target, 0xff, sizeof(target));
	memset(source, 0, sizeof(source));
	report(fetch((uintptr_t)source) && fetch(address) && store((uintptr_t)target), "and to read there");
	for (unsigned int i = 0; i < WORDS; i++)
		strange |= target[i] != 0 && target[i] != UINT64_MAX;
	report_value(!strange, "it finds nothing of anybody", target[0]);
}

/* Behind the header: what is in it is known without asking. */
#define ASKED 0x40

static void check_silence(void)
{
	print("pci: watching\n");
	while (io_read32(config(ASKED)) != UINT32_MAX)
		;
	report(io_read16(config(PCI_STATUS)) == UINT16_MAX, "nobody tells the status");
	report(io_read32(config(PCI_ID)) == EDU_ID && is_edu_at(bar), "but the device is there, and answers");
	irqs = 0;
	io_write32(bar + EDU_IRQ_RAISE, 1);
	report_value(timer_wait_for(&irqs, 1, PATIENCE_US), "and interrupts", irqs);
	print("pci: nobody answers\n");
	while (io_read32(config(ASKED)) == UINT32_MAX)
		;
	report(io_read16(config(PCI_STATUS)) != UINT16_MAX && is_edu_at(bar), "somebody answers again");
}

/* The word in the boot arguments, and the number behind it if there is one. */
static bool argument(const char *name, uint64_t *out)
{
	const char *at = machine_property("/chosen", "bootargs");
	size_t length = 0;

	while (name[length])
		length++;
	while (at && *at && strncmp(at, name, length) != 0)
		at++;
	if (!at || !*at)
		return false;
	at += length;
	*out = 0;
	for (at += *at == '=' ? 3 : 0; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
		*out = *out << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
	return true;
}

void guest_main(void)
{
	uint64_t value;

	if (!report(pci_find(&bus), "the device tree has a PCI bridge") || !find_edu())
		return;
	check_header();
	check_capabilities();
	check_bar();
	check_bar_in_wrong_places();
	check_interrupt();
	if (other_slot != 0)
		check_shared_interrupt();
	if (argument("dma", &value))
		check_dma();
	if (argument("rogue", &value))
		check_rogue(value);
	if (argument("watch", &value))
		check_silence();
	set_command(0);
	gic_disable(pci_interrupt(slot));
}
