/* Configuration space over a sleep of the machine: what functions lost is put back, what they kept is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pci_world.h"

#define PM 0x40u
#define EXP 0x60u

static struct world world;
static struct fake *bridge, *behind, *root;
static uint8_t before[3][4096];

/* A bridge with a function behind it, and a function on the root bus, as a client left them. */
static int begin(void **state)
{
	struct io_pci_bridge *host;

	(void)state;
	world_init(&world);
	bridge = world_add_bridge(&world, NULL, 1, PCI_EXP_ROOT_PORT);
	fake_may_write(bridge, 0x3e, 2, 0x00ff);
	behind = world_add(&world, bridge, 0, 0, 0x10411af4, 0x020000);
	fake_bar(behind, 0, 4096, 0);
	fake_bar(behind, 4, 16384, PCI_BAR_TYPE_64 | PCI_BAR_IS_PREFETCHABLE);
	fake_express(behind, EXP, 0, true);
	fake_acs(behind);
	root = world_add_device(&world, 2, 0x10421af4, 0x010000);
	fake_bar(root, 1, 8192, 0);
	fake_power(root, PM, true);
	host = world_host(&world);
	assert_int_equal(pci_scan(host), OK);
	pci_place(host);
	fake_put(behind, PCI_COMMAND, 2, 0x0406);
	fake_put(behind, EXP + PCI_EXP_CONTROL, 2, 0x2910);
	fake_put(root, PCI_LINE, 1, 35);
	fake_put(root, PCI_CACHE_LINE, 1, 16);
	fake_put(root, PM + PCI_PM_CONTROL, 2, 0x010b);
	fake_put(bridge, 0x3e, 2, 0x0003);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static void remember(void)
{
	for (unsigned int i = 0; i < world.fake_count; i++) {
		memcpy(before[i], world.fake[i]->config, sizeof(before[i]));
		world.fake[i]->writes = 0;
	}
}

/* All that can be written is as after power on. */
static void lose_power(struct fake *f)
{
	for (unsigned int reg = 0; reg < sizeof(f->config); reg++)
		f->config[reg] &= (uint8_t)~f->write[reg];
}

static void what_was_lost_is_put_back(void **state)
{
	(void)state;
	remember();
	io_pci_save(&world.machine);
	for (unsigned int i = 0; i < world.fake_count; i++)
		lose_power(world.fake[i]);
	io_pci_restore(&world.machine);
	for (unsigned int i = 0; i < world.fake_count; i++)
		assert_memory_equal(world.fake[i]->config, before[i], sizeof(before[i]));
	assert_int_equal(root->resets, 0);
	assert_string_equal(world.said, "");
}

static void who_kept_its_power_is_not_written(void **state)
{
	(void)state;
	remember();
	io_pci_save(&world.machine);
	io_pci_restore(&world.machine);
	for (unsigned int i = 0; i < world.fake_count; i++)
		assert_int_equal(world.fake[i]->writes, 0);
}

static void who_is_slow_is_waited_for(void **state)
{
	(void)state;
	remember();
	io_pci_save(&world.machine);
	lose_power(bridge);
	lose_power(behind);
	behind->gone_ms = 300;
	bridge->gone_ms = 100;
	io_pci_restore(&world.machine);
	assert_memory_equal(behind->config, before[1], sizeof(before[1]));
	assert_true(world.waited_ms >= 300 && world.waited_ms <= 1000);
}

static void who_does_not_come_back_is_named_and_the_others_do(void **state)
{
	(void)state;
	remember();
	io_pci_save(&world.machine);
	lose_power(root);
	lose_power(behind);
	behind->is_deaf = true;
	io_pci_restore(&world.machine);
	assert_memory_equal(root->config, before[2], sizeof(before[2]));
	assert_non_null(strstr(world.said, "/pcie@10000000/pci@01,00.0: it does not answer any more after the machine "
					   "slept"));
	assert_true(world.waited_ms <= 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_lost_is_put_back),
		TEST(who_kept_its_power_is_not_written),
		TEST(who_is_slow_is_waited_for),
		TEST(who_does_not_come_back_is_named_and_the_others_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
