/* QEMU's device "edu", which does the DMA that it is told to, wherever it is told. [EDU] */
#pragma once

#include <l4/rt.h>

#define EDU_VENDOR_DEVICE 0x11e81234u
#define EDU_SIZE 0x100000ull
#define EDU_BUFFER_SIZE 4096u

struct edu {
	volatile void *regs;
	uint32_t stream;
};

/* The n-th one on bus 0, with its registers at that physical address, and allowed to do DMA. False: it is not there. */
bool edu_open(struct edu *edu, uint32_t mmio, volatile void *ecam, unsigned int n, uint32_t registers);

/* Less than EDU_BUFFER_SIZE bytes from memory into the device's buffer, or out of it. They return when the device is
 * done, also when nothing came or went: it does not tell. */
void edu_fetch(const struct edu *edu, uint64_t address, unsigned int size);
void edu_store(const struct edu *edu, uint64_t address, unsigned int size);
