/* Checks the firmware calls: PSCI by the method of the device tree, SMCCC, unknown functions. [PSCI] [SMCCC] */
#include "../psci.h"
#include "../exception.h"
#include "../io.h"
#include "../machine.h"
#include "../print.h"
#include "matrix.h"

#define NO_SUCH_MPIDR 0xff00000077ull
#define UNKNOWN_CALL 0xc600ff77u /* a vendor's fast call that nobody has */

static void check_version(void)
{
	int32_t version = psci_call(PSCI_VERSION, 0, 0, 0), smccc;

	report_value(version >= 2 && version < 0x20000, "PSCI is version 0.2 or later", (uint64_t)version);
	report_value(psci_call(PSCI_VERSION, 1, 2, 3) == version, "PSCI_VERSION does not depend on arguments",
		     (uint64_t)version);
	if (version < 0x10000) {
		report_skip("PSCI_FEATURES knows what there is", "PSCI before 1.0 has no PSCI_FEATURES");
		return;
	}
	report(psci_call(PSCI_FEATURES, PSCI_CPU_ON, 0, 0) >= 0 && psci_call(PSCI_FEATURES, PSCI_SYSTEM_OFF, 0, 0) >= 0,
	       "PSCI_FEATURES knows CPU_ON and SYSTEM_OFF");
	report(psci_call(PSCI_FEATURES, 0x8400fff0, 0, 0) == PSCI_NOT_SUPPORTED,
	       "PSCI_FEATURES says NOT_SUPPORTED for a function that does not exist");
	if (psci_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) < 0) {
		report_skip("SMCCC is version 1.1 or later", "PSCI_FEATURES does not know SMCCC_VERSION");
		return;
	}
	smccc = psci_call(SMCCC_VERSION, 0, 0, 0);
	report_value(smccc >= 0x10001, "SMCCC is version 1.1 or later", (uint64_t)smccc);
}

static void check_affinity(void)
{
	uint64_t self = machine.cpu[machine_this_cpu()];
	int32_t migrate = psci_call(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0);

	report(psci_call(PSCI_AFFINITY_INFO, self, 0, 0) == 0, "AFFINITY_INFO of this CPU is ON");
	report(psci_call(PSCI_AFFINITY_INFO, NO_SUCH_MPIDR, 0, 0) == PSCI_INVALID_PARAMETERS,
	       "AFFINITY_INFO of a CPU that does not exist is INVALID_PARAMETERS");
	report(psci_call(PSCI_CPU_ON, NO_SUCH_MPIDR, machine.image.base, 0) == PSCI_INVALID_PARAMETERS,
	       "CPU_ON of a CPU that does not exist is INVALID_PARAMETERS");
	report(psci_call(PSCI_CPU_ON, self, machine.image.base, 0) == PSCI_ALREADY_ON,
	       "CPU_ON of this CPU is ALREADY_ON");
	report_value(migrate == 2 || migrate == PSCI_NOT_SUPPORTED, "there is no trusted OS that could migrate",
		     (uint64_t)migrate);
}

static void check_unknown(void)
{
	void (*call)(uint64_t x[18]) = machine.psci_is_smc ? psci_call_smc : psci_call_hvc;
	uint64_t x[18];
	bool kept = true;

	for (unsigned int i = 0; i < 18; i++)
		x[i] = 0xabcd000000000000ull + i;
	x[0] = UNKNOWN_CALL;
	call(x);
	report_value((int32_t)x[0] == PSCI_NOT_SUPPORTED, "an unknown call is answered NOT_SUPPORTED", x[0]);
	for (unsigned int i = 4; i < 18; i++)
		kept = kept && x[i] == 0xabcd000000000000ull + i;
	report(kept, "a call keeps x4 to x17");

	for (unsigned int i = 0; i < 18; i++)
		x[i] = 0x1234000000000000ull + i;
	x[0] = PSCI_VERSION;
	call(x);
	for (unsigned int i = 4; i < 18; i++)
		kept = kept && x[i] == 0x1234000000000000ull + i;
	report(kept, "PSCI_VERSION keeps x4 to x17");
}

/* Natively the other conduit may be undefined, or there is firmware; the guest must be able to go on. */
static void check_conduits(void)
{
	uint64_t x[18] = {UNKNOWN_CALL};

	expect_begin();
	psci_call_smc(x);
	psci_call_hvc(x);
	__asm__ volatile("hvc #0xbeef" ::: "x0", "x1", "x2", "x3", "memory");
	__asm__ volatile("smc #0xbeef" ::: "x0", "x1", "x2", "x3", "memory");
	(void)expect_end();
	report(true, "unknown calls by either conduit, with any immediate, come back");
}

void check_psci(void)
{
	if (!machine.has_psci) {
		report_skip("PSCI", "the device tree has none");
		return;
	}
	check_version();
	check_affinity();
	check_unknown();
	check_conduits();
}
