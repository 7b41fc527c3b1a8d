/* uvmm as a program: the VM's models, and the capabilities behind them. The folder host/ is the only one that makes
 * system calls.
 *
 *   service thread (main)                      vCPU thread, one each
 *   ─────────────────────                      ─────────────────────
 *   waits for irqs: input, output to be        run ──exit──▶ lock, handle, unlock ──▶ run
 *   written, the clock, the VM's end           rests while its vCPU is off or somebody parks it
 *
 *   thread of `pfc`, if there is one           thread of the locks at `vbus` and `ctl`, if there is one
 *   ────────────────────────────────           ────────────────────────────────────────────────────────
 *   waits for the power manager's answer       holds what sleep.c wants, takes events
 *
 * The lock (lock.c) guards bus, models, GIC and everything in struct host that both use. Nobody waits for another
 * program while holding it: what the guest prints goes into a buffer, which the service thread empties.
 */
#pragma once

#include <l4/rt.h>

#include "cpu/event_log.h"
#include "cpu/sleep.h"
#include "cpu/vcpu.h"
#include "debug/gdb.h"
#include "debug/monitor.h"
#include "guest/boot.h"
#include "host/console.h"
#include "host/pci.h"
#include "host/vbus.h"
#include "model/pl011.h"
#include "model/pl031.h"
#include "model/pl061.h"
#include "model/pvpanic.h"

#define HOST_UARTS_MAX 4u
#define HOST_GPIOS_MAX 4u
#define HOST_UART_RESERVE 32u /* bytes of the output buffer that are kept free while the UART is not full */
#define HOST_VCPU_STACK 0x4000u
#define HOST_LOG_MAX 2048u
#define HOST_LINES_MAX 15u /* what the hypervisor binds to one vCPU; the guest may route all of them to one */

/* Exit codes of the program; ned's restart policy looks at them. */
enum host_end {
	HOST_END_OFF = 0,
	HOST_END_ERROR = 1,       /* the VM could not be set up, or the hypervisor refuses to run it */
	HOST_END_GUEST_FAULT = 2, /* the guest did what --fault-mode=halt does not let pass, or cannot go on */
	HOST_END_PANIC = 3,       /* the guest's kernel says that it panicked */
	HOST_END_HALTED = 4,      /* every CPU of the guest is in a loop that nothing can end */
	HOST_END_CPUS_OFF = 5,    /* the guest turned its last CPU off */
	HOST_END_RESET = 102,
};

/* Badges of irqs: what happened, and to which one. The first of them go to the service thread, KICK and TIMER to the
 * thread of their vCPU. */
enum host_event {
	HOST_EVENT_INPUT,
	HOST_EVENT_FLUSH,
	HOST_EVENT_RTC,
	HOST_EVENT_WORK,  /* look what there is to do: text to be written, room for input, an end */
	HOST_EVENT_DEBUG, /* input on a channel of host/debug.c */
	HOST_EVENT_BUS,   /* io serves the virtual bus again */
	HOST_EVENT_LINE,  /* a line of the machine that is the guest's, while the VM sleeps */
	HOST_EVENT_KEY,   /* time to let a key go */
	HOST_EVENT_WATCH, /* time to see whether the guest still does something */
	HOST_EVENT_KICK,  /* look at hold, power and end */
	HOST_EVENT_TIMER,
};
#define HOST_BADGE(event, index) ((uint64_t)(event) << 8 | (index))

/* page.c: registers that the guest may read by itself. */
struct host;
struct host_page {
	struct host *host;
	uint32_t dataspace;
	uint64_t at; /* guest physical */
	void *view;
};

struct host_uart {
	struct host *host;
	struct pl011 model;
	struct host_page page;
	struct host_console console;
};

struct host_gpio {
	struct pl061 model;
	const struct scan_device *node;
};

struct host_key_hold {
	uint32_t irq;       /* 0: there is no such key */
	unsigned int holds; /* how often it was armed since the key was pressed; 0: it is not */
};

/* A vCPU's thread, and how others stop it. `state` holds how many want it to rest, and whether it does: then all
 * groups of registers are in its page, which may be read and changed by who holds the lock and had it parked. */
#define HOST_VCPU_PARKED (1u << 31)
struct host_vcpu {
	struct host *host;
	struct vcpu *vcpu;
	uint32_t thread;    /* capability */
	uint32_t kick;      /* irq to the thread: come out */
	uint32_t timer_irq; /* irq to the thread: deadline of the EL1 physical timer */
	uint32_t state;     /* atomic */
	bool given;         /* another thread gave it interrupts, which are in no page yet */
};

struct host_watch {
	uint32_t irq;
	uint64_t exits;      /* of all vCPUs, when last looked at */
	unsigned int pause;  /* periods between looks while nothing happens */
	unsigned int waited; /* of these */
};

/* debug.c: a channel each for monitor and GDB stub. */
#define HOST_DEBUG_CHANNELS 2u
struct host_debug {
	bool is_on; /* one of them was given */
	struct l4_channel channel[HOST_DEBUG_CHANNELS];
	struct debug vm;
	struct monitor monitor;
	struct gdb gdb;
};

/* A hardware line that is the guest's. */
struct host_line {
	uint32_t intid; /* the guest's name for it */
	uint32_t irq;   /* capability */
	bool level;
	bool watched; /* by the service thread, while the VM sleeps */
	bool fired;   /* and it came */
};

/* A dataspace that is RAM of the guest. */
struct host_ram {
	uint32_t dataspace;
	uint64_t size;
	uint8_t *view;             /* all of it in our own space */
	struct ram_extent *extent; /* DMA without IOMMU: where it is; malloc */
};

/* sleep.c: suspend to RAM. */
struct host_sleep {
	struct sleep machine;        /* what it is at */
	struct vcpu *vcpu;           /* which wakes; NULL: the VM does not sleep */
	bool deep;                   /* timers and watch are off, lines are the service thread's */
	uint64_t cntv_ctl, cntp_ctl; /* of that vCPU, while they are off */
	uint32_t posted;             /* events of other threads, a bit 1 << SLEEP_... each */
};

/* power.c: the power manager, capability `pfc`. */
struct host_power {
	uint32_t pfc; /* 0: there is none */
	uint32_t thread, call_irq;
	/* What it said to the last suspend, once it has. */
	bool is_answered;
	enum err err;
	struct l4_platform_answer answer;
};

/* inhibit.c: locks at `vbus` and `ctl`. The clients are the thread's own, the rest is under the lock. */
#define HOST_INHIBIT_CLIENTS 2u
enum host_client_state {
	HOST_CLIENT_NEW,   /* the server has to hear of us */
	HOST_CLIENT_KNOWN, /* it has */
	HOST_CLIENT_NONE,  /* it serves no locks, or not for us */
};
struct host_inhibit_client {
	const char *name;
	bool is_bus;              /* the machine's sleep depends on it */
	struct l4_inhibitor lock; /* gate 0: there is no such client */
	enum host_client_state state;
	uint32_t held, unsure; /* bits 1 << L4_INHIBITOR_* */
	bool is_told;          /* that it does not do what it should */
};
struct host_inhibit {
	bool is_on;
	uint32_t thread, work_irq;
	uint32_t wanted;
	uint32_t between; /* what was wanted while the VM ran, if that may not have been carried out; 0: nothing */
	unsigned int round, done; /* changes of `wanted`; the last one that was carried out */
	struct host_inhibit_client client[HOST_INHIBIT_CLIENTS];
};

/* dma.c: where devices of the VM do their DMA. */
struct host_dma {
	enum dma_kind kind;
	uint32_t space; /* unless DMA_NONE */
	uint64_t limit; /* highest address + 1 */
};

#define HOST_UNLOCK_WAKE 1u  /* there is work for the service thread */
#define HOST_UNLOCK_GO_ON 2u /* those in `parked` go on */

struct host {
	uint32_t lock;      /* lock.c */
	uint32_t at_unlock; /* what is due when it is given back: HOST_UNLOCK_... */
	uint64_t parked;    /* vCPUs, one bit each, that rest for who holds the lock */
	struct options options;
	struct report report;
	struct boot_plan plan;
	struct guest_mem mem;
	struct vm vm;
	uint32_t factory, vm_space;
	struct host_ram ram[LAYOUT_SOURCES_MAX]; /* by index of the plan's sources */
	struct host_dma dma;
	unsigned int uart_count;
	struct host_uart uart[HOST_UARTS_MAX];
	struct pl031 rtc;
	unsigned int gpio_count;
	struct host_gpio gpio[HOST_GPIOS_MAX];
	struct host_key_hold key[SCAN_KEY_COUNT];
	struct pvpanic pvpanic;
	uint32_t rtc_irq;
	uint32_t work_irq; /* HOST_EVENT_WORK */
	struct event_log events;
	unsigned int log_used; /* lines for the log that the service thread writes, each ended by 0 */
	char log[HOST_LOG_MAX];
	struct host_watch watch;
	struct host_sleep sleep;
	struct host_power power;
	struct host_inhibit inhibit;
	struct host_vbus vbus;
	struct host_pci pci;
	bool ended;
	enum host_end end;     /* once `ended` */
	struct vcpu *end_vcpu; /* whose exit ended the VM */
	struct host_debug debug;
	unsigned int line_count;
	struct host_line line[HOST_LINES_MAX];
	struct host_vcpu cpu[GIC_CPUS_MAX];
};

/* lock.c: the VM's lock, and stopping vCPUs. */
void host_lock_slow(struct host *host);
void host_unlock_slow(struct host *host);
static inline void host_lock(struct host *host)
{
	if (__builtin_expect(__atomic_exchange_n(&host->lock, 1, __ATOMIC_ACQUIRE) != 0, 0))
		host_lock_slow(host);
}
/* vCPUs that were parked through host_vcpu_page go on. */
static inline void host_unlock(struct host *host)
{
	if (__builtin_expect(host->at_unlock != 0, 0))
		host_unlock_slow(host);
	else
		__atomic_store_n(&host->lock, 0, __ATOMIC_RELEASE);
}
/* With the lock held: the state page of a vCPU, which is the caller's own or rests until the lock is given back. */
struct l4_vcpu_state *host_vcpu_page(struct host *host, unsigned int cpu);
/* With the lock held: have the vCPU rest, beyond the lock, until host_vcpu_release. Counts. */
void host_vcpu_hold(struct host *host, unsigned int cpu);
/* The same in two steps: ask several, then wait for each. */
void host_vcpu_ask(struct host *host, unsigned int cpu);
void host_vcpu_settle(struct host *host, unsigned int cpu);
void host_vcpu_release(struct host *host, unsigned int cpu);
/* On the vCPU's own thread: rest as long as somebody wants that or it is off. */
void host_vcpu_rest(struct host_vcpu *cpu);
/* On the vCPU's own thread, within an exit and without the lock: what it does now may take long and has nothing to do with
 * its page, so it counts as resting. Then the other, with the pc from before: rest as long as somebody wants that, and go on with the exit. */
void host_vcpu_step_out(struct host_vcpu *cpu);
void host_vcpu_step_in(struct host_vcpu *cpu, uint64_t pc);
/* On the vCPU's own thread: bring its page up to date in those groups, with what waits to be given to it. False: the
 * hypervisor refused, which is told. */
bool host_vcpu_write_out(struct host_vcpu *cpu, uint64_t groups);
/* The vCPU whose thread calls, or NULL: the service thread. */
extern _Thread_local struct host_vcpu *host_self;
static inline struct host_vcpu *host_vcpu_self(void)
{
	return host_self;
}

/* memory.c: how the plan gets at RAM, in our space; RAM in the guest's space, as the plan says. Errors are told. */
struct boot_memory host_memory(struct host *host);
enum err host_memory_map(struct host *host);

/* dma.c: the VM's DMA domain, of `vbus` or `dma`; neither: DMA_NONE. Before RAM is opened, after the bus. */
enum err host_dma_open(struct host *host);
/* Without IOMMU: where the dataspace is, which also maps it. Otherwise nothing. */
enum err host_dma_find(struct host *host, const char *cap, struct host_ram *ram, struct ram_source *out);
/* Behind an IOMMU: maps the piece. Otherwise nothing. */
enum err host_dma_map(struct host *host, const struct host_ram *ram, const struct ram_piece *piece);

/* vcpu.c: the VM space; the vCPUs, each with its state page, thread and irqs, resting; where they run. */
enum err host_vm_create(struct host *host);
enum err host_vcpus_create(struct host *host);
/* How many vCPUs a VM gets when nobody says: as many as its scheduler has CPUs. */
unsigned int host_vcpus_default(void);

/* devices.c: models for the nodes of the plan; nodes whose capability is missing get disabled. */
enum err host_devices_create(struct host *host);
/* With the lock held: while the VM sleeps, an alarm of the clock that the guest waits for also wakes the machine, and others
 * do not come. */
void host_rtc_arm(struct host *host);
/* Hand the UART the input that fits. With the lock held. */
void host_uart_feed(struct host_uart *uart);

/* lines.c: hardware lines of the guest. While it is set up, when vCPUs and GIC are there: `irq`, which somebody bound to a
 * line of the machine, is the guest's SPI `intid` from now on. The hypervisor injects it by itself; the GIC model only
 * tells it where to and how. The capability is the VM's to keep. ERR_RANGE: no such SPI; ERR_EXIST: it is another line's;
 * ERR_NOSPC: HOST_LINES_MAX are there; or what the hypervisor says of the capability. */
enum err host_line_add(struct host *host, uint32_t intid, uint32_t irq, bool level);
/* With the lock held: the guest configured it. ERR_NOENT: no such line. */
enum err host_line_configure(struct host *host, unsigned int cpu, uint64_t virq);
/* The same, while the VM sleeps: the lines that wake vCPU `cpu` come to the calling thread instead; and back to the guest,
 * with what came meanwhile. */
void host_lines_watch(struct host *host, unsigned int cpu);
void host_lines_give_back(struct host *host);
/* The same: is it pending at the machine's GIC, not given to the guest yet? An edge may be forgotten before. */
bool host_line_is_pending(const struct host *host, uint32_t intid, bool forget);

/* passthrough.c: registers and lines of the machine's devices, as the plan says. When vCPUs and GIC are there. Nodes that
 * get nothing after all are disabled. */
enum err host_passthrough_create(struct host *host);

/* page.c: a page for the registers of a model that is at that guest physical address. What is shown of it to the guest is up to the model;
 * nothing when it shares its page of addresses with others. `page` stays where it is. */
enum err host_page_create(struct host *host, uint64_t at, struct host_page *page, struct register_page *out);

/* ports.c: how the models and the exit code reach the hypervisor. */
struct gic_port host_gic_port(struct host *host);
struct vcpu_port host_vcpu_port(struct host *host);
/* A new irq, delivered to that thread. */
enum err host_irq_create(struct host *host, uint32_t thread, uint64_t badge, uint32_t *out_slot);
/* One that may wake the guest: the machine does not sleep between that and the VM's lock. */
enum err host_irq_create_wakeful(struct host *host, uint32_t thread, uint64_t badge, uint32_t *out_slot);
/* Nanoseconds since the machine started, and back to counter ticks. */
uint64_t host_nanoseconds(void);
uint64_t host_ticks(uint64_t nanoseconds);

/* events.c: lines about what the guest did; few, however often it does it. */
/* vcpu: whose doing it is, or NULL. */
void host_event(struct host *host, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value);
/* The same for one with a text of its own. */
void host_event_text(struct host *host, enum vcpu_event event, const char *text);
/* A line for the log, written by the service thread. With the lock held. */
__attribute__((format(printf, 2, 3))) void host_say(struct host *host, const char *format, ...);

/* debug.c: open what there is of `mon` and `gdb`. Input on one of them; a vCPU may have stopped; the VM has ended. */
enum err host_debug_create(struct host *host);
void host_debug_input(struct host *host, unsigned int index);
void host_debug_look(struct host *host);
void host_debug_end(struct host *host);

/* run.c: what a vCPU's thread does. */
_Noreturn void host_vcpu_main(void *cpu);
/* With the lock held: the VM ends. The first reason counts. */
void host_end(struct host *host, enum host_end end, struct vcpu *vcpu);

/* sleep.c: from the vCPU's own thread, with the lock held: the VM sleeps until an interrupt that the guest left enabled is
 * pending, or somebody wakes it. False: the guest has its answer and runs on. The service thread does the rest: after each
 * event it looks. */
bool host_sleep(struct host *host, struct vcpu *vcpu);
void host_sleep_look(struct host *host);
/* From any thread, with the lock held: SLEEP_MACHINE or SLEEP_RESUME. */
void host_sleep_post(struct host *host, enum sleep_event event);

/* power.c: the power manager, if there is one. With the lock held: ask it about a suspend; its answer is in host->power
 * later, and the service thread is woken. With the lock held: a line that says why not. */
enum err host_power_create(struct host *host);
void host_power_ask(struct host *host);
void host_power_tell_refusal(struct host *host);
/* On the service thread, without the lock, when all vCPUs are held: what the power manager makes of the VM's end. */
void host_power_end(struct host *host);

/* inhibit.c: the locks, if there is somebody who wants them. With the lock held: those that the VM's state asks for are
 * to be held; are they, or was everything tried? */
enum err host_inhibit_create(struct host *host);
void host_inhibit_want(struct host *host);
bool host_inhibit_is_done(const struct host *host);

/* keys.c: keys that the guest's kernel drives, by which it is asked to sleep or to power off. With the lock held: press it,
 * and let it go when its driver has looked. True: pressed, or the guest sleeps already and that is what it is asked for. A power key
 * wakes a VM that sleeps. False: the guest has no such key, or nobody in it waits for it; why is half a sentence, such
 * as "its device tree has no power key". */
enum host_key { HOST_KEY_SLEEP = SCAN_KEY_SLEEP, HOST_KEY_POWER = SCAN_KEY_POWER };
bool host_key_press(struct host *host, enum host_key key, const char **out_why);
/* The same: it may be time to let it go; the VM is asleep, and nothing must be left to be done; it is awake again. */
void host_key_due(struct host *host, unsigned int index);
void host_keys_sleep(struct host *host);
void host_keys_wake(struct host *host);
/* When the devices are there. Errors are told. */
enum err host_keys_create(struct host *host);

/* quiet.c: with the lock held, for the time between: nothing wakes the service thread that does not wake the VM. */
void host_quiet_begin(struct host *host);
void host_quiet_end(struct host *host);

/* watch.c: a VM whose guest has stopped for good ends. */
void host_watch_arm(struct host *host);
void host_watch_stop(struct host *host);
void host_watch_due(struct host *host);

/* service.c: have vCPU 0 started, serve the VM to its end; the exit code. */
int host_serve(struct host *host);
/* From any thread, with the lock held: there is work for the service thread. It hears of it when the lock is given back, as it comes
 * before the caller on its CPU and would only wait for that. */
static inline void host_service_wake(struct host *host)
{
	host->at_unlock |= HOST_UNLOCK_WAKE;
}
