/* Models for the nodes of the guest's device tree, wired to each other and to capabilities. */
#include "host/host.h"

#include <libfdt.h>
#include <string.h>

/* The virtual timer's interrupt is delivered by the hypervisor, which knows it by this id. */
#define VTIMER_INTID 27u

static struct report *report_of(struct host *host)
{
	return &host->report;
}

/* "No" to a node: it gets disabled, with the reason. */
#define REFUSE(host, device, ...)                                                                                      \
	tree_disable(&(host)->plan.tree, fdt_path_offset((host)->plan.tree.fdt, (device)->path), report_of(host),      \
		     __VA_ARGS__)

static void spi_line(void *context, uint32_t intid, bool level)
{
	struct host *host = context;

	gic_set_spi(&host->vm.gic, intid, level);
}

/* A byte of the guest's output, with the lock held. What is left of the buffer when the UART says that it is full is
 * for drivers that look only once for each FIFO. */
static void uart_put(void *context, uint8_t byte)
{
	struct host_uart *uart = context;

	if (host_console_put(&uart->console, byte))
		host_service_wake(uart->host);
	if (host_console_room(&uart->console) < HOST_UART_RESERVE)
		pl011_set_full(&uart->model, true);
}

/* The guest has read: what fits goes on. */
static void uart_room(void *context)
{
	struct host_uart *uart = context;

	host_uart_feed(uart);
	if (host_console_wants_input(&uart->console))
		host_service_wake(uart->host);
}

void host_uart_feed(struct host_uart *uart)
{
	const uint8_t *bytes;
	unsigned int count = host_console_input(&uart->console, &bytes);

	if (count != 0)
		host_console_consume(&uart->console, pl011_receive(&uart->model, bytes, count));
	if (uart->console.has_break && host_console_input(&uart->console, &bytes) == 0)
		uart->console.has_break = !pl011_break(&uart->model);
}

static enum err add_window(struct host *host, const struct scan_device *device, unsigned int index, uint64_t size,
			   mmio_handler handler, void *model, const char *name)
{
	struct bus_region region = {device->reg[index].base, size, handler, model, name};
	enum err err;

	if (device->reg_count <= index || device->reg[index].size < size)
		return REFUSE(host, device, "reg entry %u must be 0x%llx bytes for a %s", index,
			      (unsigned long long)size, name);
	err = bus_add(&host->vm.bus, &region);
	if (err == ERR_EXIST)
		return REFUSE(host, device, "another device is at 0x%llx", (unsigned long long)region.base);
	if (err != OK)
		return REFUSE(host, device, "its address 0x%llx does not work: %s", (unsigned long long)region.base,
			      l4_err_text(err));
	return OK;
}

static bool has_window(const struct host *host, const struct scan_device *device)
{
	const struct bus_region *region = bus_find(&host->vm.bus, device->reg[0].base);

	return region && region->base == device->reg[0].base;
}

static enum err create_gic(struct host *host, const struct scan_device *device)
{
	enum err err = add_window(host, device, 1, (uint64_t)host->vm.vcpu_count * GICR_SIZE, gicr_access,
				  &host->vm.gic, "GICR");

	if (err == OK)
		err = add_window(host, device, 0, GICD_SIZE, gicd_access, &host->vm.gic, "GICD");
	return err;
}

static enum err create_timer(struct host *host, const struct scan_device *device)
{
	if (device->irq_count == 0 || device->irq[0].intid != VTIMER_INTID)
		return REFUSE(host, device, "the virtual timer's interrupt must be PPI %u", VTIMER_INTID - 16);
	return OK;
}

static enum err connect_console(struct host *host, struct host_uart *uart, const struct scan_device *device)
{
	const char *name = device->vcon_cap ? device->vcon_cap : "log";
	uint32_t slot;
	enum err err = host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_FLUSH, host->uart_count),
				       &uart->console.flush_irq);

	if (err == OK)
		err = host_irq_create_wakeful(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_INPUT, host->uart_count),
					      &uart->console.input_irq);
	if (err != OK)
		return REFUSE(host, device, "no irqs for it: %s", l4_err_text(err));
	if (l4_env_cap(name, &slot) != OK) {
		return REFUSE(host, device, "there is no capability \"%s\" for its characters: add it to caps", name);
	}
	/* A channel may have no input. What came before the irq was bound is looked for once. */
	err = l4_channel_open(&uart->console.channel, slot, uart->console.input_irq);
	if (err != OK)
		report_add(report_of(host), REPORT_WARN, "\"%s\" gives no input to %s: %s", name, device->path,
			   l4_err_text(err));
	else
		uart->console.more = true;
	return OK;
}

static enum err create_uart(struct host *host, const struct scan_device *device)
{
	struct host_uart *uart = &host->uart[host->uart_count];
	struct pl011_port port = {uart, uart_put, uart_room, {spi_line, host, 0}, {0}};
	enum err err;

	if (host->uart_count == HOST_UARTS_MAX)
		return REFUSE(host, device, "there are %u UARTs already", HOST_UARTS_MAX);
	uart->host = host;
	if (device->irq_count != 0)
		port.irq.intid = device->irq[0].intid;
	err = host_page_create(host, device->reg[0].base, &uart->page, &port.page);
	if (err != OK)
		return REFUSE(host, device, "no page for its registers: %s", l4_err_text(err));
	pl011_init(&uart->model, &port);
	err = connect_console(host, uart, device);
	if (err != OK || uart->console.channel.slot == 0) /* refused */
		return err;
	err = add_window(host, device, 0, PL011_SIZE, pl011_access, &uart->model, "PL011");
	if (err == OK && has_window(host, device)) {
		host->uart_count++;
		pl011_show(&uart->model);
	}
	return err;
}

static uint64_t rtc_now(void *context)
{
	(void)context;
	return host_nanoseconds();
}

/* What the guest waits for while it sleeps is worth waking the machine for. */
static bool alarm_wakes(const struct host *host)
{
	return host->rtc.state.imsc != 0 &&
	       gic_would_wake(&host->vm.gic, host->sleep.vcpu->index, host->rtc.port.irq.intid);
}

static void rtc_deadline(void *context, uint64_t nanoseconds)
{
	struct host *host = context;
	uint64_t when = nanoseconds == 0 ? 0 : host_ticks(nanoseconds) + 1;
	enum err err;

	/* One that nobody waits for is looked at when the VM is awake again. */
	if (host->sleep.deep)
		err = l4_irq_deadline_wake(host->rtc_irq, alarm_wakes(host) ? when : 0);
	else
		err = l4_irq_deadline(host->rtc_irq, when);

	if (err != OK)
		host_event(host, NULL, VCPU_EVENT_DEADLINE, nanoseconds);
}

void host_rtc_arm(struct host *host)
{
	if (host->rtc_irq != 0 && host->rtc.state.due != 0)
		rtc_deadline(host, host->rtc.state.due);
}

static enum err create_rtc(struct host *host, const struct scan_device *device)
{
	struct pl031_port port = {host, rtc_now, rtc_deadline, {spi_line, host, 0}};
	enum err err;

	if (host->rtc_irq != 0)
		return REFUSE(host, device, "there is a clock already");
	if (device->irq_count != 0)
		port.irq.intid = device->irq[0].intid;
	err = host_irq_create_wakeful(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_RTC, 0), &host->rtc_irq);
	if (err != OK)
		return REFUSE(host, device, "no irq for it: %s", l4_err_text(err));
	pl031_init(&host->rtc, &port, 0);
	report_add(report_of(host), REPORT_INFO, "%s starts at 1970: nobody here knows the time", device->path);
	return add_window(host, device, 0, PL031_SIZE, pl031_access, &host->rtc, "PL031");
}

static enum err create_gpio(struct host *host, const struct scan_device *device)
{
	struct host_gpio *gpio = &host->gpio[host->gpio_count];
	struct irq_line irq = {spi_line, host, device->irq_count ? device->irq[0].intid : 0};
	enum err err;

	if (host->gpio_count == HOST_GPIOS_MAX)
		return REFUSE(host, device, "there are %u GPIO controllers already", HOST_GPIOS_MAX);
	gpio->node = device;
	pl061_init(&gpio->model, &irq, device->rests_high);
	err = add_window(host, device, 0, PL061_SIZE, pl061_access, &gpio->model, "PL061");
	if (err == OK && has_window(host, device))
		host->gpio_count++;
	return err;
}

/* By an access of the calling thread's vCPU. */
static void pvpanic_event(void *context, bool crash_loaded)
{
	struct host *host = context;
	struct host_vcpu *cpu = host_vcpu_self();

	if (crash_loaded)
		host_say(host, "warning: the guest's kernel panicked, and goes on with its own crash kernel");
	else
		host_end(host, HOST_END_PANIC, cpu ? cpu->vcpu : &host->vm.vcpu[0]);
}

static enum err create_pvpanic(struct host *host, const struct scan_device *device)
{
	struct pvpanic_port port = {host, pvpanic_event};

	if (host->pvpanic.state.version != 0)
		return REFUSE(host, device, "there is such a device already");
	pvpanic_init(&host->pvpanic, &port);
	return add_window(host, device, 0, PVPANIC_SIZE, pvpanic_access, &host->pvpanic, "pvpanic");
}

static enum err create_device(struct host *host, const struct scan_device *device)
{
	switch (device->kind) {
	case SCAN_GICV3:
		return create_gic(host, device);
	case SCAN_TIMER:
		return create_timer(host, device);
	case SCAN_PSCI:
		host->vm.psci_cpu_suspend = device->psci_cpu_suspend;
		host->vm.psci_cpu_off = device->psci_cpu_off;
		host->vm.psci_cpu_on = device->psci_cpu_on;
		return OK;
	case SCAN_PL011:
		return create_uart(host, device);
	case SCAN_PL031:
		return create_rtc(host, device);
	case SCAN_PL061:
		return create_gpio(host, device);
	case SCAN_PVPANIC:
		return create_pvpanic(host, device);
	case SCAN_PCI_HOST:
		return host_pci_create(host, device);
	}
	return OK;
}

static enum err create_interrupt_controller(struct host *host)
{
	struct gic_port port = host_gic_port(host);
	uint64_t mpidr[GIC_CPUS_MAX];
	enum err err;

	for (unsigned int i = 0; i < host->vm.vcpu_count; i++)
		mpidr[i] = host->vm.vcpu[i].mpidr;
	err = gic_init(&host->vm.gic, &port, mpidr, host->vm.vcpu_count, fdt_scan_spi_count(&host->plan.scan));
	if (err == OK)
		err = host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_WORK, 0), &host->work_irq);
	if (err == OK)
		err = host_irq_create(host, L4_SLOT_SELF, HOST_BADGE(HOST_EVENT_WATCH, 0), &host->watch.irq);
	if (err != OK)
		return report_fail(report_of(host), err, "the interrupt controller cannot be made: %s",
				   l4_err_text(err));
	return OK;
}

enum err host_devices_create(struct host *host)
{
	const struct scan *scan = &host->plan.scan;
	enum err err = create_interrupt_controller(host);

	host->vm.ptimer_intid = machine_builtin.timer_phys_intid;
	for (size_t i = 0; err == OK && i < scan->device_count; i++)
		err = create_device(host, &scan->device[i]);
	return err == OK ? host_keys_create(host) : err;
}
