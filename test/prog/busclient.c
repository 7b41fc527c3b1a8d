/* A client of a virtual bus: says what is on it. With argument "clock" it uses a PL031, its registers and its alarm, and asks io
 * for something after each; with a number behind it ends after so many alarms, with "back" three alarms after io came back.
 * With "dma" it makes the bus a DMA space and looks at what that is. test/sys/test_io.py [PL031] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <l4/rt.h>

enum { BADGE_BUS = 1, BADGE_ALARM = 2, PATIENCE_MS = 30000, AFTER_BACK = 3 };
enum { DR = 0x0, MR = 0x4, IMSC = 0x10, ICR = 0x1c, PERIPH_ID0 = 0xfe0 };

static struct l4_vbus bus;
static uint32_t factory;

static uint32_t make_irq(uint64_t badge)
{
	uint32_t irq = 0;

	if (l4_slot_alloc(&irq) || l4_factory_create_irq(factory, irq) || l4_irq_bind_thread(irq, L4_SLOT_SELF, badge))
		return 0;
	return irq;
}

static void tell_device(unsigned int index)
{
	struct l4_vbus_device device;
	struct l4_vbus_resource r;

	if (l4_vbus_device(&bus, index, &device) != OK) {
		printf("device %u does not answer\n", index);
		return;
	}
	printf("device %u: %s (%s)%s%s\n", index, device.text,
	       device.size > strlen(device.text) + 1 ? device.text + strlen(device.text) + 1 : "",
	       device.flags & L4_VBUS_DEVICE_PCI ? " PCI" : "", device.flags & L4_VBUS_DEVICE_DMA ? " DMA" : "");
	for (unsigned int i = 0; i < device.resources; i++)
		if (l4_vbus_resource(&bus, index, i, &r) == OK)
			printf("  %s: type %u flags %u base %lx size %lx\n", r.id, r.type, r.flags,
			       (unsigned long)r.base, (unsigned long)r.size);
}

/* `is_patient`: somebody else may have it for a moment. */
static enum err open_bus(bool is_patient)
{
	uint64_t give_up = l4_now() + l4_ticks_of_ms(is_patient ? PATIENCE_MS : 0);
	uint32_t gate, sign = make_irq(BADGE_BUS);
	struct l4_msg msg;
	enum err err = l4_env_cap("vbus", &gate);

	if (err == OK)
		err = l4_object_watch(gate, sign);
	if (err != OK)
		return err;
	while ((err = l4_vbus_open(&bus, gate, sign)) == ERR_BUSY && l4_now() < give_up)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(20));
	/* That io had come before we asked is no news. */
	while (err == OK && l4_receive(&msg, 1) == OK)
		;
	return err;
}

static const char *check_limits(void)
{
	struct l4_vbus_device device;
	struct l4_vbus_resource r;
	uint32_t slot, value;

	if (l4_slot_alloc(&slot))
		return "no slot";
	if (l4_vbus_device(&bus, bus.devices, &device) != ERR_RANGE || l4_vbus_resource(&bus, 0, 99, &r) != ERR_RANGE)
		return "a device or resource that is not there is told";
	if (l4_vbus_mmio(&bus, 0, 99, slot) != ERR_RANGE || l4_vbus_irq(&bus, bus.devices, 0, bus.sign) != ERR_RANGE)
		return "a resource that is not there is given";
	if (l4_vbus_mmio(&bus, 0, 1, slot) != ERR_INVAL || l4_vbus_irq(&bus, 0, 0, bus.sign) != ERR_INVAL)
		return "registers and interrupts are mixed up";
	if (l4_vbus_config_read(&bus, 0, 0, 4, &value) != ERR_NODEV)
		return "the clock has a configuration space";
	return NULL;
}

/* io pays for windows: who asks again and again gets the same one, and uses up nothing. That it is the same is seen by this:
 * an object has room for so many watchers, and when one window has no more, the other has none either. */
static const char *check_windows(void)
{
	uint32_t one, other, irq = 0;
	enum err err = OK;

	if (l4_slot_alloc(&one) || l4_slot_alloc(&other))
		return "no slot";
	if (l4_vbus_mmio(&bus, 0, 0, one) != OK || l4_vbus_mmio(&bus, 0, 0, other) != OK)
		return "a window is not given twice";
	while (err == OK) {
		irq = make_irq(BADGE_BUS);
		err = irq != 0 ? l4_object_watch(one, irq) : ERR_NOMEM;
	}
	if (err != ERR_NOSPC)
		return "there is no end of watchers";
	return l4_object_watch(other, irq) == ERR_NOSPC ? NULL : "each window costs io something";
}

static void set_alarm(volatile uint32_t *clock)
{
	clock[MR / 4] = clock[DR / 4] + 1;
	clock[IMSC / 4] = 1;
}

/* Alarms that are left; 0: no end. */
static int use_clock(unsigned long left, bool until_back)
{
	uint32_t irq = make_irq(BADGE_ALARM), window;
	struct l4_vbus_device device;
	volatile uint32_t *clock;
	void *at;
	const char *wrong = check_limits();

	if (wrong == NULL && !until_back)
		wrong = check_windows();
	if (wrong != NULL) {
		printf("wrong: %s\n", wrong);
		return 1;
	}
	if (l4_slot_alloc(&window) || l4_vbus_mmio(&bus, 0, 0, window) || l4_vbus_irq(&bus, 0, 1, irq) ||
	    l4_attach(window, 0, L4_PAGE_SIZE, L4_MAP_R | L4_MAP_W | L4_MAP_DEVICE, &at)) {
		printf("wrong: the clock is not to be had\n");
		return 1;
	}
	clock = at;
	printf("peripheral 0x%x\n", (unsigned int)(clock[PERIPH_ID0 / 4] & 0xff));
	set_alarm(clock);
	(void)!(l4_irq_unmask(irq) == OK);
	for (unsigned long i = 1;;) {
		struct l4_msg msg;

		if (l4_receive(&msg, 0) != OK)
			continue;
		if (msg.badge == BADGE_BUS && until_back) {
			printf("io is back%s\n", l4_vbus_reopen(&bus) == OK ? "" : ", but not for us");
			left = AFTER_BACK + 1;
		}
		if (msg.badge != BADGE_ALARM)
			continue;
		clock[ICR / 4] = 1;
		set_alarm(clock);
		if (l4_irq_unmask(irq) != OK || l4_vbus_device(&bus, 0, &device) != OK) {
			printf("wrong: after alarm %lu\n", i);
			return 1;
		}
		printf("alarm %lu, %s\n", i++, device.text);
		if (left != 0 && --left == 0)
			return 0;
	}
}

static enum err make_spaces(uint32_t *out_vm, uint32_t *out_domain)
{
	enum err err = l4_slot_alloc(out_vm);

	if (err == OK)
		err = l4_slot_alloc(out_domain);
	if (err == OK)
		err = l4_factory_create_vm(factory, *out_vm);
	return err == OK ? l4_factory_create_dma_space(factory, *out_domain) : err;
}

static const char *check_dma(void)
{
	uint32_t vm, domain, memory, kind = 0, wrong_kind = 0;
	uint64_t address = 0, size = L4_PAGE_SIZE, limit;

	if (make_spaces(&vm, &domain) != OK || l4_slot_alloc(&memory) != OK ||
	    l4_factory_create_dataspace(factory, memory, L4_PAGE_SIZE, 0, 0) != OK)
		return "no memory";
	if (bus.dma_kind == L4_DMA_NONE)
		return l4_vbus_dma(&bus, domain, &kind) == ERR_NODEV ? NULL : "a bus without DMA takes a DMA space";
	if (l4_vbus_dma(&bus, bus.sign, &wrong_kind) != ERR_BADPROTO || l4_vbus_dma(&bus, vm, &wrong_kind) != ERR_INVAL)
		return "what is no DMA space is taken for one";
	if (l4_space_dma_info(domain, &kind, &limit) != OK || kind != L4_DMA_TRANSLATING)
		return "a new DMA space does not translate";
	if (l4_vbus_dma(&bus, domain, &kind) != OK || kind != bus.dma_kind)
		return "the DMA space is refused";
	if (l4_space_dma_info(domain, &kind, &limit) != OK || kind != bus.dma_kind)
		return "the DMA space is not what it should be";
	if (l4_vbus_dma(&bus, domain, &kind) != ERR_BUSY)
		return "the bus takes two DMA spaces";
	if (l4_space_dma_map(domain, memory, 0, &address, &size, L4_MAP_R | L4_MAP_W) != OK || size != L4_PAGE_SIZE)
		return "memory cannot be mapped for devices";
	printf("devices reach memory at 0x%lx\n", (unsigned long)address);
	return l4_vbus_reopen(&bus) == OK ? NULL : "who has the bus cannot open it again";
}

static int use_dma(void)
{
	const char *wrong = check_dma();

	printf("%s%s\n", wrong != NULL ? "wrong: " : "", wrong != NULL ? wrong : "DMA is as it should be");
	return wrong != NULL;
}

int main(int argc, char **argv)
{
	enum err err = l4_env_cap("factory", &factory);

	if (err == OK)
		err = open_bus(argc > 2);
	if (err != OK) {
		printf("the bus cannot be opened: %s\n", l4_err_text(err));
		return 1;
	}
	printf("%u devices, DMA kind %u\n", bus.devices, bus.dma_kind);
	for (unsigned int i = 0; i < bus.devices; i++)
		tell_device(i);
	if (argc > 2 && strcmp(argv[1], "clock") == 0)
		return use_clock(strtoul(argv[2], NULL, 10), strcmp(argv[2], "back") == 0);
	if (argc > 1 && strcmp(argv[1], "dma") == 0)
		return use_dma();
	printf("that is all\n");
	return 0;
}
