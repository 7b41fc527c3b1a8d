/* Fuzzer of the GICv3 model: any accesses, SGIs, lines, guests that take and end what they get,
 * CPUs that go off and come on, lines of the machine, a hypervisor that does not answer.
 * seeds: test/fuzz/uvmm/gic
 *
 * Input: commands of 12 bytes. Checked besides the sanitizers: the hypervisor is never asked to hold more than it can,
 * no interrupt that does not exist is handed over, nothing pending and enabled is forgotten, and in the end a line of the
 * machine reaches the guest if and only if its registers say so. */
#include <stdlib.h>

#include "uvmm/model/fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIST, REDIST, SGI, LINE_SPI, LINE_PPI, TAKE, END, PORT, POWER, COMMANDS };
#define COMMAND_SIZE 12u

static void access_registers(struct gic *gic, mmio_handler handler, uint32_t where, uint8_t how, uint64_t value)
{
	struct mmio_access access = {
		.address = where,
		.size = 1u << (how & 3),
		.write = how & 4,
		.value = value,
	};

	(void)handler(gic, &access);
}

static void step(struct gic *gic, struct fake_hv *hv, const uint8_t *c)
{
	uint32_t where = 0;
	uint64_t value = 0;
	unsigned int cpu = c[1] % FAKE_CPUS;

	memcpy(&where, c + 2, 3);
	memcpy(&value, c + 5, 7);
	switch (c[0] % COMMANDS) {
	case DIST:
		access_registers(gic, gicd_access, where % GICD_SIZE, c[1], value);
		break;
	case REDIST:
		access_registers(gic, gicr_access, where % (FAKE_CPUS * GICR_SIZE + 0x1000), c[1], value);
		break;
	case SGI:
		gic_send_sgi(gic, cpu, value, c[1] & 8);
		break;
	case LINE_SPI:
		gic_set_spi(gic, where % 128, c[1] & 8);
		fake_wire(hv, where % 128, c[1] & 8);
		break;
	case LINE_PPI:
		gic_set_ppi(gic, cpu, where % 40, c[1] & 8);
		break;
	case TAKE:
		if (hv->vgic[cpu].held_count != 0)
			(void)fake_take(
				hv, cpu,
				(uint32_t)(hv->vgic[cpu].held[where % hv->vgic[cpu].held_count] & L4_VIRQ_INTID_MASK));
		break;
	case END:
		if (hv->vgic[cpu].held_count != 0)
			fake_end(hv, gic, cpu,
				 (uint32_t)(hv->vgic[cpu].held[where % hv->vgic[cpu].held_count] & L4_VIRQ_INTID_MASK));
		break;
	case PORT:
		hv->refuses = c[1] & 1;
		hv->bound_line = c[1] & 2;
		break;
	case POWER:
		gic_cpu_take_back(gic, cpu);
		memset(&hv->vgic[cpu], 0, sizeof(hv->vgic[cpu]));
		fake_lines_go_on(hv);
		if (c[1] & 8)
			gic_cpu_give_again(gic, cpu);
		break;
	default:
		break;
	}
}

static void check(const struct gic *gic, const struct fake_hv *hv)
{
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		/* Active ones that a guest wrote by hand may come on top. */
		if (hv->vgic[cpu].held_count > L4_VCPU_HELD_MAX)
			abort();
		for (uint32_t i = 0; i < hv->vgic[cpu].held_count; i++)
			if ((hv->vgic[cpu].held[i] & L4_VIRQ_INTID_MASK) >= 32 + gic->state.spi_count)
				abort();
	}
}

/* Everything taken and ended, twice over: then nothing deliverable may be left. */
static void drain(struct gic *gic, struct fake_hv *hv)
{
	for (unsigned int round = 0; round < 4 * 1024; round++) {
		bool any = false;

		for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++) {
			uint64_t word;

			if (hv->vgic[cpu].held_count == 0)
				continue;
			any = true;
			word = hv->vgic[cpu].held[0] & L4_VIRQ_INTID_MASK;
			(void)fake_take(hv, cpu, (uint32_t)word);
			if (word >= 16 && word < 32)
				gic_set_ppi(gic, cpu, (uint32_t)word, false);
			gic_set_spi(gic, (uint32_t)word, false);
			fake_wire(hv, (uint32_t)word, false);
			fake_end(hv, gic, cpu, (uint32_t)word);
		}
		if (!any)
			break;
	}
	for (unsigned int bank = 0; bank < gic->state.spi_count / 32; bank++) {
		const struct gic_bank *b = &gic->state.spi[bank];
		uint32_t groups = (gic->state.ctlr & 1 ? ~b->group : 0) | (gic->state.ctlr & 2 ? b->group : 0);
		uint32_t left = b->latch & b->enable & groups;

		for (unsigned int bit = 0; bit < 32; bit++)
			if (left >> bit & 1 && gic->state.target[32 * bank + bit] != GIC_NOBODY)
				abort();
	}
}

static void check_lines(const struct gic *gic, struct fake_hv *hv)
{
	for (unsigned int i = 0; i < FAKE_LINES; i++) {
		uint32_t intid = hv->line[i].intid, bit = 1u << intid % 32;
		const struct gic_bank *b = &gic->state.spi[intid / 32 - 1];
		unsigned int cpu = gic->state.target[intid - 32];
		bool on = b->enable & bit && gic->state.ctlr & (b->group & bit ? 2 : 1) && cpu != GIC_NOBODY;

		fake_wire(hv, intid, false);
		fake_wire(hv, intid, true);
		if (on != (cpu != GIC_NOBODY && fake_is_pending(hv, cpu, intid)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t mpidr[FAKE_CPUS] = {0, 1, 0x100, 0x100000001};
	struct fake_hv hv;
	struct gic gic;
	struct gic_port port = fake_port(&hv);

	if (gic_init(&gic, &port, mpidr, FAKE_CPUS, 96) != OK)
		return 0;
	gic_bind(&gic, 0, 27);
	for (unsigned int i = 0; i < FAKE_LINES; i++) {
		hv.line[i] = (struct fake_line){.intid = 40 + i, .level = i == 0};
		if (gic_bind_line(&gic, 40 + i, i == 0) != OK)
			abort();
	}
	for (; size >= COMMAND_SIZE; data += COMMAND_SIZE, size -= COMMAND_SIZE) {
		step(&gic, &hv, data);
		check(&gic, &hv);
	}
	hv.refuses = false;
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		gic_cpu_give_again(&gic, cpu);
	drain(&gic, &hv);
	if (hv.vgic[0].held_count + hv.vgic[1].held_count + hv.vgic[2].held_count + hv.vgic[3].held_count == 0)
		check_lines(&gic, &hv);
	return 0;
}
