/* Identification registers of Arm PrimeCell devices: eight bytes in the last eight words of the 4 KiB frame.
 * [PL011 UARTPeriphID0-3, UARTPCellID0-3] */
#pragma once

#include <stdint.h>

#define AMBA_FRAME_SIZE 0x1000u
#define AMBA_ID_FIRST 0xfe0u

/* part: designer, part number and revision as four bytes, lowest first. */
static inline uint32_t amba_id(uint32_t part, uint64_t offset)
{
	uint64_t index = (offset - AMBA_ID_FIRST) / 4;

	return (index < 4 ? part >> (8 * index) : 0xb105f00du >> (8 * (index - 4))) & 0xff;
}
