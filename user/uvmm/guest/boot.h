/* Setting up a guest: options and files in, a checked plan out; then everything is written at once.
 *
 *   options_parse -> boot_plan_make (which asks for dataspaces) -> (map plan.layout.piece[], create plan.scan.device[], tree_disable what
 *   cannot be created) -> boot_plan_write -> start vCPU 0 at plan.entry with x0 = plan.dtb, x1..x3 = 0, EL1h,
 *   DAIF masked, MMU off.  [LINUX-BOOT]
 */
#pragma once

#include "guest/fdt_memory.h"
#include "guest/fdt_scan.h"
#include "guest/image.h"
#include "guest/layout.h"
#include "guest/options.h"
#include "guest/platform.h"
#include "guest/tree.h"

#define BOOT_PSTATE 0x3c5u /* D, A, I, F masked, EL1h [ARM SPSR_EL2] */

/* How the plan gets at what the VM has of memory. */
struct boot_memory {
	/* The dataspace of that name, to be RAM under that index. ERR_NOENT: there is none. Other failures are told. */
	enum err (*open)(void *ctx, const char *cap, size_t source, struct ram_source *out, struct report *report);
	void *ctx;
	enum dma_kind dma;
	uint64_t dma_limit; /* end of DMA addresses that an IOMMU translates */
};

struct boot_input {
	const struct options *options;
	struct blob kernel;
	struct blob ramdisk;     /* data NULL: none */
	const struct blob *dtbs; /* as many as options->dtb_count, in that order */
	struct boot_memory memory;
	unsigned int vcpu_count;    /* generated tree: exactly; given tree: at most */
	uint64_t address_limit;     /* end of guest addresses, 1 << IPA bits */
	uint32_t timer_frequency;   /* CNTFRQ_EL0 */
	const struct bus_info *bus; /* the VM's virtual bus; NULL: none */
	uint64_t kaslr_seed;        /* for /chosen/kaslr-seed, unless the tree has one; 0: none */
};

struct boot_plan {
	struct image kernel;
	struct blob ramdisk;
	struct memory_list memory; /* empty: RAM is `ram` */
	struct ram_source source[LAYOUT_SOURCES_MAX];
	size_t source_count;
	struct layout layout;
	struct tree tree; /* may be edited until boot_plan_write */
	struct scan scan;
	ipa_t entry;
	ipa_t dtb;
};

/* Decides everything; writes nothing. On error the report has the sentence and the plan is empty.
 * The report gets the memory map's lines, warnings, and the disabled nodes. */
enum err boot_plan_make(const struct boot_input *in, struct boot_plan *out, struct report *report);

/* Called for each range that was written: the guest starts with caches off. */
struct boot_clean {
	void (*clean)(void *ctx, uint8_t *host, uint64_t size);
	void *ctx;
};

/* Writes kernel, ramdisk and tree. mem must hold every piece of the plan; RAM is expected to be zero. */
enum err boot_plan_write(struct boot_plan *plan, const struct guest_mem *mem, const struct boot_clean *clean,
			 struct report *report);

void boot_plan_free(struct boot_plan *plan);
