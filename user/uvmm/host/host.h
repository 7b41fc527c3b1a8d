/* uvmm as a program: the VM's models, and the capabilities behind them. The folder host/ is the only one that makes
 * system calls. One thread runs vCPU 0; its irqs arrive there, told apart by badge. */
#pragma once

#include <l4/rt.h>

#include "cpu/vcpu.h"
#include "guest/boot.h"
#include "host/console.h"
#include "model/pl011.h"
#include "model/pl031.h"

#define HOST_UARTS_MAX 4u
#define HOST_SPIS 288u /* as QEMU's virt machine has */
#define HOST_VCPUS 1u

/* Exit codes of the program; ned's restart policy looks at them. */
enum {
	HOST_END_OFF = 0,
	HOST_END_ERROR = 1, /* the VM could not be set up, or the hypervisor refuses to run it */
	HOST_END_HALT = 2,  /* the guest cannot go on */
	HOST_END_RESET = 102,
};

/* Badges of irqs: what happened, and to which one. */
enum host_event { HOST_EVENT_INPUT, HOST_EVENT_FLUSH, HOST_EVENT_RTC, HOST_EVENT_TIMER };
#define HOST_BADGE(event, index) ((uint64_t)(event) << 8 | (index))

struct host_uart {
	struct pl011 model;
	struct host_console console;
};

struct host {
	struct options options;
	struct report report;
	struct boot_plan plan;
	struct guest_mem mem;
	struct vm vm;
	uint32_t factory, vm_space, ram;
	uint64_t ram_size;
	uint8_t *ram_view; /* all of `ram` in our own space */
	unsigned int uart_count;
	struct host_uart uart[HOST_UARTS_MAX];
	struct pl031 rtc;
	uint32_t rtc_irq;
	uint32_t timer_irq; /* deadline of the EL1 physical timer */
	uint32_t events[VCPU_EVENT_COUNT];
};

/* memory.c: RAM in our space; in the guest's, as the plan says. Errors are told. */
enum err host_memory_open(struct host *host);
enum err host_memory_map(struct host *host);

/* vcpu.c: the vCPU and its state page; the machine's ID registers. */
enum err host_vcpu_create(struct host *host);

/* devices.c: models for the nodes of the plan; nodes whose capability is missing get disabled. */
enum err host_devices_create(struct host *host);
/* Hand the UART the input that fits. */
void host_uart_feed(struct host_uart *uart);

/* ports.c: how the models and the exit code reach the hypervisor. */
struct gic_port host_gic_port(struct host *host);
struct vcpu_port host_vcpu_port(struct host *host);
/* A new irq, delivered to the thread of vCPU 0. */
enum err host_irq_create(struct host *host, uint64_t badge, uint32_t *out_slot);
/* Nanoseconds since the machine started, and back to counter ticks. */
uint64_t host_nanoseconds(void);
uint64_t host_ticks(uint64_t nanoseconds);

/* events.c: lines about what the guest did; few, however often it does it. */
void host_event(struct host *host, const struct vcpu *vcpu, enum vcpu_event event, uint64_t value);

/* run.c: run the guest to its end; the exit code. */
int host_run(struct host *host);
