/* What the files of hv/arch/aarch64 know of each other. */
#pragma once

#include <l4/types.h>

#include "core/lock.h"
#include "core/sched.h"
#include "core/vcpu.h"

struct machine;

/* ---- mmu.c ---- */
#define HV_BASE 0x800000000000ull
void mmu_init(pa_t image);
/* The image at its physical address, for CPUs whose MMU is off yet; there at boot. */
void mmu_add_identity(void);
void mmu_drop_identity(void);
/* What of the image lies behind `end` is not mapped any more; where its first page is, is the answer. One CPU runs. */
uint64_t mmu_cut_image(const void *end);
/* Map device registers for good. */
void *mmu_map_device(pa_t at, uint64_t size);
/* Map memory read-only into the boot window, which holds 1 GiB; the next call replaces it. */
const void *mmu_boot_window(pa_t at, uint64_t size);
void mmu_drop_boot_window(void);
pa_t mmu_image_pa(const void *at);
extern uint64_t el2_l0[512];

/* ---- space.c ---- */
void space_hw_init(void);
/* [ARM VTTBR_EL2] of a space that is about to be used on this CPU. */
uint64_t space_vttbr(struct space *space);

/* ---- gic.c ---- */
void gic_init(const struct machine *machine);
void gic_init_cpu(struct cpu *cpu);
void gic_ppi_enable(unsigned int ppi, bool on);
void gic_ppi_set_active(unsigned int ppi, bool active);
uint32_t gic_acknowledge(void);
void gic_priority_drop(uint32_t intid);
void gic_deactivate(uint32_t intid);
/* Only lines that wake the machine stay enabled, and come to this CPU, which gets no IPIs; and back. */
void gic_keep_wakers(void);
void gic_return_lines(void);
/* Before that, if the distributor may have lost what it was told. */
void gic_restore_lines(void);
/* An interrupt is pending for this CPU. */
bool gic_is_pending(void);
/* Nothing comes to this CPU until gic_init_cpu. */
void gic_stop_cpu(void);
/* The timer that arch_timer_set sets need not run while firmware has turned the CPUs off. */
extern bool gic_hyp_timer_may_stop;
extern unsigned int gic_vtimer_ppi, gic_hyp_timer_ppi, gic_maintenance_ppi;
extern unsigned int gic_lr_count;
extern uint32_t gic_dir_trap;
extern unsigned int gic_apr_count;

/* ---- uart.c ---- */
bool uart_init(const struct machine *machine);
void uart_interrupt(void);
/* Before and after the machine was turned off; what was written is out. */
void uart_keep(void);
void uart_restore(void);
extern uint32_t uart_line;

/* ---- trap.c, vcpu.c ---- */
struct regs *hv_leave(struct cpu *cpu) RELEASES(hv_lock);
/* syscall.c: svc of the program that runs. */
struct regs *system_call(struct cpu *cpu, struct thread *thread);
/* Leave the hypervisor for the first time on this CPU. */
void hv_enter_first(struct regs *frame) __attribute__((noreturn));
void cpu_start_others(void);
/* Where a CPU comes that was turned on, with its number in cpus[]; the identity map is there. */
void secondary_start(void);
void cpu_start(struct cpu *cpu);
void cpu_init_registers(void);
/* Give the guest's registers to the hardware and the thread to the guest; false: the VMM has to run. */
void vcpu_load(struct vcpu *vcpu);
/* The current thread enters its guest: the frame of what runs next. */
struct regs *vcpu_run(struct cpu *cpu);
/* What the way out of a guest's trap restores, known to vectors.S. WAY_VMM: its guest has been left just now, for the VMM,
 * which expects x0 alone; what this code may have used is overwritten with values of its own, and x19 to x29 may show what
 * they were in the guest. */
enum { WAY_VMM, WAY_ALL };
struct vcpu_way {
	struct regs *frame;
	uint64_t restore;
};
struct vcpu_way vcpu_trap(uint64_t esr, struct cpu *cpu, struct vcpu *vcpu);
/* The guest waits for an interrupt, and nobody else is there for this CPU. */
struct regs *vcpu_doze(struct cpu *cpu, struct vcpu *vcpu) RELEASES(hv_lock);
void vcpu_vtimer_fired(struct cpu *cpu);
void vcpu_maintenance(struct cpu *cpu);
void fp_save(struct fp_state *state);
void fp_load(const struct fp_state *state);
void fp_switch(struct cpu *cpu, struct fp_state *to);

#define TASK_HCR                                                                                                       \
	(HCR_EL2_VM | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO | HCR_EL2_DC | HCR_EL2_TSC | HCR_EL2_TGE | HCR_EL2_RW)
#define GUEST_HCR                                                                                                      \
	(HCR_EL2_VM | HCR_EL2_SWIO | HCR_EL2_PTW | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO | HCR_EL2_FB |              \
	 HCR_EL2_BSU_IS | HCR_EL2_TWI | HCR_EL2_TID3 | HCR_EL2_TSC | HCR_EL2_TIDCP | HCR_EL2_TACR | HCR_EL2_TSW |      \
	 HCR_EL2_RW)

/* ---- psci.c ---- */
bool psci_init(const struct machine *machine);
enum err psci_cpu_on(uint64_t mpidr, pa_t entry, uint64_t context);
#define PSCI_DENIED (-3)
bool psci_has_suspend(void);
/* Comes back only if firmware refuses. */
void psci_cpu_off(void);
bool psci_is_off(uint64_t mpidr);
/* 0 when the machine is awake again, and all but memory may be lost; else what firmware says. */
int psci_suspend(pa_t entry, uint64_t context);

/* ---- sleep.c ---- */
/* The machine is about to sleep: this CPU rests until it is over. */
void sleep_wait(struct cpu *cpu) REQUIRES(hv_lock);

/* ---- panic.c ---- */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void hv_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
