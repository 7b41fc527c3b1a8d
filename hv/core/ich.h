/* Layout of the GICv3 virtual interface registers that list interrupts. [GIC ICH_LR<n>_EL2] [GIC ICH_HCR_EL2] */
#pragma once

#include <l4/types.h>

#define ICH_LR_MAX 16u

/* [GIC ICH_LR<n>_EL2] */
#define ICH_LR_PENDING (1ull << 62)
#define ICH_LR_ACTIVE (1ull << 63)
#define ICH_LR_STATE (3ull << 62)
#define ICH_LR_HW (1ull << 61)
#define ICH_LR_GROUP1 (1ull << 60)
#define ICH_LR_PRIORITY_SHIFT 48
#define ICH_LR_PRIORITY (0xffull << ICH_LR_PRIORITY_SHIFT)
#define ICH_LR_PINTID_SHIFT 32
#define ICH_LR_PINTID (0x1fffull << ICH_LR_PINTID_SHIFT)
#define ICH_LR_EOI (1ull << 41) /* only where HW is 0 */
#define ICH_LR_VINTID 0xffffffffull

/* [GIC ICH_HCR_EL2] */
#define ICH_HCR_EN (1u << 0)
#define ICH_HCR_UIE (1u << 1)
#define ICH_HCR_LRENPIE (1u << 2)
#define ICH_HCR_NPIE (1u << 3)
#define ICH_HCR_TDIR (1u << 14)
#define ICH_HCR_EOICOUNT_SHIFT 27
#define ICH_HCR_EOICOUNT (0x1fu << ICH_HCR_EOICOUNT_SHIFT)

/* [GIC ICH_VMCR_EL2] */
#define ICH_VMCR_VENG0 (1u << 0)
#define ICH_VMCR_VENG1 (1u << 1)
#define ICH_VMCR_VEOIM (1u << 9)
#define ICH_VMCR_VPMR_SHIFT 24
