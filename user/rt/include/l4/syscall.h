/* Typed stubs, one for each operation of abi/abi.toml, in its order. Slots name capabilities of the calling task;
 * what each operation does and which right it needs is told in docs/abi.md. All fail as the table there says; outputs
 * are written only on success.
 */
#pragma once

#include <l4/env.h>
#include <l4/invoke.h>

/* Any capability. */

static inline enum err l4_object_destroy(uint32_t slot)
{
	return l4_invoke0(slot, L4_OBJECT_DESTROY);
}

static inline enum err l4_object_watch(uint32_t slot, uint32_t irq)
{
	return l4_invoke1(slot, L4_OBJECT_WATCH, irq);
}

static inline enum err l4_object_kind(uint32_t slot, enum l4_kind *out_kind, uint32_t *out_rights)
{
	struct l4_msg m = {.tag = L4_TAG(L4_OBJECT_KIND, 0)};
	enum err err = l4_invoke(slot, &m);

	if (err == OK) {
		*out_kind = (enum l4_kind)m.word[0];
		*out_rights = (uint32_t)m.word[1];
	}
	return err;
}

/* Threads. L4_SLOT_SELF is the caller. */

static inline enum err l4_thread_start(uint32_t thread, uint64_t pc, uint64_t sp, uint64_t x0)
{
	return l4_invoke3(thread, L4_THREAD_START, pc, sp, x0);
}

static inline enum err l4_thread_stop(uint32_t thread)
{
	return l4_invoke0(thread, L4_THREAD_STOP);
}

static inline enum err l4_thread_set_fault(uint32_t thread, uint64_t pc, uint64_t sp)
{
	return l4_invoke2(thread, L4_THREAD_SET_FAULT, pc, sp);
}

/* Wait for a message or irq until `deadline` (CNTPCT_EL0 value, 0: for ever, 1: only look). It is put off by what the machine
 * sleeps meanwhile, as those of calls are. */
static inline enum err l4_receive(struct l4_msg *out_msg, uint64_t deadline)
{
	l4_utcb()->deadline = deadline;
	*out_msg = (struct l4_msg){.tag = L4_TAG(L4_THREAD_RECEIVE, 0)};
	return l4_invoke(L4_SLOT_SELF, out_msg);
}

/* Answer the caller in utcb.reply_slot with `words` words (and `caps` of utcb.cap), then receive into the same msg. */
static inline enum err l4_reply_receive(struct l4_msg *msg, unsigned int words, unsigned int caps, uint64_t deadline)
{
	l4_utcb()->deadline = deadline;
	msg->tag = L4_TAG(L4_THREAD_REPLY_RECEIVE, words) | L4_TAG_CAPS(caps);
	return l4_invoke(L4_SLOT_SELF, msg);
}

static inline enum err l4_reply(const struct l4_msg *msg, unsigned int words, unsigned int caps)
{
	struct l4_msg m = *msg;

	m.tag = L4_TAG(L4_THREAD_REPLY, words) | L4_TAG_CAPS(caps);
	return l4_invoke(L4_SLOT_SELF, &m);
}

static inline enum err l4_vcpu_create(uint32_t thread, uint32_t vm, uint64_t state_address)
{
	return l4_invoke2(thread, L4_THREAD_VCPU_CREATE, vm, state_address);
}

/* Enter the guest of the calling thread's vCPU. The hot path: no capability, no UTCB; all general registers but sp are lost.
 * An L4_EXIT_* number, or a negative enum err. */
static inline __attribute__((always_inline)) int64_t l4_vcpu_run(void)
{
	register int64_t x0 __asm__("x0");

	/* The frame pointer cannot be said to be lost. */
	__asm__ volatile("str x29, [sp, #-16]!\n\tsvc #1\n\tldr x29, [sp], #16"
			 : "=r"(x0)
			 :
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
			   "x28", "x30", "memory", "cc");
	return x0;
}

/* Wait as the guest of the calling thread's vCPU does in WFI, without entering it. open: until anything is pending for it,
 * whatever its CPU interface says. L4_EXIT_WAKE: something is; other L4_EXIT_*: there is something else to do first, or
 * nothing: call again; or a negative enum err. */
static inline int64_t l4_vcpu_wait(bool open)
{
	struct l4_msg msg = {.tag = L4_TAG(L4_THREAD_VCPU_WAIT, 1), .word = {open}};
	enum err err = l4_invoke(L4_SLOT_SELF, &msg);

	return err == OK ? (int64_t)msg.word[0] : (int64_t)err;
}

/* Write the groups (L4_VCPU_*) of the calling thread's vCPU out to its state page. */
static inline enum err l4_vcpu_sync(uint64_t groups)
{
	return l4_invoke1(L4_SLOT_SELF, L4_THREAD_VCPU_SYNC, groups);
}

/* Make a virtual interrupt (L4_VIRQ) of that thread's vCPU pending, or withdraw it. Any thread of the VMM may. */
static inline enum err l4_vcpu_irq(uint32_t thread, uint64_t virq, bool set)
{
	return l4_invoke2(thread, L4_THREAD_VCPU_IRQ, virq, set);
}

static inline enum err l4_thread_yield(void)
{
	return l4_invoke0(L4_SLOT_SELF, L4_THREAD_YIELD);
}

struct l4_thread_info {
	uint64_t state;
	uint64_t cpu;
	uint64_t priority;
	uint64_t cycles;
};

static inline enum err l4_thread_info(uint32_t thread, struct l4_thread_info *out_info)
{
	struct l4_msg m = {.tag = L4_TAG(L4_THREAD_INFO, 0)};
	enum err err = l4_invoke(thread, &m);

	if (err == OK)
		*out_info = (struct l4_thread_info){m.word[0], m.word[1], m.word[2], m.word[3]};
	return err;
}

/* Spaces. L4_SLOT_TASK is the caller's own. */

static inline enum err l4_space_map(uint32_t space, uint32_t dataspace, uint64_t offset, uint64_t address,
				    uint64_t size, uint32_t map_flags)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SPACE_MAP, 5), .word = {dataspace, offset, address, size, map_flags}};

	return l4_invoke(space, &m);
}

static inline enum err l4_space_unmap(uint32_t space, uint64_t address, uint64_t size)
{
	return l4_invoke2(space, L4_SPACE_UNMAP, address, size);
}

/* Of a DMA domain; *address and *size are what was asked for and what came of it. */
static inline enum err l4_space_dma_map(uint32_t space, uint32_t dataspace, uint64_t offset, uint64_t *address,
					uint64_t *size, uint32_t map_flags)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SPACE_DMA_MAP, 5), .word = {dataspace, offset, *address, *size, map_flags}};
	enum err err = l4_invoke(space, &m);

	if (err == OK) {
		*address = m.word[0];
		*size = m.word[1];
	}
	return err;
}

/* *out_kind: L4_DMA_*; *out_limit: highest address + 1. ERR_INVAL: the space is no DMA domain. */
static inline enum err l4_space_dma_info(uint32_t space, uint32_t *out_kind, uint64_t *out_limit)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SPACE_DMA_INFO, 0)};
	enum err err = l4_invoke(space, &m);

	if (err == OK) {
		*out_kind = (uint32_t)m.word[0];
		*out_limit = m.word[1];
	}
	return err;
}

static inline enum err l4_space_give(uint32_t space, uint32_t slot, uint32_t slot_there, uint32_t rights)
{
	return l4_invoke3(space, L4_SPACE_GIVE, slot, slot_there, rights);
}

static inline enum err l4_space_take(uint32_t space, uint32_t slot_there, uint32_t slot)
{
	return l4_invoke2(space, L4_SPACE_TAKE, slot_there, slot);
}

static inline enum err l4_space_drop(uint32_t space, uint32_t slot_there)
{
	return l4_invoke1(space, L4_SPACE_DROP, slot_there);
}

static inline enum err l4_space_exit(uint32_t space, uint64_t code)
{
	return l4_invoke1(space, L4_SPACE_EXIT, code);
}

struct l4_space_status {
	uint64_t reason; /* L4_DEATH_* */
	uint64_t code;
	uint64_t pc;
	uint64_t far;
	uint64_t cycles; /* counter ticks that its threads ran so far */
};

static inline enum err l4_space_status(uint32_t space, struct l4_space_status *out_status)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SPACE_STATUS, 0)};
	enum err err = l4_invoke(space, &m);

	if (err == OK)
		*out_status = (struct l4_space_status){m.word[0], m.word[1], m.word[2], m.word[3], m.word[4]};
	return err;
}

/* Drop one of our own capabilities. The object dies with its last capability. */
static inline enum err l4_drop(uint32_t slot)
{
	return l4_space_drop(L4_SLOT_TASK, slot);
}

/* Dataspaces. */

struct l4_dataspace_info {
	uint64_t size;
	uint64_t map_flags;
	uint64_t extents;
};

static inline enum err l4_dataspace_info(uint32_t dataspace, struct l4_dataspace_info *out_info)
{
	struct l4_msg m = {.tag = L4_TAG(L4_DATASPACE_INFO, 0)};
	enum err err = l4_invoke(dataspace, &m);

	if (err == OK)
		*out_info = (struct l4_dataspace_info){m.word[0], m.word[1], m.word[2]};
	return err;
}

static inline enum err l4_dataspace_slice(uint32_t dataspace, uint32_t slot, uint64_t offset, uint64_t size,
					  uint32_t rights)
{
	struct l4_msg m = {.tag = L4_TAG(L4_DATASPACE_SLICE, 4), .word = {slot, offset, size, rights}};

	return l4_invoke(dataspace, &m);
}

static inline enum err l4_dataspace_clear(uint32_t dataspace, uint64_t offset, uint64_t size)
{
	return l4_invoke2(dataspace, L4_DATASPACE_CLEAR, offset, size);
}

/* Gates. */

static inline enum err l4_gate_bind(uint32_t gate, uint32_t thread, uint64_t badge)
{
	return l4_invoke2(gate, L4_GATE_BIND, thread, badge);
}

/* Call the server behind the gate: msg->tag is L4_TAG(label, words), with the words in msg and, from the sixth on, in
 * the UTCB. A deadline other than 0 (CNTPCT_EL0 value) bounds the wait. The answer replaces msg. */
static inline enum err l4_gate_call(uint32_t gate, struct l4_msg *msg, uint64_t deadline)
{
	if (deadline != 0) {
		l4_utcb()->deadline = deadline;
		msg->tag |= L4_TAG_DEADLINE;
	}
	return l4_invoke(gate, msg);
}

/* Irqs. */

static inline enum err l4_irq_bind_thread(uint32_t irq, uint32_t thread, uint64_t badge)
{
	return l4_invoke2(irq, L4_IRQ_BIND_THREAD, thread, badge);
}

static inline enum err l4_irq_bind_vcpu(uint32_t irq, uint32_t thread, uint64_t virq)
{
	return l4_invoke2(irq, L4_IRQ_BIND_VCPU, thread, virq);
}

static inline enum err l4_irq_trigger(uint32_t irq)
{
	return l4_invoke0(irq, L4_IRQ_TRIGGER);
}

static inline enum err l4_irq_mask(uint32_t irq)
{
	return l4_invoke0(irq, L4_IRQ_MASK);
}

static inline enum err l4_irq_unmask(uint32_t irq)
{
	return l4_invoke0(irq, L4_IRQ_UNMASK);
}

static inline enum err l4_irq_deadline(uint32_t irq, uint64_t time)
{
	return l4_invoke2(irq, L4_IRQ_DEADLINE, time, 0);
}

/* The same, and when the machine sleeps then, it wakes. */
static inline enum err l4_irq_deadline_wake(uint32_t irq, uint64_t time)
{
	return l4_invoke2(irq, L4_IRQ_DEADLINE, time, L4_DEADLINE_WAKE);
}

static inline enum err l4_irq_unbind(uint32_t irq)
{
	return l4_invoke0(irq, L4_IRQ_UNBIND);
}

/* Until the thread that receives a wake-up by this irq receives again the machine does not sleep, and what it triggers is a
 * wake-up, if that is wakeful, too. */
static inline enum err l4_irq_wakeful(uint32_t irq, bool is_wakeful)
{
	return l4_invoke1(irq, L4_IRQ_WAKEFUL, is_wakeful);
}

/* Is its hardware line pending? What was given to a vCPU is not. With `forget` a pending edge is over before the look. */
static inline enum err l4_irq_line(uint32_t irq, bool forget, bool *out_pending)
{
	struct l4_msg m = {.tag = L4_TAG(L4_IRQ_LINE, 1), .word = {forget}};
	enum err err = l4_invoke(irq, &m);

	*out_pending = err == OK && m.word[0] != 0;
	return err;
}

/* Factories. The new object's capability, with all rights, goes to `slot`. */

static inline enum err l4_factory_create(uint32_t factory, int64_t type, uint32_t slot, uint64_t a, uint64_t b,
					 uint64_t c)
{
	struct l4_msg m = {.tag = L4_TAG(L4_FACTORY_CREATE, 5), .word = {(uint64_t)type, slot, a, b, c}};

	return l4_invoke(factory, &m);
}

static inline enum err l4_factory_create_dataspace(uint32_t factory, uint32_t slot, uint64_t size, uint32_t mem_flags,
						   unsigned int align_log2)
{
	return l4_factory_create(factory, L4_PROTO_DATASPACE, slot, size, mem_flags, align_log2);
}

static inline enum err l4_factory_create_task(uint32_t factory, uint32_t slot)
{
	return l4_factory_create(factory, L4_PROTO_TASK, slot, 0, 0, 0);
}

static inline enum err l4_factory_create_vm(uint32_t factory, uint32_t slot)
{
	return l4_factory_create(factory, L4_PROTO_VM, slot, 0, 0, 0);
}

static inline enum err l4_factory_create_dma_space(uint32_t factory, uint32_t slot)
{
	return l4_factory_create(factory, L4_PROTO_DMA_SPACE, slot, 0, 0, 0);
}

static inline enum err l4_factory_create_thread(uint32_t factory, uint32_t slot, uint32_t task, uint64_t utcb_address)
{
	return l4_factory_create(factory, L4_PROTO_THREAD, slot, task, utcb_address, 0);
}

static inline enum err l4_factory_create_gate(uint32_t factory, uint32_t slot)
{
	return l4_factory_create(factory, L4_PROTO_IPC_GATE, slot, 0, 0, 0);
}

static inline enum err l4_factory_create_irq(uint32_t factory, uint32_t slot)
{
	return l4_factory_create(factory, L4_PROTO_IRQ_SENDER, slot, 0, 0, 0);
}

static inline enum err l4_factory_create_factory(uint32_t factory, uint32_t slot, uint64_t quota)
{
	return l4_factory_create(factory, L4_PROTO_FACTORY, slot, quota, 0, 0);
}

struct l4_factory_info { /* bytes */
	uint64_t quota;
	uint64_t used;
	uint64_t machine_free;
	uint64_t largest_free;
	uint64_t hypervisor; /* held by it, for its objects and tables */
	uint64_t machine;    /* all of its memory */
};

static inline enum err l4_factory_info(uint32_t factory, struct l4_factory_info *out_info)
{
	struct l4_msg m = {.tag = L4_TAG(L4_FACTORY_INFO, 0)};
	enum err err = l4_invoke(factory, &m);

	if (err == OK)
		*out_info = (struct l4_factory_info){m.word[0], m.word[1], m.word[2], m.word[3], m.word[4], m.word[5]};
	return err;
}

/* Schedulers. */

/* cpu counts within the scheduler's CPUs; -1 leaves the thread where it is. */
static inline enum err l4_scheduler_place(uint32_t scheduler, uint32_t thread, unsigned int priority, int cpu)
{
	return l4_invoke3(scheduler, L4_SCHEDULER_PLACE, thread, priority, (uint64_t)(int64_t)cpu);
}

static inline enum err l4_scheduler_limit(uint32_t scheduler, uint32_t slot, unsigned int highest, uint64_t cpu_mask)
{
	return l4_invoke3(scheduler, L4_SCHEDULER_LIMIT, slot, highest, cpu_mask);
}

struct l4_scheduler_info {
	uint64_t highest_priority;
	uint64_t cpu_mask;
	uint64_t online_mask;
};

static inline enum err l4_scheduler_info(uint32_t scheduler, struct l4_scheduler_info *out_info)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SCHEDULER_INFO, 0)};
	enum err err = l4_invoke(scheduler, &m);

	if (err == OK)
		*out_info = (struct l4_scheduler_info){m.word[0], m.word[1], m.word[2]};
	return err;
}

static inline enum err l4_scheduler_idle(uint32_t scheduler, unsigned int cpu, uint64_t *out_ticks)
{
	struct l4_msg m = {.tag = L4_TAG(L4_SCHEDULER_IDLE, 1), .word = {cpu}};
	enum err err = l4_invoke(scheduler, &m);

	if (err == OK)
		*out_ticks = m.word[0];
	return err;
}

/* Hardware lines. */

static inline enum err l4_icu_bind(uint32_t icu, uint32_t interrupt_id, uint32_t irq, uint32_t irq_mode)
{
	return l4_invoke3(icu, L4_ICU_BIND, interrupt_id, irq, irq_mode);
}

static inline enum err l4_icu_info(uint32_t icu, uint64_t *out_interrupt_ids)
{
	struct l4_msg m = {.tag = L4_TAG(L4_ICU_INFO, 0)};
	enum err err = l4_invoke(icu, &m);

	if (err == OK)
		*out_interrupt_ids = m.word[0];
	return err;
}

/* SMMUs, and the DMA domains that streams of devices go through. */

static inline enum err l4_iommu_bind(uint32_t iommu, unsigned int smmu, uint32_t stream, uint32_t space)
{
	return l4_invoke3(iommu, L4_IOMMU_BIND, smmu, stream, space);
}

static inline enum err l4_iommu_unbind(uint32_t iommu, unsigned int smmu, uint32_t stream)
{
	return l4_invoke2(iommu, L4_IOMMU_UNBIND, smmu, stream);
}

static inline enum err l4_iommu_physical(uint32_t iommu, uint32_t space)
{
	return l4_invoke1(iommu, L4_IOMMU_PHYSICAL, space);
}

static inline enum err l4_iommu_info(uint32_t iommu, unsigned int *out_smmus)
{
	struct l4_msg m = {.tag = L4_TAG(L4_IOMMU_INFO, 0)};
	enum err err = l4_invoke(iommu, &m);

	if (err == OK)
		*out_smmus = (unsigned int)m.word[0];
	return err;
}

struct l4_iommu_fault {
	unsigned int smmu;
	uint32_t stream;
	uint64_t address;
	uint32_t flags; /* L4_FAULT_* */
	uint64_t lost;  /* at least so many before it were not told */
};

/* ERR_AGAIN: there is none. */
static inline enum err l4_iommu_fault(uint32_t iommu, struct l4_iommu_fault *out_fault)
{
	struct l4_msg m = {.tag = L4_TAG(L4_IOMMU_FAULT, 0)};
	enum err err = l4_invoke(iommu, &m);

	if (err == OK)
		*out_fault = (struct l4_iommu_fault){(unsigned int)m.word[0], (uint32_t)m.word[1], m.word[2],
						     (uint32_t)m.word[3], m.word[4]};
	return err;
}

/* The irq comes at once, for what there may be already; then for the first one after all have been taken. */
static inline enum err l4_iommu_bind_irq(uint32_t iommu, uint32_t irq)
{
	return l4_invoke1(iommu, L4_IOMMU_BIND_IRQ, irq);
}

/* Text channels: the machine's UART, or a gate whose server answers the same. Those without `until` wait for ever for a
 * server that does not answer; the others until the deadline (CNTPCT_EL0 value, 0: for ever), then ERR_TIMEDOUT. The
 * hypervisor always answers at once. <l4/channel.h> also copes with servers that die and come back. */

#define L4_CONSOLE_CHUNK 480u
#define L4_CONSOLE_READ_FLAGS ((uint64_t)(L4_READ_BREAK | L4_READ_UNBOUND | L4_READ_ATTENDED))

/* Offer up to L4_CONSOLE_CHUNK bytes; the channel says how many it took, which may be none. */
enum err l4_console_write(uint32_t console, const void *text, size_t size, size_t *out_accepted);
enum err l4_console_write_until(uint32_t console, const void *text, size_t size, uint64_t deadline,
				size_t *out_accepted);

/* Read what is there, up to `size` and L4_CONSOLE_CHUNK bytes; 0 when there is nothing. Flags: L4_READ_*. */
enum err l4_console_read(uint32_t console, void *text, size_t size, size_t *out_got);
enum err l4_console_read_until(uint32_t console, void *text, size_t size, uint64_t deadline, size_t *out_got);
enum err l4_console_read_flags(uint32_t console, void *text, size_t size, uint64_t deadline, size_t *out_got,
			       uint64_t *out_flags);

/* Trigger the irq when there is input. */
enum err l4_console_bind_irq(uint32_t console, uint32_t irq);
enum err l4_console_bind_irq_until(uint32_t console, uint32_t irq, uint64_t deadline);
