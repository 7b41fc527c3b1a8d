/* The operations that the measuring guest times, each between two reads of the counter. Results are counter ticks. */
#pragma once

#include <stdint.h>

uint64_t op_hvc_psci_version(void);
uint64_t op_smc_psci_version(void);
uint64_t op_idreg_read(void);
uint64_t op_read(uint64_t address);
uint64_t op_write(uint64_t address, uint32_t value);
uint64_t op_putc(uint64_t uart, char c);
/* Interrupts must be enabled; the results end at the vector's first instruction. */
uint64_t op_timer_irq(uint64_t ticks);
uint64_t op_timer_wfi(uint64_t ticks);
uint64_t op_sgi_self(uint64_t sgi1r);
/* Sends; returns the counter at the start, the receiver's vector has the end. */
uint64_t op_sgi_send(uint64_t sgi1r);
/* Wait for one interrupt and return the counter in its vector. */
uint64_t op_receive_spin(void);
uint64_t op_receive_wfi(void);
/* Suspends to RAM; an interrupt must be pending, and masked. The GIC's CPU interface is as after reset then. 0: refused. */
uint64_t op_suspend(void);
