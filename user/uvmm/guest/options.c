/* uvmm's command line; see options.h. */
#include "guest/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct options *options;
	struct report *report;
	unsigned int verbose_count; /* how often -v, since the last -q */
};

/* One line per option: everything that parsing and suggestions need. */
struct option_spec {
	char short_name; /* 0: none */
	const char *long_name;
	const char *argument; /* NULL: takes none */
	enum err (*take)(struct parser *parser, const char *value);
};

static const char *const level_name[] = {"quiet", "warn", "info", "trace"};
static const char *const component_name[] = {"core", "cpu", "mmio", "irq", "dev", "pci", "pm", "vbus_event"};
static const char *const fault_name[] = {"ignore", "halt", "inject"};

static_assert(sizeof component_name / sizeof component_name[0] == LOG_COMPONENT_COUNT, "a name for each component");

static const char *const default_kernel[] = {"rom/Image", "rom/zImage"};
#define DEFAULT_RAMDISK "rom/initrd"

const char *options_component_name(unsigned int component)
{
	return component < LOG_COMPONENT_COUNT ? component_name[component] : NULL;
}

const char *options_level_name(unsigned int level)
{
	return level < sizeof level_name / sizeof level_name[0] ? level_name[level] : NULL;
}

/* Edit distance, for "did you mean": words longer than this are never near anything. */
#define WORD_MAX 32

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t row[WORD_MAX + 1];

	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

static bool number_parse(const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0, base = 10;
	size_t i = 0;

	if (length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	} else if (length > 1 && text[0] == '0') {
		base = 8;
		i = 1;
	}
	if (i == length)
		return false;
	for (; i < length; i++) {
		char c = text[i], lower = (char)(c | 0x20);
		uint64_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint64_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			digit = (uint64_t)(lower - 'a') + 10;
		else
			return false;
		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

static bool word_find(const char *const *words, size_t count, const char *word, size_t length, size_t *out)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) == length && !memcmp(words[i], word, length)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static enum err take_kernel(struct parser *parser, const char *value)
{
	static const char *const loader[] = {"raw:", "rom:"};

	for (size_t i = 0; i < sizeof loader / sizeof loader[0]; i++) {
		if (!strncmp(value, loader[i], 4))
			return report_fail(parser->report, ERR_INVAL,
					   "--kernel %s: the %s loader does not exist here; give the name of an arm64 "
					   "Image, a gzip-compressed Image or an ELF file",
					   value, loader[i]);
	}
	if (!*value)
		return report_fail(parser->report, ERR_INVAL, "--kernel needs the name of a file, for example %s",
				   default_kernel[0]);
	parser->options->kernel = value;
	return OK;
}

static enum err take_dtb(struct parser *parser, const char *value)
{
	struct options *options = parser->options;
	const char *colon;
	size_t length;
	uint64_t limit = 0;
	char *file;

	value += strspn(value, " ");
	colon = strchr(value, ':');
	length = colon ? (size_t)(colon - value) : strlen(value);
	if (!length)
		return report_fail(parser->report, ERR_INVAL, "--dtb %s: the file name is missing", value);
	if (colon && strncmp(colon, ":limit=", 7))
		return report_fail(parser->report, ERR_INVAL,
				   "--dtb %s: '%s' is not known; only ':limit=ADDRESS' may follow the file name", value,
				   colon);
	if (colon && (!number_parse(colon + 7, strlen(colon + 7), &limit) || !limit))
		return report_fail(parser->report, ERR_INVAL,
				   "--dtb %s: the limit '%s' must be a number above 0, for example 0x60000000", value,
				   colon + 7);
	if (options->dtb_count == OPTIONS_DTB_MAX)
		return report_fail(parser->report, ERR_NOSPC, "--dtb %s is one too many, at most %d are taken", value,
				   OPTIONS_DTB_MAX);

	file = malloc(length + 1);
	if (!file)
		return report_fail(parser->report, ERR_NOMEM, "no memory for the command line");
	memcpy(file, value, length);
	file[length] = 0;
	options->dtb[options->dtb_count++] = (struct options_dtb){file, limit};
	return OK;
}

static enum err take_ramdisk(struct parser *parser, const char *value)
{
	if (!*value)
		return report_fail(parser->report, ERR_INVAL, "--ramdisk needs the name of a file, for example %s",
				   DEFAULT_RAMDISK);
	parser->options->ramdisk = value;
	return OK;
}

static enum err take_cmdline(struct parser *parser, const char *value)
{
	parser->options->cmdline = value;
	return OK;
}

static enum err take_ram_base(struct parser *parser, const char *value)
{
	if (!number_parse(value, strlen(value), &parser->options->ram_base))
		return report_fail(parser->report, ERR_INVAL,
				   "--rambase %s: not a number of at most 64 bits, for example 0x40000000", value);
	if (parser->options->ram_base & (L4_PAGE_SIZE - 1))
		return report_fail(parser->report, ERR_INVAL,
				   "--rambase %s is not page aligned; a multiple of 0x200000 is best", value);
	parser->options->has_ram_base = true;
	return OK;
}

static enum err take_vcpus(struct parser *parser, const char *value)
{
	uint64_t count;

	if (!number_parse(value, strlen(value), &count) || count == 0 || count > OPTIONS_VCPUS_MAX)
		return report_fail(parser->report, ERR_INVAL, "--vcpus %s: a VM has 1 to %u CPUs", value,
				   OPTIONS_VCPUS_MAX);
	parser->options->vcpu_count = (unsigned int)count;
	return OK;
}

static void log_all(struct parser *parser, enum log_level level)
{
	for (size_t i = 0; i < LOG_COMPONENT_COUNT; i++)
		parser->options->log[i] = level;
}

static enum err take_verbose(struct parser *parser, const char *value)
{
	static const enum log_level level[] = {LOG_LEVEL_INFO, LOG_LEVEL_TRACE};

	(void)value;
	log_all(parser, level[parser->verbose_count]);
	if (parser->verbose_count < 1)
		parser->verbose_count++;
	return OK;
}

static enum err take_quiet(struct parser *parser, const char *value)
{
	(void)value;
	parser->verbose_count = 0;
	log_all(parser, LOG_LEVEL_QUIET);
	return OK;
}

static enum err take_debug(struct parser *parser, const char *value)
{
	const char *equals = strchr(value, '=');
	const char *level_text = equals ? equals + 1 : value;
	size_t component, level;

	if (!word_find(level_name, sizeof level_name / sizeof level_name[0], level_text, strlen(level_text), &level))
		return report_fail(parser->report, ERR_INVAL,
				   "--debug %s: '%s' is not a level; levels are quiet, warn, info and trace", value,
				   level_text);
	if (!equals) {
		log_all(parser, (enum log_level)level);
		return OK;
	}
	if (!word_find(component_name, LOG_COMPONENT_COUNT, value, (size_t)(equals - value), &component))
		return report_fail(
			parser->report, ERR_INVAL,
			"--debug %s: '%.*s' is not a component; components are core, cpu, mmio, irq, dev, pci, pm and "
			"vbus_event",
			value, (int)(equals - value), value);
	parser->options->log[component] = (enum log_level)level;
	return OK;
}

static enum err take_fault_mode(struct parser *parser, const char *value)
{
	size_t mode;

	if (!word_find(fault_name, sizeof fault_name / sizeof fault_name[0], value, strlen(value), &mode))
		return report_fail(parser->report, ERR_INVAL,
				   "--fault-mode %s: not a fault mode; modes are ignore, halt and inject", value);
	parser->options->fault_mode = (enum fault_mode)mode;
	return OK;
}

static enum err take_keep_ram(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->keep_ram = true;
	return OK;
}

static enum err take_wakeup(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->wakeup_on_resume = true;
	return OK;
}

static enum err take_name(struct parser *parser, const char *value)
{
	if (!*value)
		return report_fail(parser->report, ERR_INVAL, "--name needs a name, for example linux");
	parser->options->name = value;
	return OK;
}

static enum err take_pfc_limit(struct parser *parser, const char *value)
{
	uint64_t seconds;

	if (!number_parse(value, strlen(value), &seconds) || seconds == 0 || seconds > OPTIONS_PFC_LIMIT_MAX)
		return report_fail(parser->report, ERR_INVAL,
				   "--pfc-limit %s: a power manager may take 1 to %u seconds to answer", value,
				   OPTIONS_PFC_LIMIT_MAX);
	parser->options->pfc_limit = (unsigned int)seconds;
	return OK;
}

static enum err take_help(struct parser *parser, const char *value)
{
	(void)value;
	parser->options->help = true;
	return OK;
}

static const struct option_spec spec_table[] = {
	{'k', "kernel", "FILE", take_kernel},
	{'d', "dtb", "FILE[:limit=ADDRESS]", take_dtb},
	{'r', "ramdisk", "FILE", take_ramdisk},
	{'c', "cmdline", "TEXT", take_cmdline},
	{'b', "rambase", "ADDRESS", take_ram_base},
	{'n', "vcpus", "NUMBER", take_vcpus},
	{'v', "verbose", NULL, take_verbose},
	{'q', "quiet", NULL, take_quiet},
	{'D', "debug", "[COMPONENT=]LEVEL", take_debug},
	{'f', "fault-mode", "MODE", take_fault_mode},
	{0, "keep-ram", NULL, take_keep_ram},
	{'W', "wakeup-on-system-resume", NULL, take_wakeup},
	{0, "pfc-limit", "SECONDS", take_pfc_limit},
	{0, "name", "NAME", take_name},
	{'h', "help", NULL, take_help},
};
#define SPEC_COUNT (sizeof spec_table / sizeof spec_table[0])

const char *options_help(void)
{
	return "uvmm: runs one virtual machine\n"
	       "\n"
	       "  -k, --kernel FILE            guest kernel: arm64 Image, gzip-compressed Image or ELF\n"
	       "                               (default rom/Image, else rom/zImage)\n"
	       "  -d, --dtb FILE[:limit=ADDR]  device tree; further ones are overlays, applied in order.\n"
	       "                               limit: the guest finds the result below that address\n"
	       "                               (default: a tree made for the built-in machine)\n"
	       "  -r, --ramdisk FILE           initial RAM disk (default rom/initrd if it is there)\n"
	       "  -c, --cmdline TEXT           kernel command line; replaces the tree's own\n"
	       "  -b, --rambase ADDRESS        where guest RAM starts (default 0x40000000; with -d the\n"
	       "                               lowest place free of devices)\n"
	       "  -n, --vcpus NUMBER           CPUs of the VM (default: all that the device tree has;\n"
	       "                               without -d as many as it may run on)\n"
	       "  -f, --fault-mode MODE        guest accesses to nothing: ignore (default), halt or inject\n"
	       "      --keep-ram               do not clear guest RAM at start\n"
	       "  -W, --wakeup-on-system-resume  a sleeping guest wakes when the machine does\n"
	       "      --pfc-limit SECONDS      how long the power manager may take to answer (default 60)\n"
	       "      --name NAME              what it calls this VM (default: what stands before its lines)\n"
	       "  -v, --verbose                say more; twice: say much more\n"
	       "  -q, --quiet                  say nothing but errors\n"
	       "  -D, --debug [COMPONENT=]LEVEL  COMPONENT: core cpu mmio irq dev pci pm vbus_event;\n"
	       "                               LEVEL: quiet warn info trace\n"
	       "  -h, --help                   this text\n"
	       "\n"
	       "Capabilities: ram (the guest's memory, a dataspace, unless memory nodes of the device tree\n"
	       "name others), log (its console), rom (the files), pfc (is asked when the guest suspends,\n"
	       "turns itself off or restarts), ctl (what wants it to sleep, wake or turn itself off).\n";
}

static const struct option_spec *spec_find_short(char name)
{
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		if (name && spec_table[i].short_name == name)
			return &spec_table[i];
	}
	return NULL;
}

static const struct option_spec *spec_find_long(const char *name, size_t length)
{
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		if (strlen(spec_table[i].long_name) == length && !memcmp(spec_table[i].long_name, name, length))
			return &spec_table[i];
	}
	return NULL;
}

static enum err fail_unknown(struct report *report, const char *argument, const char *name, size_t length)
{
	const struct option_spec *nearest = NULL;
	size_t best = 4; /* farther away it is a guess, not a help */

	if (length > 1) {
		for (size_t i = 0; i < SPEC_COUNT; i++) {
			const char *known = spec_table[i].long_name;
			size_t distance = edit_distance(name, length, known, strlen(known));

			if (distance < best && distance < length) {
				best = distance;
				nearest = &spec_table[i];
			}
		}
	} else if (length == 1) {
		nearest = spec_find_short((char)(name[0] ^ 0x20)); /* the other case */
	}
	if (nearest && length == 1)
		return report_fail(report, ERR_INVAL, "unknown option '%s'; did you mean -%c (--%s)?", argument,
				   nearest->short_name, nearest->long_name);
	if (nearest)
		return report_fail(report, ERR_INVAL, "unknown option '%s'; did you mean --%s?", argument,
				   nearest->long_name);
	return report_fail(report, ERR_INVAL, "unknown option '%s'; --help lists what there is", argument);
}

static enum err fail_no_value(struct report *report, const struct option_spec *spec)
{
	if (!spec->short_name)
		return report_fail(report, ERR_INVAL, "--%s needs a value: %s", spec->long_name, spec->argument);
	return report_fail(report, ERR_INVAL, "-%c, --%s needs a value: %s", spec->short_name, spec->long_name,
			   spec->argument);
}

/* --name, --name=value, --name value; *index ends on the last argument that was used. */
static enum err parse_long(struct parser *parser, int argc, const char *const *argv, int *index)
{
	const char *argument = argv[*index], *name = argument + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_spec *spec = spec_find_long(name, length);

	if (!spec)
		return fail_unknown(parser->report, argument, name, length);
	if (!spec->argument) {
		if (equals)
			return report_fail(parser->report, ERR_INVAL, "--%s takes no value, but has '%s'",
					   spec->long_name, equals + 1);
		return spec->take(parser, NULL);
	}
	if (equals)
		return spec->take(parser, equals + 1);
	if (*index + 1 >= argc)
		return fail_no_value(parser->report, spec);
	return spec->take(parser, argv[++*index]);
}

/* -v, -vv, -kFILE, -k FILE. */
static enum err parse_short(struct parser *parser, int argc, const char *const *argv, int *index)
{
	const char *argument = argv[*index];

	for (const char *c = argument + 1; *c; c++) {
		const struct option_spec *spec = spec_find_short(*c);
		enum err e;

		if (!spec && c == argument + 1 && c[1] && spec_find_long(c, strlen(c)))
			return report_fail(parser->report, ERR_INVAL, "unknown option '%s'; long options begin with --",
					   argument);
		if (!spec)
			return fail_unknown(parser->report, argument, c, 1);
		if (spec->argument && c[1])
			return spec->take(parser, c + 1);
		if (spec->argument && *index + 1 >= argc)
			return fail_no_value(parser->report, spec);
		if (spec->argument)
			return spec->take(parser, argv[++*index]);
		e = spec->take(parser, NULL);
		if (e != OK)
			return e;
	}
	return OK;
}

static enum err parse_all(struct parser *parser, int argc, const char *const *argv)
{
	for (int i = 1; i < argc && !parser->options->help; i++) {
		const char *argument = argv[i];
		enum err e;

		if (argument[0] != '-' || !argument[1])
			return report_fail(parser->report, ERR_INVAL,
					   "'%s' belongs to no option; a value with spaces must be one argument",
					   argument);
		if (argument[1] == '-')
			e = parse_long(parser, argc, argv, &i);
		else
			e = parse_short(parser, argc, argv, &i);
		if (e != OK)
			return e;
	}
	return OK;
}

static enum err set_defaults(struct options *options, const struct options_files *files, struct report *report)
{
	for (size_t i = 0; !options->kernel && i < sizeof default_kernel / sizeof default_kernel[0]; i++) {
		if (files->exists(files->ctx, default_kernel[i]))
			options->kernel = default_kernel[i];
	}
	if (!options->kernel)
		return report_fail(report, ERR_NOENT,
				   "there is no guest kernel: neither %s nor %s exists; add one or name it with "
				   "--kernel FILE",
				   default_kernel[0], default_kernel[1]);
	if (!options->ramdisk && files->exists(files->ctx, DEFAULT_RAMDISK))
		options->ramdisk = DEFAULT_RAMDISK;
	return OK;
}

enum err options_parse(int argc, const char *const *argv, const struct options_files *files, struct options *out,
		       struct report *report)
{
	struct parser parser = {.options = out, .report = report};
	enum err e;

	*out = (struct options){.pfc_limit = OPTIONS_PFC_LIMIT};
	log_all(&parser, LOG_LEVEL_WARN);
	e = parse_all(&parser, argc, argv);
	if (e == OK && !out->help)
		e = set_defaults(out, files, report);
	if (e != OK)
		options_free(out);
	return e;
}

void options_free(struct options *options)
{
	for (size_t i = 0; i < options->dtb_count; i++)
		free(options->dtb[i].file);
	*options = (struct options){0};
}

uint64_t options_dtb_limit(const struct options *options)
{
	for (size_t i = options->dtb_count; i-- > 0;) {
		if (options->dtb[i].limit)
			return options->dtb[i].limit;
	}
	return 0;
}
