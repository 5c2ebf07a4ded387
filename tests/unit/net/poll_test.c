/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The poll loop with ports that do odd things. */
#include "fake.h"

#include "net/poll.h"

static struct net_switch sw;
static unsigned int work;     /* units that the slow port still has */
static unsigned int finished; /* done */

/* As the twin does while an upcall is under way: much time passes, timers fire. */
static int slow_take(struct port *port)
{
	(void)port;
	if (!work)
		return 0;
	work--;
	for (int i = 0; i < 4; i++)
		fake_pass_us(500);
	finished++;
	return 1 << 20; /* more than a round's share: the rest must wait for the next round */
}

static bool slow_sleep(struct port *port)
{
	(void)port;
	return true; /* what it has in hand cannot be seen */
}

static const struct port_ops slow_ops = { .take = slow_take, .sleep = slow_sleep };

static void test_port_that_waits_stays_awake(void **state)
{
	struct port port = { .ops = &slow_ops };

	(void)state;
	poll_init(&sw);
	assert_int_equal(switch_add(&sw, &port), 0);
	work = 5;
	poll_activate(&port);
	poll_run();
	assert_int_equal(finished, 1);
	assert_true(port.active);
	/* In debt, it gets its turns back by and by; it is never forgotten. */
	for (int i = 0; i < 1000 && work; i++)
		poll_run();
	assert_int_equal(finished, 5);
	fake_pass_us(500);
	fake_pass_us(500);
	assert_false(port.active);
}

static unsigned int taken;

/* The wire in a flood: always more frames, each takes a while and finds no room. */
static int flood_take(struct port *port)
{
	(void)port;
	taken++;
	fake_tsc += us_to_tsc(100);
	sw.overrun = true;
	return 1514;
}

static const struct port_ops flood_ops = { .take = flood_take, .sleep = slow_sleep };

static void test_overload_leaves_time_to_the_vms(void **state)
{
	struct port port = { .ops = &flood_ops, .mac = { 2 } };
	unsigned int before;
	uint64_t start;

	(void)state;
	memset(&sw, 0, sizeof(sw));
	poll_init(&sw);
	assert_int_equal(switch_add(&sw, &port), 0);
	poll_activate(&port);
	start = fake_tsc;
	poll_run();
	before = taken;
	assert_in_range(before, 1, 64); /* a run ends, whatever the wire brings */
	/* As many exits as there may be: as much time as the run took belongs to the VMs. */
	fake_tsc += (fake_tsc - start) / 2;
	for (int i = 0; i < 100; i++)
		poll_run();
	assert_int_equal(taken, before);
	fake_pass_us(64 * 100);
	poll_run();
	assert_true(taken > before);
	/* None of them wants it: no time is lost. */
	before = taken;
	assert_true(poll_end_rest());
	assert_false(poll_end_rest());
	poll_run();
	assert_true(taken > before);
}

static int standing_take(struct port *port)
{
	(void)port;
	fake_tsc += us_to_tsc(6000000);
	sw.overrun = true;
	return 1514;
}

static const struct port_ops standing_ops = { .take = standing_take, .sleep = slow_sleep };

/* The emulator stood still in the middle of such a run: the wire does not wait as long again. */
static void test_r18_rest_is_bounded(void **state)
{
	struct port port = { .ops = &standing_ops, .mac = { 2 } };
	uint64_t start;

	(void)state;
	memset(&sw, 0, sizeof(sw));
	poll_init(&sw);
	assert_int_equal(switch_add(&sw, &port), 0);
	poll_activate(&port);
	poll_run();
	fake_pass_us(10001);
	start = fake_tsc;
	poll_run();
	assert_true(fake_tsc > start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_that_waits_stays_awake),
		cmocka_unit_test(test_overload_leaves_time_to_the_vms),
		cmocka_unit_test(test_r18_rest_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
