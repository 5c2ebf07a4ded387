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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_that_waits_stays_awake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
