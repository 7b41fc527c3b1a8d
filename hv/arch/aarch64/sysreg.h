/* System registers and their fields, spelled as Arm spells them. [ARM] [GIC] */
#pragma once

#include <l4/types.h>

#define READ_SYSREG(name)                                                                                              \
	({                                                                                                             \
		uint64_t value_;                                                                                       \
		__asm__ volatile("mrs %0, " #name : "=r"(value_));                                                     \
		value_;                                                                                                \
	})
#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)))

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

#define HCR_EL2_VM (1ull << 0)
#define HCR_EL2_SWIO (1ull << 1)
#define HCR_EL2_PTW (1ull << 2)
#define HCR_EL2_FMO (1ull << 3)
#define HCR_EL2_IMO (1ull << 4)
#define HCR_EL2_AMO (1ull << 5)
#define HCR_EL2_FB (1ull << 9)
#define HCR_EL2_BSU_IS (1ull << 10)
#define HCR_EL2_DC (1ull << 12)
#define HCR_EL2_TWI (1ull << 13)
#define HCR_EL2_TID3 (1ull << 18)
#define HCR_EL2_TSC (1ull << 19)
#define HCR_EL2_TIDCP (1ull << 20)
#define HCR_EL2_TACR (1ull << 21)
#define HCR_EL2_TSW (1ull << 22)
#define HCR_EL2_TGE (1ull << 27)
#define HCR_EL2_RW (1ull << 31)

#define CPTR_EL2_RES1 0x32ffull /* TZ, TSM and RES1 of Armv8.0: what we do not switch traps */
#define CPTR_EL2_TFP (1ull << 10)
#define CPTR_EL2_TSM (1ull << 12)
#define CPTR_EL2_TZ (1ull << 8)
#define CPTR_EL2_TTA (1ull << 20)
#define CPTR_EL2_TAM (1ull << 30)
#define CPTR_EL2_TCPAC (1ull << 31)

#define MDCR_EL2_TPMCR (1ull << 5)
#define MDCR_EL2_TPM (1ull << 6)
#define MDCR_EL2_TDE (1ull << 8)
#define MDCR_EL2_TDA (1ull << 9)
#define MDCR_EL2_TDOSA (1ull << 10)
#define MDCR_EL2_TDRA (1ull << 11)
#define MDCR_EL2_TPMS (1ull << 14)
#define MDCR_EL2_TTRF (1ull << 19)

#define MDSCR_EL1_SS (1ull << 0)
#define MDSCR_EL1_MDE (1ull << 15)

#define CNTHCTL_EL2_EL1PCTEN (1ull << 0)
#define CNTHCTL_EL2_EL1PCEN (1ull << 1)
#define CNTKCTL_EL1_EL0PCTEN (1ull << 0)
#define CNTKCTL_EL1_EL0VCTEN (1ull << 1)
#define CNT_CTL_ENABLE (1ull << 0)
#define CNT_CTL_IMASK (1ull << 1)
#define CNT_CTL_ISTATUS (1ull << 2)

#define SPSR_M_MASK 0x1full
#define SPSR_EL0T 0x0ull
#define SPSR_EL1T 0x4ull
#define SPSR_EL1H 0x5ull
#define SPSR_DAIF 0x3c0ull
#define SPSR_SS (1ull << 21)
#define SPSR_NZCV 0xf0000000ull
/* TCO, DIT, UAO, PAN, SSBS, BTYPE: harmless where they do not exist */
#define SPSR_FEATURES (0xfull << 22 | 1ull << 12 | 3ull << 10)

#define ESR_EC(esr) ((unsigned int)((esr) >> 26) & 0x3f)
#define EC_UNKNOWN 0x00u
#define EC_WFX 0x01u
#define EC_FP 0x07u
#define EC_SVC64 0x15u
#define EC_HVC64 0x16u
#define EC_SMC64 0x17u
#define EC_SYS64 0x18u
#define EC_SVE 0x19u
#define EC_IABT_LOWER 0x20u
#define EC_DABT_LOWER 0x24u
#define EC_SERROR 0x2fu
/* Of EC_SYS64: which register, and that it is written. [ARM ESR_EL2 ISS] */
#define ESR_SYS64_ACCESS(esr) ((esr)&0x3ffc1f)
#define ESR_SYS64_RT(esr) ((unsigned int)((esr) >> 5) & 0x1f)
#define ESR_WRITES_ICC_DIR (3u << 20 | 1u << 17 | 12u << 10 | 11u << 1)
#define ESR_FSC(esr) ((esr)&0x3f)
#define ESR_IS_PERMISSION(esr) (((esr)&0x3c) == 0x0c)
#define ESR_IS_TRANSLATION(esr) (((esr)&0x3c) == 0x04)
#define ESR_S1PTW (1ull << 7)
#define ESR_FNV (1ull << 10)
