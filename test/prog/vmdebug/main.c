/* A test of running a guest, and of debugging it from its VMM, on the machine: what is in the registers afterwards; breakpoints, watchpoints, single step and BRK come out as exits,
 * and nobody but the guest's own code meets them. Prints "ok" or "not ok" and a sentence each; the exit code is the
 * number of failures.
 */
#include <l4/rt.h>
#include <l4/vcpu.h>

#include <stdio.h>
#include <string.h>

#define RAM 0x40000000ull
#define RAM_SIZE 0x10000ull
#define DATA (RAM + 0x8000)
#define PSTATE_EL1H 0x3c5ull
#define PSTATE_I (1ull << 7)
#define PSTATE_SS (1ull << 21)
#define BCR(pmc) (1ull | (pmc) << 1)
#define WCR(lsc, bas) (1ull | 3ull << 1 | (lsc) << 3 | (uint64_t)(bas) << 5)
#define LOADS 1ull
#define STORES 2ull
#define EC_HVC 0x16u
#define EC_BREAKPOINT 0x30u
#define EC_STEP 0x32u
#define EC_WATCHPOINT 0x34u
#define EC_BRK 0x3cu

extern const char guest_begin[], guest_add[], guest_store[], guest_load[], guest_hvc[], guest_brk[], guest_wfi[],
	guest_vectors[], guest_end[];

void run_marked(uint64_t out[31]); /* run.S */

static int failures;
static struct l4_vcpu_state *page;
static volatile uint64_t touched;

static void report(bool good, const char *sentence)
{
	printf("%s - %s\n", good ? "ok" : "not ok", sentence);
	failures += !good;
}

static uint64_t at(const char *label)
{
	return RAM + (uint64_t)(label - guest_begin);
}

/* At the first instruction, at EL1, with no debugging. */
static void restart(const char *where)
{
	memset(page->x, 0, sizeof(page->x));
	page->x[1] = DATA;
	page->pc = at(where);
	page->pstate = PSTATE_EL1H;
	page->sys.vbar_el1 = at(guest_vectors);
	page->sys.sctlr_el1 = 0x30d00980;
	memset(&page->debug, 0, sizeof(page->debug));
	page->dirty = L4_VCPU_SYS | L4_VCPU_DEBUG;
}

/* Run to the next exit that is a trap; its exception class, and whether it is at that place. */
static unsigned int run(void)
{
	int64_t reason;

	do
		reason = l4_vcpu_run();
	while (reason == L4_EXIT_EVENT || reason == L4_EXIT_EOI);
	return reason == L4_EXIT_TRAP ? (unsigned int)(page->esr >> 26) & 0x3f : 0;
}

static bool stops(unsigned int ec, const char *where)
{
	unsigned int got = run();

	if (got == ec && page->pc == at(where))
		return true;
	printf("# class 0x%x at 0x%llx, not 0x%x at 0x%llx\n", got, (unsigned long long)page->pc, ec,
	       (unsigned long long)at(where));
	return false;
}

static bool calls(unsigned int immediate)
{
	unsigned int got = run();

	if (got == EC_HVC && (page->esr & 0xffff) == immediate)
		return true;
	printf("# class 0x%x, ESR 0x%llx at 0x%llx, not HVC %u\n", got, (unsigned long long)page->esr,
	       (unsigned long long)page->pc, immediate);
	return false;
}

static void debug_on(uint64_t control)
{
	page->debug.control = control;
	page->dirty |= L4_VCPU_DEBUG;
}

static void test_brk(void)
{
	restart(guest_brk);
	report(calls(0x20), "without debugging a BRK is the guest's own");
	restart(guest_brk);
	debug_on(L4_DEBUG_ON);
	report(stops(EC_BRK, guest_brk) && (page->esr & 0xffff) == 7, "with it a BRK is an exit");
	debug_on(0);
	report(calls(0x20), "and the guest's again when it is over");
}

static void test_breakpoints(void)
{
	restart(guest_begin);
	page->debug.bvr[0] = at(guest_store);
	page->debug.bcr[0] = BCR(3ull);
	report(calls(1), "a breakpoint does nothing while debugging is off");
	restart(guest_begin);
	page->debug.bvr[5] = at(guest_store);
	page->debug.bcr[5] = BCR(3ull) | ~0x7ull; /* every other bit is not the VMM's */
	debug_on(L4_DEBUG_ON);
	report(stops(EC_BREAKPOINT, guest_store) && page->x[0] == 2,
	       "a breakpoint stops the guest before its instruction");
	report(stops(EC_BREAKPOINT, guest_store), "and again as long as it is there");
	page->debug.bcr[5] = 0;
	debug_on(L4_DEBUG_ON);
	report(calls(1), "and no more when it is gone");

	restart(guest_begin);
	page->pstate = 0; /* EL0 */
	page->debug.bvr[0] = at(guest_add);
	page->debug.bcr[0] = BCR(1ull);
	page->debug.bvr[1] = at(guest_store);
	page->debug.bcr[1] = BCR(2ull);
	debug_on(L4_DEBUG_ON);
	report(stops(EC_BREAKPOINT, guest_store), "a breakpoint for EL0 hits there, one for EL1 does not");
}

static void test_watchpoints(void)
{
	restart(guest_begin);
	page->debug.wvr[0] = DATA + 8;
	page->debug.wcr[0] = WCR(STORES, 0xf0);
	page->debug.wvr[1] = DATA + 8;
	page->debug.wcr[1] = WCR(LOADS, 0x0f);
	debug_on(L4_DEBUG_ON);
	report(stops(EC_WATCHPOINT, guest_store) && page->far - (DATA + 8) < 8,
	       "a watchpoint stops the guest before it stores, and says where");
	page->debug.wcr[0] = 0;
	debug_on(L4_DEBUG_ON);
	report(stops(EC_WATCHPOINT, guest_load), "one for loads does so before it loads");
	page->debug.wcr[1] = WCR(LOADS, 0x05); /* unpredictable: off */
	debug_on(L4_DEBUG_ON);
	report(calls(1), "one with holes is off");
	restart(guest_begin);
	page->debug.wvr[2] = DATA;
	page->debug.wcr[2] = WCR(STORES, 0xff) | 4ull << 24;
	debug_on(L4_DEBUG_ON);
	report(stops(EC_WATCHPOINT, guest_store), "one can cover more than eight bytes");
}

static void step(uint64_t control)
{
	page->pstate |= PSTATE_SS;
	debug_on(L4_DEBUG_ON | L4_DEBUG_STEP | control);
}

static void test_step(void)
{
	bool good = true;

	restart(guest_begin);
	static const char *const next[] = {guest_add, guest_store, guest_load, guest_hvc};
	for (unsigned int i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		step(0);
		good = stops(EC_STEP, next[i]) && good;
	}
	report(good, "single step is one instruction after the other");
	step(0);
	report(calls(1) && !(page->pstate & PSTATE_SS), "an instruction that traps is an exit, and is the step");
	report(stops(EC_STEP, guest_brk), "which is over before the next instruction");
	step(0);
	report(stops(EC_BRK, guest_brk), "a BRK comes before the step");
	restart(guest_wfi);
	step(0);
	report(run() == EC_STEP && page->pc == at(guest_wfi) + 4, "WFI does not wait while it is stepped");
	debug_on(0);
	report(calls(2), "without debugging nothing is stepped");
}

/* An interrupt that is pending when an instruction is stepped. */
static void test_hold(void)
{
	restart(guest_begin);
	page->pstate &= ~PSTATE_I;
	page->vgic.vmcr = 0xf8ull << 24 | 2; /* group 1 on, all priorities */
	page->vgic.held_count = 0;
	page->dirty |= L4_VCPU_VGIC;
	page->inject[0] = L4_VIRQ(40, 0x80, L4_VIRQ_GROUP1);
	page->inject_count = 1;
	step(L4_DEBUG_HOLD);
	report(stops(EC_STEP, guest_add), "a held interrupt waits until the step is done");
	debug_on(L4_DEBUG_ON);
	report(calls(0x28), "and comes then");
	page->vgic.held_count = 0;
	page->dirty |= L4_VCPU_VGIC;
}

static __attribute__((noinline)) uint64_t ours(void)
{
	touched = touched + 1;
	return touched;
}

/* What is set for the guest at addresses of this program. */
static void test_vmm(void)
{
	restart(guest_begin);
	page->debug.bvr[0] = (uint64_t)(uintptr_t)ours;
	page->debug.bcr[0] = BCR(3ull) | ~0x7ull;
	page->debug.wvr[0] = (uint64_t)(uintptr_t)&touched;
	page->debug.wcr[0] = ~0ull & ~(0x1full << 24);
	step(0);
	report(stops(EC_STEP, guest_add) && ours() == 1, "the VMM does not meet what it set for its guest");
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Any bits in the whole group; addresses are this program's, or the guest's, as often as not. */
static void test_random(void)
{
	static const uint64_t rounds = 3000;
	uint64_t seed = 88172645463325252ull, before = touched, debugged = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t *word;

		restart(guest_begin);
		word = (uint64_t *)&page->debug;
		for (size_t k = 0; k < sizeof(page->debug) / sizeof(*word); k++)
			word[k] = next_random(&seed);
		page->debug.control |= L4_DEBUG_ON;
		for (unsigned int k = 0; k < L4_VCPU_DEBUG_MAX; k++) {
			page->debug.bvr[k] = k & 1 ? at(guest_add) + 4 * (seed % 6) : (uint64_t)(uintptr_t)ours + 4 * k;
			page->debug.wvr[k] = k & 1 ? DATA : (uint64_t)(uintptr_t)&touched;
		}
		page->pstate |= next_random(&seed) & PSTATE_SS;
		debugged += run() != EC_HVC;
		(void)ours();
	}
	report(touched == before + rounds && debugged > 100,
	       "whatever the VMM writes there hits its guest and not the VMM");
}

/* Another vCPU, of another VM, on the same CPU, while the first has a breakpoint on what it executes. */
static struct {
	uint32_t vm, state; /* state: 0 not yet, 1 good, 2 bad */
	uint64_t address;
} other;

static void run_other(void *arg)
{
	struct l4_vcpu_state *own = (struct l4_vcpu_state *)other.address;
	bool good = l4_vcpu_create(L4_SLOT_SELF, other.vm, other.address) == OK;

	(void)arg;
	if (good) {
		own->x[1] = DATA;
		own->pc = at(guest_begin);
		own->pstate = PSTATE_EL1H;
		good = l4_vcpu_run() == L4_EXIT_TRAP && own->esr >> 26 == EC_HVC;
	}
	__atomic_store_n(&other.state, good ? 1u : 2u, __ATOMIC_RELEASE);
}

static void test_neighbour(uint32_t vm)
{
	uint32_t thread = 0;

	restart(guest_begin);
	page->debug.bvr[0] = at(guest_store);
	page->debug.bcr[0] = BCR(3ull);
	step(0);
	report(stops(EC_STEP, guest_add), "the first guest is stepped");
	other.vm = vm;
	if (l4_va_alloc(L4_PAGE_SIZE, L4_PAGE_SIZE, &other.address) ||
	    l4_thread_create_start(run_other, NULL, 0, 0, 0, &thread))
		report(false, "a second thread is made");
	for (unsigned int i = 0; i < 1000 && !__atomic_load_n(&other.state, __ATOMIC_ACQUIRE); i++)
		l4_sleep_until(l4_now() + l4_ticks_of_ms(1));
	report(other.state == 1, "another vCPU is neither stepped nor stopped by it");
	step(0);
	report(stops(EC_STEP, guest_store), "the first guest goes on with its step");
	page->debug.control = L4_DEBUG_ON;
	page->dirty |= L4_VCPU_DEBUG;
	report(stops(EC_BREAKPOINT, guest_store), "and finds its breakpoint again");
}

/* The registers that run loses have values of the VMM's last call, or of its guest: nothing of the hypervisor's. */
static void test_registers(void)
{
	uint64_t x[31] = {0};
	bool good;

	restart(guest_begin);
	page->debug.control = 0;
	for (unsigned int i = 2; i < 31; i++)
		page->x[i] = 0x2000 + i;
	do
		run_marked(x);
	while (x[0] == L4_EXIT_EVENT || x[0] == L4_EXIT_EOI);
	good = x[0] == L4_EXIT_TRAP && page->esr >> 26 == EC_HVC && x[30] == 0x1000 + 30;
	for (unsigned int i = 1; i < 9; i++)
		good &= x[i] < 1ull << 32; /* the answer of that call */
	for (unsigned int i = 9; i < 19; i++)
		good &= x[i] == 0x1000 + i;
	for (unsigned int i = 19; i < 30; i++)
		good &= x[i] == 0x1000 + i || x[i] == page->x[i] || x[i] == 0;
	report(good, "what run leaves in the registers is the VMM's own or its guest's");
	for (unsigned int i = 0; i < 31 && !good; i++)
		printf("# x%u 0x%llx\n", i, (unsigned long long)x[i]);
}

static bool build(uint32_t *out_vm)
{
	uint32_t factory, ram;
	uint64_t address;
	void *memory = NULL;

	if (l4_env_need("factory", "the VM", &factory) || l4_slot_alloc(out_vm) || l4_slot_alloc(&ram) ||
	    l4_factory_create_vm(factory, *out_vm) || l4_factory_create_dataspace(factory, ram, RAM_SIZE, 0, 0) ||
	    l4_attach(ram, 0, RAM_SIZE, L4_MAP_R | L4_MAP_W, &memory))
		return false;
	memcpy(memory, guest_begin, (size_t)(guest_end - guest_begin));
	l4_cache_clean_code(memory, RAM_SIZE);
	if (l4_space_map(*out_vm, ram, 0, RAM, RAM_SIZE, L4_MAP_R | L4_MAP_W | L4_MAP_X) ||
	    l4_va_alloc(L4_PAGE_SIZE, L4_PAGE_SIZE, &address) || l4_vcpu_create(L4_SLOT_SELF, *out_vm, address))
		return false;
	page = (struct l4_vcpu_state *)address;
	return true;
}

int main(void)
{
	uint32_t vm = 0, scheduler;

	if (!build(&vm)) {
		report(false, "a VM is made");
		return failures;
	}
	if (l4_env_cap("scheduler", &scheduler) == OK)
		(void)l4_scheduler_place(scheduler, L4_SLOT_SELF, 100, 0);
	test_registers();
	test_brk();
	test_breakpoints();
	test_watchpoints();
	test_step();
	test_hold();
	test_vmm();
	test_random();
	test_neighbour(vm);
	printf("%s\n", failures ? "# failed" : "# all is well");
	return failures;
}
