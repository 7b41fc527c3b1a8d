/* The groups of checks that the matrix guest makes, in order. */
#pragma once

void check_machine(void);   /* level, device tree, memory */
void check_registers(void); /* ID registers, system registers and SIMD across exits */
void check_gic_registers(void);
void check_gic_delivery(void);
void check_timer(void);
void check_uart(void);
void check_rtc(void);
void check_gpio(void);
void check_psci(void);
void check_worst(void); /* the guest's control registers at their worst around exits */
void check_cpus(void);  /* further CPUs, if there are any */
