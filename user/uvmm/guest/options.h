/* uvmm's command line. */
#pragma once

#include "guest/report.h"

#include <l4/types.h>

#define OPTIONS_DTB_MAX 16
#define OPTIONS_VCPUS_MAX 64u
#define OPTIONS_PFC_LIMIT 60u /* seconds */
#define OPTIONS_PFC_LIMIT_MAX 3600u

enum fault_mode {
	FAULT_MODE_IGNORE, /* loads read 0, stores are dropped */
	FAULT_MODE_HALT,   /* stop the VM and say where */
	FAULT_MODE_INJECT, /* external abort to the guest */
};

enum log_level {
	LOG_LEVEL_QUIET,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_TRACE,
};

enum log_component {
	LOG_CORE,
	LOG_CPU,
	LOG_MMIO,
	LOG_IRQ,
	LOG_DEV,
	LOG_PCI,
	LOG_PM,
	LOG_VBUS_EVENT,
	LOG_COMPONENT_COUNT,
};

struct options_dtb {
	char *file;
	uint64_t limit; /* the final tree lies below this guest address; 0: not given */
};

struct options {
	const char *kernel;
	const char *ramdisk; /* NULL: none */
	const char *cmdline; /* NULL: keep what the tree says */
	struct options_dtb dtb[OPTIONS_DTB_MAX];
	size_t dtb_count;
	unsigned int vcpu_count; /* 0: not given */
	bool has_ram_base;
	uint64_t ram_base;
	bool keep_ram;          /* what is in the dataspaces stays */
	const char *name;       /* of the VM, for its power manager; NULL: not given */
	bool wakeup_on_resume;  /* a VM that sleeps wakes with the machine */
	unsigned int pfc_limit; /* seconds until a power manager that does not answer counts as a refusal */
	enum fault_mode fault_mode;
	enum log_level log[LOG_COMPONENT_COUNT];
	bool help; /* print options_help() and end; nothing else is checked */
};

/* How options_parse asks which files there are, for the defaults. */
struct options_files {
	bool (*exists)(void *ctx, const char *name);
	void *ctx;
};

/* Fills out from argv (argv[0] is the program). Strings in out belong to argv, except dtb[].file, which
 * options_free releases. On error the report names option and value, and out is empty. */
enum err options_parse(int argc, const char *const *argv, const struct options_files *files, struct options *out,
		       struct report *report);
void options_free(struct options *options);

/* The limit of the last -d that had one, 0: none. */
uint64_t options_dtb_limit(const struct options *options);

const char *options_help(void);

/* What the user calls them; NULL past the last. */
const char *options_component_name(unsigned int component);
const char *options_level_name(unsigned int level);
