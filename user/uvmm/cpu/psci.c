/* PSCI 1.1: the guest's power interface [PSCI]. Pure. */
#include "cpu/psci.h"

#include "cpu/smccc.h"

#define PSCI_1_1 0x00010001u
#define NO_TRUSTED_OS 2 /* [PSCI MIGRATE_INFO_TYPE] */
#define AFFINITY_ON 0
#define AFFINITY_OFF 1
#define AFFINITY_ON_PENDING 2
#define AFFINITY_MASK 0xff00ffffffull
#define POWER_STATE_DOWN (1u << 16)
#define POWER_STATE_RESERVED 0xfcfe0000u /* in the original format [PSCI power_state] */

/* Function numbers; bit 30 of the id says 64-bit arguments. [PSCI function ids] */
enum {
	PSCI_VERSION = 0x00,
	CPU_SUSPEND = 0x01,
	CPU_OFF = 0x02,
	CPU_ON = 0x03,
	AFFINITY_INFO = 0x04,
	MIGRATE_INFO_TYPE = 0x06,
	SYSTEM_OFF = 0x08,
	SYSTEM_RESET = 0x09,
	PSCI_FEATURES = 0x0a,
	SYSTEM_SUSPEND = 0x0e,
	SYSTEM_RESET2 = 0x12,
};

#define SYSTEM_WARM_RESET 0

/* Which functions there are, and whether they have a 64-bit form. Not offered, hence NOT_SUPPORTED: MIGRATE and
 * MIGRATE_INFO_UP_CPU (no trusted OS), CPU_FREEZE, CPU_DEFAULT_SUSPEND, NODE_HW_STATE, SET_SUSPEND_MODE,
 * PSCI_STAT_*, MEM_PROTECT*. */
enum { HAS_32 = 1, HAS_64 = 2 };
static const uint8_t offered[] = {
	[PSCI_VERSION] = HAS_32,
	[CPU_SUSPEND] = HAS_32 | HAS_64,
	[CPU_OFF] = HAS_32,
	[CPU_ON] = HAS_32 | HAS_64,
	[AFFINITY_INFO] = HAS_32 | HAS_64,
	[MIGRATE_INFO_TYPE] = HAS_32,
	[SYSTEM_OFF] = HAS_32,
	[SYSTEM_RESET] = HAS_32,
	[PSCI_FEATURES] = HAS_32,
	[SYSTEM_SUSPEND] = HAS_32 | HAS_64,
	[SYSTEM_RESET2] = HAS_32 | HAS_64,
};

static bool is_offered(uint32_t function)
{
	uint32_t number = function & SMCCC_NUMBER_MASK;

	return (function & ~(SMCCC_64BIT | SMCCC_NUMBER_MASK)) == SMCCC_STANDARD && number < sizeof(offered) &&
	       offered[number] & (function & SMCCC_64BIT ? HAS_64 : HAS_32);
}

static uint64_t argument(const struct vcpu *vcpu, unsigned int index, bool wide)
{
	uint64_t value = vcpu->page->x[index];

	return wide ? value : value & 0xffffffff;
}

static struct vcpu *find(struct vm *vm, uint64_t mpidr)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpu[i].mpidr == mpidr)
			return &vm->vcpu[i];
	return NULL;
}

static bool entry_is_good(const struct vcpu *vcpu, uint64_t entry)
{
	return entry % 4 == 0 && vcpu->vm->port.is_ram(vcpu->vm->port.context, (ipa_t){entry});
}

static int64_t cpu_on(struct vcpu *vcpu, bool wide)
{
	uint64_t entry = argument(vcpu, 2, wide);
	struct vcpu *target = find(vcpu->vm, argument(vcpu, 1, wide));
	uint32_t off = VCPU_POWER_OFF;

	if (!target)
		return PSCI_INVALID_PARAMETERS;
	if (!entry_is_good(vcpu, entry))
		return PSCI_INVALID_ADDRESS;
	if (!__atomic_compare_exchange_n(&target->power, &off, VCPU_POWER_PENDING, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return off == VCPU_POWER_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	target->entry = entry;
	target->context = argument(vcpu, 3, wide);
	vcpu->vm->port.start(vcpu->vm->port.context, target);
	return 0;
}

/* On when any vCPU below that affinity level is. [PSCI AFFINITY_INFO] */
static int64_t affinity_info(struct vcpu *vcpu, bool wide)
{
	uint64_t target = argument(vcpu, 1, wide);
	uint64_t level = argument(vcpu, 2, wide);
	uint64_t mask;
	int64_t result = PSCI_INVALID_PARAMETERS;

	if (level > 3 || target & ~AFFINITY_MASK)
		return PSCI_INVALID_PARAMETERS;
	mask = AFFINITY_MASK & (level == 3 ? ~0ull << 32 : ~0ull << (8 * level));
	for (unsigned int i = 0; i < vcpu->vm->vcpu_count; i++) {
		struct vcpu *other = &vcpu->vm->vcpu[i];

		if ((other->mpidr ^ target) & mask)
			continue;
		switch (__atomic_load_n(&other->power, __ATOMIC_RELAXED)) {
		case VCPU_POWER_ON:
			return AFFINITY_ON;
		case VCPU_POWER_PENDING:
			result = AFFINITY_ON_PENDING;
			break;
		default:
			if (result != AFFINITY_ON_PENDING)
				result = AFFINITY_OFF;
			break;
		}
	}
	return result;
}

/* 0: the vCPU waits from here on. Every state id of the original format is taken: one kind of standby and one of
 * power-down stand behind all of them, at every power level. [PSCI CPU_SUSPEND] [PSCI power_state] */
static int64_t cpu_suspend(struct vcpu *vcpu, bool wide)
{
	uint64_t power_state = argument(vcpu, 1, false);
	uint64_t entry = argument(vcpu, 2, wide);
	bool power_down = power_state & POWER_STATE_DOWN;

	if (power_state & POWER_STATE_RESERVED)
		return PSCI_INVALID_PARAMETERS;
	if (power_down && !entry_is_good(vcpu, entry))
		return PSCI_INVALID_ADDRESS;
	if (power_down) {
		vcpu->entry = entry;
		vcpu->context = argument(vcpu, 3, wide);
	}
	vcpu->suspend = power_down ? VCPU_POWER_DOWN : VCPU_STANDBY;
	vcpu->suspend_pc = vcpu->page->pc;
	/* Linux turns its CPU interface off before, for standby too, and tells the redistributor. */
	vcpu->suspend_open = power_down || gic_cpu_sleeps(&vcpu->vm->gic, vcpu->index);
	return 0;
}

void psci_wake(struct vcpu *vcpu)
{
	bool power_down = vcpu->suspend == VCPU_POWER_DOWN;

	vcpu->suspend = VCPU_AWAKE;
	if (!power_down || vcpu->page->pc != vcpu->suspend_pc)
		return;
	/* Its timers go on, as those do whose idle states have no local-timer-stop. [DTB idle-states] */
	gic_cpu_take_back(&vcpu->vm->gic, vcpu->index);
	vcpu_restart(vcpu, vcpu->entry, vcpu->context);
	gic_cpu_give_again(&vcpu->vm->gic, vcpu->index);
}

/* 0: the VM sleeps from here on. [PSCI SYSTEM_SUSPEND] */
static int64_t system_suspend(struct vcpu *vcpu, bool wide)
{
	const struct vm *vm = vcpu->vm;
	uint64_t entry = argument(vcpu, 1, wide);

	if (!entry_is_good(vcpu, entry))
		return PSCI_INVALID_ADDRESS;
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		if (&vm->vcpu[i] != vcpu && __atomic_load_n(&vm->vcpu[i].power, __ATOMIC_RELAXED) != VCPU_POWER_OFF)
			return PSCI_DENIED;
	vcpu->entry = entry;
	vcpu->context = argument(vcpu, 2, wide);
	return 0;
}

static int64_t features(struct vcpu *vcpu)
{
	uint32_t function = (uint32_t)vcpu->page->x[1];

	/* Flags are 0 for all: CPU_SUSPEND uses the original power_state format, no OS-initiated mode. */
	return function == SMCCC_VERSION || is_offered(function) ? 0 : PSCI_NOT_SUPPORTED;
}

enum vcpu_next psci_call(struct vcpu *vcpu, uint32_t function)
{
	bool wide = function & SMCCC_64BIT;
	int64_t result = PSCI_NOT_SUPPORTED;
	enum vcpu_next next = VCPU_RUN;

	if (is_offered(function)) {
		switch (function & SMCCC_NUMBER_MASK) {
		case PSCI_VERSION:
			result = PSCI_1_1;
			break;
		case CPU_SUSPEND:
			result = cpu_suspend(vcpu, wide);
			next = result == 0 ? VCPU_SUSPENDED : VCPU_RUN;
			break;
		case CPU_OFF:
			/* The run loop marks it off, when the vCPU no longer runs. */
			return VCPU_STOPPED;
		case CPU_ON:
			result = cpu_on(vcpu, wide);
			break;
		case AFFINITY_INFO:
			result = affinity_info(vcpu, wide);
			break;
		case MIGRATE_INFO_TYPE:
			result = NO_TRUSTED_OS;
			break;
		case SYSTEM_OFF:
			return VCPU_VM_OFF;
		case SYSTEM_RESET:
			return VCPU_VM_RESET;
		case SYSTEM_SUSPEND:
			result = system_suspend(vcpu, wide);
			if (result == 0)
				return VCPU_VM_SUSPEND;
			break;
		case SYSTEM_RESET2:
			/* Linux asks for a warm reset when it panics and was told "panic=1 reboot=panic_warm"; a kernel
			 * without a driver for pvpanic can tell it so. [LINUX admin-guide/kernel-parameters.txt, reboot=] */
			if ((uint32_t)vcpu->page->x[1] == SYSTEM_WARM_RESET)
				return VCPU_VM_PANIC;
			result = PSCI_INVALID_PARAMETERS;
			break;
		case PSCI_FEATURES:
			result = features(vcpu);
			break;
		default:
			break;
		}
	}
	vcpu->page->x[0] = (uint64_t)result;
	return next;
}

/* Codes that came with 0.2 are not known to a guest of 0.1. [PSCI return error codes] */
static uint64_t answer_v01(int64_t result)
{
	return (uint64_t)(result < PSCI_DENIED ? PSCI_INVALID_PARAMETERS : result);
}

bool psci_call_v01(struct vcpu *vcpu, uint32_t function, enum vcpu_next *out_next)
{
	const struct vm *vm = vcpu->vm;
	int64_t result;

	*out_next = VCPU_RUN;
	if (function == 0)
		return false;
	if (function == vm->psci_cpu_off) {
		*out_next = VCPU_STOPPED;
		return true;
	}
	if (function == vm->psci_cpu_on)
		result = cpu_on(vcpu, true);
	else if (function == vm->psci_cpu_suspend)
		result = cpu_suspend(vcpu, true);
	else
		return false;
	vcpu->page->x[0] = answer_v01(result);
	if (function == vm->psci_cpu_suspend && result == 0)
		*out_next = VCPU_SUSPENDED;
	return true;
}
