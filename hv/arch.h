/* The seam between hv/core and the machine. hv/arch/aarch64 implements it on hardware, hv/arch/host in a process on
 * your desk, chosen by the build. */
#pragma once

#include <l4/abi.h>
#include <l4/types.h>

#include "core/lock.h"

struct cpu;
struct smmu_fault;
struct space;
struct thread;
struct vcpu;

/* ---- CPUs and time ---- */

struct cpu *arch_this_cpu(void);
void arch_spin_wait(void);
void arch_spin_wake(void);
/* An interrupt waits for this CPU: long work gives way. [ARM ISR_EL1] */
bool arch_irq_pending(void);
/* Make that CPU look at its inbox and its run queue. */
void arch_send_ipi(unsigned int cpu);
/* CNTPCT_EL0, and its frequency. */
uint64_t arch_now(void);
uint64_t arch_counter_hz(void);
/* Interrupt this CPU when the counter reaches `when`; UINT64_MAX: never. */
void arch_timer_set(uint64_t when);
void arch_wait_for_interrupt(void);
/* Give the lock away for a moment: others go on. */
void arch_let_others_in(void) REQUIRES(hv_lock);
/* All CPUs rest and this one is vacated. Sleep as deep as the machine can, until a line comes for which irq_line_cpu
 * [core/irq.h] names somebody, the console has input that somebody listens for, or the counter reaches `until`. Answers
 * L4_SLEEP_IDLE or L4_SLEEP_FIRMWARE, and says on the console which it is when it is so for the first time. */
uint64_t arch_sleep(uint64_t until) REQUIRES(hv_lock);
void arch_machine_off(void) __attribute__((noreturn));
void arch_machine_reset(void) __attribute__((noreturn));

/* ---- memory ---- */

/* Make pages of RAM readable to the hypervisor, and back. The memory is zeroed. `pages` is 1 or 2. */
enum err arch_kmem_map(pa_t at, unsigned int pages, void **out);
void arch_kmem_unmap(void *at, unsigned int pages);
pa_t arch_kmem_pa(const void *at);
void *arch_kmem_at(pa_t pa);
/* Zero RAM that is not mapped, within one 2 MiB block, and clean it to the point of coherency. Whole pages, at least one;
 * stops when an interrupt waits. How many bytes is the answer. */
uint64_t arch_clear(pa_t at, uint64_t size);
/* Write to RAM that is not mapped; for boot. Instructions written so can be executed. */
void arch_write(pa_t at, const void *from, uint64_t size);
/* The same of instructions that lie there already, where they are mapped. */
void arch_sync_code(const void *at, uint64_t size);

/* ---- spaces ---- */

/* Of all kinds. One of a DMA domain may be in use by SMMUs when it changes. */
enum err arch_space_init(struct space *space);
/* As s2_map and s2_unmap [stage2.h]: bounded by `budget` entries, *out_done says how far it got.
 * When unmap comes back, no CPU and no SMMU holds anything of what was unmapped: the memory can be given away. */
enum err arch_space_map(struct space *space, ipa_t at, pa_t from, uint64_t size, unsigned int flags, uint64_t budget,
			uint64_t *out_done);
enum err arch_space_unmap(struct space *space, ipa_t at, uint64_t size, uint64_t budget, uint64_t *out_done);
/* Free the tables step by step; true when done. No CPU may use the space any more. */
bool arch_space_clear(struct space *space, uint64_t budget);
/* Highest address + 1 of a space. */
uint64_t arch_space_limit(const struct space *space);

/* ---- SMMUs: streams of devices and the DMA domains they go through ---- */

unsigned int arch_smmu_count(void);
/* The stream's accesses go through the tables of that space, in force when it returns. The stream is detached before.
 * ERR_RANGE: no such SMMU or stream; ERR_NODEV: an SMMU that lets nothing through; ERR_NOMEM: no memory for tables, or
 * too many domains are bound. On an error the stream stays detached. */
enum err arch_smmu_attach(unsigned int smmu, uint32_t stream, struct space *space);
/* Of the space that it is attached to. When it returns, accesses of the stream abort and the SMMU holds nothing of it. */
void arch_smmu_detach(unsigned int smmu, uint32_t stream, struct space *space);
/* Take the next refused access out of the SMMUs' queues; false: none. When accesses are refused that nobody has taken,
 * the machine calls iommu_faulted [core/iommu.h], at least once after each false. */
bool arch_smmu_fault(struct smmu_fault *out);

/* ---- threads and vCPUs; on the CPU they belong to ---- */

/* Leave what runs now: keep pc, pstate, user registers and floating point of it. */
void arch_thread_leave(struct thread *thread);
/* What the CPU enters when the hypervisor is left. */
void arch_thread_enter(struct thread *thread);
/* No thread runs: stop using its space. */
void arch_idle_enter(void);
/* Take a vCPU's registers, timer and list registers out of the hardware. */
void arch_vcpu_unload(struct vcpu *vcpu);
/* From guest to the VMM thread that owns the vCPU: finish an exit with the given reason. */
void arch_vcpu_exit(struct vcpu *vcpu, uint64_t reason);
/* Write register groups (L4_VCPU_*) of the running thread's vCPU to its state page. */
enum err arch_vcpu_sync(struct vcpu *vcpu, uint64_t groups);
/* For a thread that calls, and is about to wait for its vCPU or to come back: take what its VMM changed in the state page and
 * injected. True: the guest's timer is due and only waits for the guest to be entered. */
bool arch_vcpu_take_page(struct vcpu *vcpu);
/* And come back with that reason (L4_EXIT_*), now or when the thread is woken. */
void arch_vcpu_report(struct vcpu *vcpu, uint64_t reason);
void arch_vcpu_init(struct vcpu *vcpu);
/* [GIC ICH_VMCR_EL2] of the vCPU, wherever it is now. */
uint64_t arch_vcpu_vmcr(const struct vcpu *vcpu);
/* Drop floating point state that the CPU may still hold for this owner. */
void arch_fp_forget(const void *owner);

/* ---- interrupts ---- */

unsigned int arch_line_count(void);
/* May this line be handed out? The hypervisor's own are not. */
bool arch_line_is_free(unsigned int line);
void arch_line_set_mode(unsigned int line, bool level);
void arch_line_enable(unsigned int line, unsigned int cpu);
void arch_line_disable(unsigned int line);
/* Finish a line's interrupt: [GIC ICC_DIR_EL1] */
void arch_line_deactivate(unsigned int line);
/* Its state, wherever it is routed; a line that is high and level is pending. */
bool arch_line_is_pending(unsigned int line);
bool arch_line_is_active(unsigned int line);
/* A pending edge is over. */
void arch_line_forget(unsigned int line);

/* ---- console ---- */

void arch_console_put(char c); /* waits for room; for the hypervisor's own messages */
/* Write what the FIFO takes now, at the most 32 bytes on hardware that has no more room. */
size_t arch_console_write(const char *from, size_t size);
size_t arch_console_read(char *to, size_t size);
/* Input interrupt on or off. */
void arch_console_listen(bool on);
