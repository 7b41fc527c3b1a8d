/* Calls by HVC and SMC, sorted by owner [SMCCC]. Pure. */
#pragma once

#include "cpu/vcpu.h"

#define SMCCC_FAST (1u << 31)
#define SMCCC_64BIT (1u << 30)
#define SMCCC_NUMBER_MASK 0xffffu
#define SMCCC_STANDARD 0x84000000u /* fast, 32 bits, owner 4: standard secure service */
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define SMCCC_NOT_SUPPORTED (-1)

/* The call in the registers; the pc is not touched. `immediate` is the instruction's. */
enum vcpu_next smccc_call(struct vcpu *vcpu, uint32_t immediate);
