/* Interrupts between CPUs: SGIs from everybody to everybody, routed interrupts that wander, timers on all.
 * [GIC ICC_SGI1R_EL1] [GIC GICD_IROUTER<n>] */
#include "../exception.h"
#include "../gic.h"
#include "../io.h"
#include "../print.h"
#include "../psci.h"
#include "../timer.h"
#include "smp.h"

#include <stddef.h>

/* Fewer for many CPUs: each handshake may have to wait for a turn of both. */
#define SGI_ROUNDS (1 + 100 / (machine.cpu_count * machine.cpu_count))
#define ROUTE_ROUNDS 200
#define TICKS 20

/* ---- SGIs ---- */

static volatile unsigned int received[MAX_CPUS][MAX_CPUS]; /* [receiver][SGI, which is the sender] */
static unsigned int sgi_lost;

static void sgi_came(uint32_t id)
{
	received[machine_this_cpu()][id] = received[machine_this_cpu()][id] + 1;
}

/* To each of the others and to itself, waiting for each: an SGI is one bit, so two at once would be one. */
static void send_all(unsigned int cpu)
{
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		gic_enable(i);
	if (!crew_meet())
		return;
	for (unsigned int round = 1; round <= SGI_ROUNDS; round++) {
		for (unsigned int i = 0; i < machine.cpu_count; i++) {
			unsigned int to = (cpu + i) % machine.cpu_count;

			gic_send_sgi(cpu, to);
			if (!timer_wait_for(&received[to][cpu], round, PATIENCE_US))
				__atomic_add_fetch(&sgi_lost, 1, __ATOMIC_RELAXED);
		}
	}
}

void check_signals(void)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < MAX_CPUS; i++)
		irq_handle(i, sgi_came);
	report(crew_run(send_all), "all CPUs send SGIs to all others at the same time");
	for (unsigned int to = 0; to < machine.cpu_count; to++)
		for (unsigned int from = 0; from < machine.cpu_count; from++)
			wrong += received[to][from] != SGI_ROUNDS;
	report_value(sgi_lost == 0 && wrong == 0, "each arrives exactly once", sgi_lost + wrong);
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		irq_handle(i, NULL);
}

/* ---- a shared interrupt whose route changes all the time ---- */

static volatile unsigned int spi_came, spi_cpu_count[MAX_CPUS];
static volatile unsigned int spi_over;
static unsigned int spi_lost, spi_astray;

static void spi_handler(uint32_t id)
{
	(void)id;
	spi_cpu_count[machine_this_cpu()] = spi_cpu_count[machine_this_cpu()] + 1;
	__atomic_add_fetch(&spi_came, 1, __ATOMIC_ACQ_REL);
}

static void wander(unsigned int cpu)
{
	uint64_t router = machine.gic_dist.base + GICD_IROUTER + 8ull * machine.uart_irq;

	if (cpu != 0) {
		timer_sleep_until(&spi_over, 1);
		return;
	}
	/* A route that stays: it comes where it is sent. */
	gic_enable(machine.uart_irq);
	for (unsigned int to = 0; to < machine.cpu_count; to++) {
		io_write64(router, machine.cpu[to]);
		gic_set_pending(machine.uart_irq);
		if (!timer_wait_for(&spi_came, to + 1, PATIENCE_US) || spi_cpu_count[to] != 1)
			spi_astray++;
	}
	for (unsigned int round = 1; round <= ROUTE_ROUNDS && !spi_astray; round++) {
		/* Pending before, between and after changes of its route, and while it is disabled. This CPU does not
		 * snatch it on the way. */
		irq_off();
		io_write64(router, machine.cpu[round % machine.cpu_count]);
		if (round & 4)
			gic_disable(machine.uart_irq);
		gic_set_pending(machine.uart_irq);
		io_write64(router, machine.cpu[(round * 3 + 1) % machine.cpu_count]);
		gic_enable(machine.uart_irq);
		io_write64(router, machine.cpu[(round * 11 + 2) % machine.cpu_count]);
		irq_on();
		if (!timer_wait_for(&spi_came, machine.cpu_count + round, PATIENCE_US)) {
			spi_lost++;
			break;
		}
	}
	spi_over = 1;
	for (unsigned int i = 1; i < machine.cpu_count; i++)
		gic_send_sgi(15, i);
}

static void wander_ready(unsigned int cpu)
{
	gic_enable(15);
	if (crew_meet())
		wander(cpu);
}

void check_routes(void)
{
	gic_set_edge(machine.uart_irq, true);
	irq_handle(machine.uart_irq, spi_handler);
	report(crew_run(wander_ready), "a shared interrupt wanders between CPUs that sleep");
	report_value(spi_lost == 0 && spi_came == machine.cpu_count + ROUTE_ROUNDS,
		     "it arrives exactly as often as it was made pending", spi_came);
	/* While its route changes, a CPU on the way may take it. */
	report_value(spi_astray == 0, "and on the CPU to which it was sent", spi_astray);
	gic_disable(machine.uart_irq);
	irq_handle(machine.uart_irq, NULL);
	gic_set_edge(machine.uart_irq, false);
}

/* ---- many interrupts for a CPU that is off ---- */

#define WAITING_FIRST 64u /* SPIs that no device has */
#define WAITING 32u

static volatile unsigned int waited_for, waited_twice;
static volatile bool waiting_came[WAITING];

static void waiting_handler(uint32_t id)
{
	if (waiting_came[id - WAITING_FIRST])
		waited_twice = waited_twice + 1;
	waiting_came[id - WAITING_FIRST] = true;
	waited_for = waited_for + 1;
}

static void receive_waiting(unsigned int cpu)
{
	(void)cpu;
	irq_on();
	(void)timer_wait_for(&waited_for, WAITING, PATIENCE_US);
	irq_off();
}

void check_waiting(void)
{
	uint64_t router = machine.gic_dist.base + GICD_IROUTER;

	for (uint32_t id = WAITING_FIRST; id < WAITING_FIRST + WAITING; id++) {
		irq_handle(id, waiting_handler);
		gic_set_edge(id, true);
		io_write64(router + 8ull * id, machine.cpu[1]);
		gic_enable(id);
		gic_set_pending(id);
	}
	report(cpu_start(1, receive_waiting) == PSCI_SUCCESS && crew_wait_off(1),
	       "a CPU starts for which many interrupts wait");
	report_value(waited_for == WAITING && waited_twice == 0, "it gets each of them once", waited_for);
	for (uint32_t id = WAITING_FIRST; id < WAITING_FIRST + WAITING; id++) {
		gic_disable(id);
		irq_handle(id, NULL);
	}
}

/* ---- registers of other CPUs' redistributors ---- */

static volatile unsigned int poked, poke_stage;

static void poke_handler(uint32_t id)
{
	(void)id;
	poked = poked + 1;
}

static uint64_t frame_of(unsigned int cpu)
{
	return gic_redist() + (uint64_t)cpu * 0x20000 + GICR_SGI_BASE;
}

/* CPU 1 spins, then sleeps; CPU 0 turns its SGI 7 every way in its redistributor. */
static void poke(unsigned int cpu)
{
	uint64_t frame = frame_of(1);
	bool held, cleared, delivered;

	if (cpu == 1) {
		gic_enable(7);
		gic_enable(15);
		poke_stage = 1;
		while (poke_stage == 1)
			;
		timer_sleep_until(&poke_stage, 3);
		return;
	}
	if (cpu != 0 || !timer_wait_for(&poke_stage, 1, PATIENCE_US))
		return;
	for (unsigned int stage = 1; stage <= 2; stage++) {
		poked = 0;
		io_write32(frame + GICD_ICENABLER, 1u << 7);
		io_write32(frame + GICD_ISPENDR, 1u << 7);
		timer_delay(1000);
		held = poked == 0 && io_read32(frame + GICD_ISPENDR) & 1u << 7;
		io_write32(frame + GICD_ICPENDR, 1u << 7);
		cleared = !(io_read32(frame + GICD_ISPENDR) & 1u << 7);
		io_write32(frame + GICD_ISENABLER, 1u << 7);
		timer_delay(1000);
		cleared = cleared && poked == 0;
		io_write32(frame + GICD_ISPENDR, 1u << 7);
		delivered = timer_wait_for(&poked, 1, PATIENCE_US);
		while (io_read32(frame + GICD_ISACTIVER) & 1u << 7)
			;
		delivered = delivered && poked == 1 && !(io_read32(frame + GICD_ISPENDR) & 1u << 7);
		report(held, stage == 1 ? "disabled by another CPU, an interrupt of a CPU that runs is held"
					: "disabled by another CPU, an interrupt of a CPU that sleeps is held");
		report(cleared, "pending state that another CPU clears is gone");
		report(delivered, "and what another CPU makes pending is delivered once");
		poke_stage = stage + 1;
		gic_send_sgi(15, 1); /* wakes it; 7 would count in the next stage */
	}
}

void check_registers_of_others(void)
{
	irq_handle(7, poke_handler);
	report(crew_run(poke), "a CPU changes the redistributor of another");
	irq_handle(7, NULL);
}

/* ---- timers ---- */

static volatile unsigned int ticks[MAX_CPUS];

static void tick(uint32_t id)
{
	unsigned int cpu = machine_this_cpu();

	(void)id;
	ticks[cpu] = ticks[cpu] + 1;
	if (ticks[cpu] < TICKS)
		timer_set(timer_now() + timer_us(500 + 100 * cpu));
	else
		timer_stop();
}

static void tick_all(unsigned int cpu)
{
	gic_enable(machine.timer_irq);
	if (!crew_meet())
		return;
	timer_set(timer_now() + timer_us(500));
	if (cpu & 1)
		timer_sleep_until(&ticks[cpu], TICKS);
	else
		(void)timer_wait_for(&ticks[cpu], TICKS, PATIENCE_US);
	timer_stop();
}

void check_timers(void)
{
	unsigned int wrong = 0;

	irq_handle(machine.timer_irq, tick);
	report(crew_run(tick_all), "every CPU has a virtual timer of its own, spinning or asleep");
	for (unsigned int i = 0; i < machine.cpu_count; i++)
		wrong += ticks[i] != TICKS;
	report_value(wrong == 0, "each ticks as often as it was set", wrong);
	irq_handle(machine.timer_irq, NULL);
}
