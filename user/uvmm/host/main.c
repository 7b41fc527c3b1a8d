/* uvmm, the virtual machine monitor: one process, one virtual machine. Manual: docs/uvmm.md. */
#include "host/host.h"

#include <stdlib.h>
#include <string.h>

static bool file_exists(void *context, const char *name)
{
	const void *data;
	size_t size;

	(void)context;
	return l4_rom_find(name, &data, &size) == OK;
}

static enum err open_file(struct host *host, const char *what, const char *name, struct blob *out)
{
	const void *data;
	enum err err = l4_rom_find(name, &data, &out->size);

	if (err != OK)
		return report_fail(&host->report, err, "%s \"%s\": there is no such file in the ROM", what, name);
	out->name = name;
	out->data = data;
	return OK;
}

static enum err open_files(struct host *host, struct boot_input *in, struct blob *dtbs)
{
	const struct options *options = &host->options;
	enum err err = open_file(host, "kernel", options->kernel, &in->kernel);

	if (err == OK && options->ramdisk)
		err = open_file(host, "ramdisk", options->ramdisk, &in->ramdisk);
	for (size_t i = 0; err == OK && i < options->dtb_count; i++)
		err = open_file(host, "device tree", options->dtb[i].file, &dtbs[i]);
	return err;
}

/* The longest stage 2 that every Armv8.0 core of interest walks: 40 bits. */
#define ADDRESS_LIMIT (1ull << 40)

/* For the guest's choice of kernel addresses. Not secret: who knows when the VM started can guess it. It keeps the
 * guest from running without; a capability for random numbers will do better. Never 0, which means none. */
static uint64_t kaslr_seed(void)
{
	uint64_t x = l4_now() + 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (x ^ x >> 31) | 1;
}

/* In a tree that is given: at most. */
static unsigned int vcpu_count(const struct options *options)
{
	if (options->vcpu_count != 0)
		return options->vcpu_count;
	return options->dtb_count != 0 ? GIC_CPUS_MAX : host_vcpus_default();
}

_Static_assert(GIC_CPUS_MAX == OPTIONS_VCPUS_MAX, "one limit");

static enum err make_plan(struct host *host)
{
	struct blob dtbs[OPTIONS_DTB_MAX];
	struct boot_input in = {
		.options = &host->options,
		.dtbs = dtbs,
		.memory = host_memory(host),
		.vcpu_count = vcpu_count(&host->options),
		.address_limit = ADDRESS_LIMIT,
		.timer_frequency = (uint32_t)l4_counter_hz(),
		.bus = &host->vbus.info,
		.kaslr_seed = kaslr_seed(),
	};
	enum err err = open_files(host, &in, dtbs);

	if (err != OK)
		return err;
	err = boot_plan_make(&in, &host->plan, &host->report);
	if (err == OK && host->plan.scan.cpu_count < host->options.vcpu_count)
		return report_fail(&host->report, ERR_RANGE,
				   "--vcpus %u: the device tree has %zu CPUs; add cpu nodes, or ask for fewer",
				   host->options.vcpu_count, host->plan.scan.cpu_count);
	return err;
}

/* The guest starts with caches off, and some of it is code. */
static void clean(void *context, uint8_t *at, uint64_t size)
{
	(void)context;
	l4_cache_clean_code(at, size);
}

static enum err set_up(struct host *host)
{
	struct boot_clean cleaner = {.clean = clean};
	enum err err = l4_env_need("factory", "the virtual machine and its interrupts", &host->factory);

	if (err == OK)
		err = host_vbus_open(host);
	if (err == OK)
		err = host_dma_open(host);
	if (err == OK)
		err = make_plan(host);
	if (err == OK)
		err = host_vm_create(host);
	if (err == OK)
		err = host_memory_map(host);
	if (err == OK)
		err = host_vcpus_create(host);
	if (err == OK)
		err = host_devices_create(host);
	if (err == OK)
		err = host_passthrough_create(host);
	if (err == OK)
		err = host_debug_create(host);
	if (err == OK)
		err = host_power_create(host);
	if (err == OK)
		err = host_inhibit_create(host);
	if (err == OK)
		err = boot_plan_write(&host->plan, &host->mem, &cleaner, &host->report);
	return err;
}

/* Those that count as disabled nodes, or all others. */
static void print_report_lines(const struct host *host, bool is_disabled)
{
	/* The level from which on a line is printed, and what it is marked with. */
	static const struct {
		enum log_level level;
		const char *mark;
	} kinds[] = {
		[REPORT_INFO] = {LOG_LEVEL_INFO, ""},
		[REPORT_WARN] = {LOG_LEVEL_WARN, "warning: "},
		[REPORT_MAP] = {LOG_LEVEL_WARN, ""},
		[REPORT_DISABLED] = {LOG_LEVEL_WARN, "disabled: "},
	};

	for (size_t i = 0; i < host->report.count; i++) {
		const struct report_line *line = &host->report.lines[i];

		if ((line->kind == REPORT_DISABLED) == is_disabled &&
		    kinds[line->kind].level <= host->options.log[LOG_CORE])
			l4_log(L4_LOG_ERROR, "%s%s", kinds[line->kind].mark, line->text);
	}
}

/* Disabled nodes at the end, whoever found them. */
static void print_report(const struct host *host)
{
	print_report_lines(host, false);
	print_report_lines(host, true);
	if (host->report.error[0] != 0)
		l4_log(L4_LOG_ERROR, "error: %s", host->report.error);
}

static void print_lines(const char *text)
{
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		l4_log_line(text, (size_t)(end - text));
	if (*text != 0)
		l4_log_line(text, strlen(text));
}

static int run(struct host *host, int argc, char **argv)
{
	struct options_files files = {.exists = file_exists};
	enum err err = options_parse(argc, (const char *const *)argv, &files, &host->options, &host->report);

	if (err == OK && host->options.help) {
		print_lines(options_help());
		return HOST_END_OFF;
	}
	if (err == OK) {
		host->vm.port = host_vcpu_port(host);
		host->vm.mem = &host->mem;
		host->vm.fault_mode = host->options.fault_mode;
		err = set_up(host);
	}
	print_report(host);
	report_free(&host->report);
	if (err != OK)
		return HOST_END_ERROR;
	return host_serve(host);
}

int main(int argc, char **argv)
{
	/* Too large for the stack, and zero at start. */
	struct host *host = calloc(1, sizeof(*host));

	if (!host) {
		l4_log(L4_LOG_ERROR, "error: no memory for the VM's state: give the factory a larger quota");
		return HOST_END_ERROR;
	}
	return run(host, argc, argv);
}
