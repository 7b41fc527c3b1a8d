/* Which breakpoints and watchpoints a VMM may set on its guest. Pure. [ARM DBGBCR<n>_EL1] [ARM DBGWCR<n>_EL1] */
#include "arch/aarch64/debug.h"

#include <l4/abi.h>

#define CR_E (1ull << 0)
#define CR_PMC (3ull << 1) /* with HMC and SSC 0: EL1, EL0 or both, never EL2 */
#define BCR_BAS (0xfull << 5)
#define WCR_LSC (3ull << 3)
#define WCR_BAS (0xffull << 5)
#define WCR_MASK (0x1full << 24)

/* Unlinked address match of the whole instruction, whatever the rest says. PMC 0 would mean something else. */
static uint64_t check_bcr(uint64_t bcr)
{
	if (!(bcr & CR_E) || !(bcr & CR_PMC))
		return 0;
	return (bcr & (CR_E | CR_PMC)) | BCR_BAS;
}

static bool is_contiguous(uint64_t bits)
{
	uint64_t from_zero = bits >> __builtin_ctzll(bits);

	return (from_zero & (from_zero + 1)) == 0;
}

/* No mask and some bytes next to each other, or a mask of 3 to 31 bits and all bytes. */
static uint64_t check_wcr(uint64_t wcr)
{
	uint64_t bas = (wcr & WCR_BAS) >> 5, mask = (wcr & WCR_MASK) >> 24;

	if (!(wcr & CR_E) || !(wcr & CR_PMC) || !(wcr & WCR_LSC) || bas == 0)
		return 0;
	if (mask != 0 ? mask < 3 || bas != 0xff : !is_contiguous(bas))
		return 0;
	return wcr & (CR_E | CR_PMC | WCR_LSC | WCR_BAS | WCR_MASK);
}

void debug_check(struct l4_vcpu_debug *out, const struct l4_vcpu_debug *page)
{
	out->control =
		__atomic_load_n(&page->control, __ATOMIC_RELAXED) & (L4_DEBUG_ON | L4_DEBUG_STEP | L4_DEBUG_HOLD);
	if (!(out->control & L4_DEBUG_ON))
		out->control = 0;
	for (unsigned int i = 0; i < L4_VCPU_DEBUG_MAX; i++) {
		uint64_t wcr = check_wcr(__atomic_load_n(&page->wcr[i], __ATOMIC_RELAXED));
		unsigned int unused = (unsigned int)(wcr >> 24);

		out->bcr[i] = check_bcr(__atomic_load_n(&page->bcr[i], __ATOMIC_RELAXED));
		out->bvr[i] = __atomic_load_n(&page->bvr[i], __ATOMIC_RELAXED) & ~3ull;
		out->wcr[i] = wcr;
		out->wvr[i] = __atomic_load_n(&page->wvr[i], __ATOMIC_RELAXED) & ~0ull << (unused > 3 ? unused : 3);
	}
}
