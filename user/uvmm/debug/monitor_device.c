/* Monitor commands about devices, the device tree, and what uvmm says: dev, dt, verbose. Pure. [DT] */
#include "debug/monitor_commands.h"

#include <libfdt.h>
#include <string.h>

static bool is_there(const struct monitor *monitor, const struct scan_device *device)
{
	int node = fdt_path_offset(monitor->plan->tree.fdt, device->path);

	return node >= 0 && tree_is_enabled(monitor->plan->tree.fdt, node);
}

static void print_device(const struct monitor *monitor, const struct scan_device *device, struct text *out)
{
	text_print(out, "%s: %s%s\n", device->path, scan_kind_name(device->kind),
		   is_there(monitor, device) ? "" : ", disabled");
	for (size_t i = 0; i < device->reg_count; i++) {
		if (device->reg[i].size == 0)
			continue;
		text_print(out, "  registers 0x%llx-0x%llx\n", (unsigned long long)device->reg[i].base,
			   (unsigned long long)(device->reg[i].base + device->reg[i].size - 1));
	}
	for (size_t i = 0; i < device->irq_count; i++)
		text_print(out, "  interrupt %u, %s\n", device->irq[i].intid,
			   device->irq[i].is_edge ? "edge" : "level");
	if (device->vcon_cap)
		text_print(out, "  channel \"%s\"\n", device->vcon_cap);
}

static void print_passed(const struct passed_node *node, struct text *out)
{
	text_print(out, "%s: passed through\n", node->path);
	for (size_t i = 0; i < node->window_count; i++) {
		const struct passed_window *window = &node->window[i];

		if (window->guest.size != 0)
			text_print(out, "  registers 0x%llx-0x%llx, 0x%llx of the machine\n",
				   (unsigned long long)window->guest.base,
				   (unsigned long long)(window->guest.base + window->guest.size - 1),
				   (unsigned long long)window->host);
	}
	for (size_t i = 0; i < node->irq_count; i++) {
		const struct passed_irq *irq = &node->irq[i];

		if (irq->guest_intid != 0)
			text_print(out, "  interrupt %u, %s, line %u of the machine\n", irq->guest_intid,
				   irq->is_edge ? "edge" : "level", irq->host_intid);
	}
}

static void print_list(const struct monitor *monitor, struct text *out)
{
	const struct scan *scan = &monitor->plan->scan;

	for (size_t i = 0; i < scan->device_count; i++)
		text_print(out, "%-40s %s%s\n", scan->device[i].path, scan_kind_name(scan->device[i].kind),
			   is_there(monitor, &scan->device[i]) ? "" : " (disabled)");
	for (size_t i = 0; i < scan->passed.count; i++)
		text_print(out, "%-40s passed through%s\n", scan->passed.node[i].path,
			   scan->passed.node[i].is_off ? " (disabled)" : "");
}

/* False: it is none. */
static bool print_one(const struct monitor *monitor, const char *path, struct text *out)
{
	const struct scan *scan = &monitor->plan->scan;

	for (size_t i = 0; i < scan->device_count; i++) {
		if (strcmp(scan->device[i].path, path) == 0) {
			print_device(monitor, &scan->device[i], out);
			return true;
		}
	}
	for (size_t i = 0; i < scan->passed.count; i++) {
		if (!scan->passed.node[i].is_off && strcmp(scan->passed.node[i].path, path) == 0) {
			print_passed(&scan->passed.node[i], out);
			return true;
		}
	}
	return false;
}

bool monitor_device(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	if (count == 2 && strcmp(word[1], "memmap") == 0)
		monitor_map(monitor, out);
	else if (count == 2 && strcmp(word[1], "list") == 0)
		print_list(monitor, out);
	else if (count != 2 || word[1][0] != '/')
		return false;
	else if (!print_one(monitor, word[1], out))
		text_print(out, "\"%.64s\" is no device of this VM: dev list has them\n", word[1]);
	return true;
}

/* ---- dt ---- */

/* One or more strings, each with its 0 and nothing that cannot be printed. */
static bool is_text(const char *data, int size)
{
	if (size == 0 || data[size - 1] != 0)
		return false;
	for (int i = 0; i < size; i++)
		if (data[i] ? data[i] < ' ' || data[i] > '~' : i == 0 || data[i - 1] == 0)
			return false;
	return true;
}

static void print_value(const char *data, int size, struct text *out)
{
	if (is_text(data, size)) {
		for (int at = 0; at < size; at += (int)strlen(data + at) + 1) {
			text_print(out, "%s\"", at ? ", " : "");
			text_add(out, data + at, strlen(data + at));
			text_print(out, "\"");
		}
		return;
	}
	text_print(out, size % 4 ? "[" : "<");
	for (int at = 0; at < size; at += size % 4 ? 1 : 4) {
		fdt32_t cell;

		if (size % 4) {
			text_print(out, "%s%02x", at ? " " : "", (unsigned char)data[at]);
			continue;
		}
		memcpy(&cell, data + at, sizeof(cell));
		text_print(out, "%s0x%x", at ? " " : "", fdt32_to_cpu(cell));
	}
	text_print(out, size % 4 ? "]" : ">");
}

static void print_properties(const void *fdt, int node, int depth, struct text *out)
{
	int property;

	fdt_for_each_property_offset(property, fdt, node)
	{
		const char *name = NULL;
		int size = 0;
		const void *data = fdt_getprop_by_offset(fdt, property, &name, &size);

		if (!data || !name)
			continue;
		text_print(out, "%*s%s", 4 * depth, "", name);
		if (size > 0) {
			text_print(out, " = ");
			print_value(data, size, out);
		}
		text_print(out, ";\n");
	}
}

bool monitor_tree(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	const void *fdt = monitor->plan->tree.fdt;
	int depth = 0, open = 0;

	(void)word;
	if (count != 1)
		return false;
	text_print(out, "/dts-v1/;\n\n");
	for (int i = 0; i < fdt_num_mem_rsv(fdt); i++) {
		uint64_t base, size;

		if (fdt_get_mem_rsv(fdt, i, &base, &size) == 0)
			text_print(out, "/memreserve/ 0x%llx 0x%llx;\n", (unsigned long long)base,
				   (unsigned long long)size);
	}
	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		const char *name = fdt_get_name(fdt, node, NULL);

		for (; open > depth; open--)
			text_print(out, "%*s};\n", 4 * (open - 1), "");
		text_print(out, "%*s%s {\n", 4 * depth, "", node == 0 || !name ? "/" : name);
		print_properties(fdt, node, depth + 1, out);
		open = depth + 1;
	}
	for (; open > 0; open--)
		text_print(out, "%*s};\n", 4 * (open - 1), "");
	return true;
}

/* ---- verbose ---- */

bool monitor_verbose(struct monitor *monitor, unsigned int count, char *const *word, struct text *out)
{
	unsigned int level = LOG_LEVEL_TRACE;
	bool found = false;

	if (count == 2 && strcmp(word[1], "show") == 0) {
		for (unsigned int i = 0; options_component_name(i); i++)
			text_print(out, "%-12s %s\n", options_component_name(i),
				   options_level_name(monitor->options->log[i]));
		return true;
	}
	if (count < 3 || count > 4 || strcmp(word[1], "set") != 0)
		return false;
	for (level = 0; count == 4 && options_level_name(level) && strcmp(options_level_name(level), word[3]) != 0;)
		level++;
	if (count == 3)
		level = LOG_LEVEL_TRACE;
	if (!options_level_name(level)) {
		text_print(out, "\"%.32s\" is no level: they are quiet, warn, info and trace\n", word[3]);
		return true;
	}
	for (unsigned int i = 0; options_component_name(i); i++) {
		if (strcmp(word[2], "all") != 0 && strcmp(word[2], options_component_name(i)) != 0)
			continue;
		monitor->options->log[i] = (enum log_level)level;
		found = true;
	}
	if (!found)
		text_print(out, "\"%.32s\" is no component: verbose show lists them\n", word[2]);
	return true;
}
