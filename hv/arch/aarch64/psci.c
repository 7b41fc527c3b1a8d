/* The firmware's power interface: other CPUs, off, reset. [PSCI] [SMCCC] */
#include "arch.h"
#include "arch/aarch64/local.h"
#include "boot/machine.h"

#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_SYSTEM_SUSPEND 0xc400000eu
#define PSCI_ALREADY_ON (-4)
#define PSCI_IS_OFF 1

struct smc_args {
	uint64_t x[4];
};

void arch_smc(struct smc_args *args);
void suspend_cpu(struct smc_args *args);

static uint32_t cpu_on_id, cpu_off_id;
static bool has_psci;

/* Firmware is above EL2 or there is none; a tree that says hvc was meant for somebody below us. */
bool psci_init(const struct machine *machine)
{
	has_psci = machine->psci.conduit == MACHINE_CONDUIT_SMC;
	cpu_on_id = machine->psci.cpu_on;
	cpu_off_id = machine->psci.cpu_off;
	return has_psci;
}

enum err psci_cpu_on(uint64_t mpidr, pa_t entry, uint64_t context)
{
	struct smc_args args = {{cpu_on_id, mpidr, entry.v, context}};

	if (!has_psci || !cpu_on_id)
		return ERR_NOSYS;
	arch_smc(&args);
	return (int32_t)args.x[0] == 0 || (int32_t)args.x[0] == PSCI_ALREADY_ON ? OK : ERR_IO;
}

static int call(uint64_t function, uint64_t a, uint64_t b)
{
	struct smc_args args = {{function, a, b, 0}};

	arch_smc(&args);
	return (int)args.x[0];
}

bool psci_has_suspend(void)
{
	return has_psci && call(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND, 0) == 0;
}

void psci_cpu_off(void)
{
	(void)call(cpu_off_id, 0, 0);
}

bool psci_is_off(uint64_t mpidr)
{
	return call(PSCI_AFFINITY_INFO, mpidr, 0) == PSCI_IS_OFF;
}

int psci_suspend(pa_t entry, uint64_t context)
{
	struct smc_args args = {{PSCI_SYSTEM_SUSPEND, entry.v, context, 0}};

	suspend_cpu(&args);
	return (int)args.x[0];
}

static void leave_machine(uint32_t function, const char *what) __attribute__((noreturn));
static void leave_machine(uint32_t function, const char *what)
{
	struct smc_args args = {{function, 0, 0, 0}};

	if (has_psci)
		arch_smc(&args);
	panic("firmware did not %s the machine: PSCI says %d", what, (int)args.x[0]);
}

void arch_machine_off(void)
{
	leave_machine(PSCI_SYSTEM_OFF, "turn off");
}

void arch_machine_reset(void)
{
	leave_machine(PSCI_SYSTEM_RESET, "reset");
}
