/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bill for work on frames: who pays how much, whatever the work was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/timer.h"
#include "net/charge.h"
#include "net/net.h"
#include "net/virtio_net.h"
#include "vm/turn.h"
#include "vm/vm.h"

#define COUNT 4 /* the driver VM, two guests with a card, one without */

uint64_t tsc_khz = 1000;
struct vm *vms[VM_MAX];
unsigned int vm_count = COUNT;

static struct vm vm[COUNT];
static struct virtio_net card[COUNT - 1];
static struct port twin;
static struct net_switch sw;
static uint64_t owed[COUNT];

struct net_switch *net_switch(void)
{
	return &sw;
}

void turn_owe(struct vm *v, uint64_t ticks)
{
	owed[v->id] += ticks;
}

static int setup(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT; i++) {
		vm[i] = (struct vm){ .id = i, .kind = i ? VM_GUEST : VM_DVM };
		vms[i] = &vm[i];
		owed[i] = 0;
		if (i < COUNT - 1) {
			vm[i].vnic = &card[i];
			card[i].port = (struct port){ 0 };
		}
	}
	twin = (struct port){ 0 };
	sw = (struct net_switch){ .uplink = &twin };
	return 0;
}

static void test_each_for_its_frames(void **state)
{
	(void)state;
	assert_false(net_charge(500));
	card[1].port.moved = 30;
	card[2].port.moved = 10;
	assert_true(net_charge(400));
	assert_int_equal(owed[1], 300);
	assert_int_equal(owed[2], 100);
	assert_false(net_charge(400)); /* once */
}

/* Its card carries what others send and receive. */
static void test_driver_vm_does_not(void **state)
{
	(void)state;
	card[0].port.moved = 5;
	sw.uplink = &card[0].port;
	assert_false(net_charge(400));
	card[1].port.moved = 5;
	assert_true(net_charge(400));
	assert_int_equal(owed[0], 0);
	assert_int_equal(owed[1], 400);
}

/* The card is given what has waited, and returns it, in runs of their own. */
static void test_whoever_was_last_pays_for_what_waited(void **state)
{
	(void)state;
	card[1].port.moved = 3;
	card[2].port.moved = 1;
	assert_true(net_charge(400));
	twin.served = 7;
	assert_true(net_charge(200));
	assert_int_equal(owed[1], 450);
	assert_int_equal(owed[2], 150);
	assert_false(net_charge(50)); /* not that: it is the exit's */
	card[2].port.moved = 1;
	twin.served = 1;
	assert_true(net_charge(100));
	twin.served = 1;
	assert_true(net_charge(100));
	assert_int_equal(owed[1], 450);
	assert_int_equal(owed[2], 350);
	sw.uplink = NULL;
	assert_false(net_charge(100));
}

/* Counts of a guest that makes them as large as they come. */
static void test_large_counts(void **state)
{
	(void)state;
	card[1].port.moved = 0xffffffff;
	card[2].port.moved = 0xffffffff;
	assert_true(net_charge(1000));
	assert_int_equal(owed[1], 500);
	assert_int_equal(owed[2], 500);
}

static void give(uint32_t one, uint32_t other)
{
	card[1].port.given = one;
	card[2].port.given = other;
	sw.given = true;
}

/* Whoever sends the driver VM frames pays for its time, but not for more than they can cost. */
static void test_frames_to_the_driver_vm_cost_its_time(void **state)
{
	(void)state;
	assert_int_equal(net_charge_dvm(500), 500);
	give(30, 10);
	assert_int_equal(net_charge_dvm(200), 0);
	assert_int_equal(owed[1], 150);
	assert_int_equal(owed[2], 50);
	assert_int_equal(owed[0], 0);
	/* Half of what the frames may cost is left, and the rest of the run is its own affair. */
	assert_int_equal(net_charge_dvm(1000), 800);
	assert_int_equal(owed[1] + owed[2], 400);
	assert_int_equal(net_charge_dvm(100), 100);
	assert_false(sw.given);
}

/* A guest that has sent more than can wait does not pay for them for ever. */
static void test_old_frames_are_forgotten(void **state)
{
	uint64_t own = 0;

	(void)state;
	give(0xffffffff, 0);
	for (int i = 0; i < 1000; i++)
		own += net_charge_dvm(100);
	assert_in_range(owed[1], 1000, 256 * 10);
	assert_int_equal(owed[1] + own, 1000 * 100);
}

/* Runs of a tick each come to an end, too. */
static void test_short_runs_settle(void **state)
{
	(void)state;
	give(5, 5);
	for (int i = 0; i < 10; i++)
		(void)net_charge_dvm(1);
	assert_int_equal(card[1].port.given + card[2].port.given, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_for_its_frames, setup),
		cmocka_unit_test_setup(test_driver_vm_does_not, setup),
		cmocka_unit_test_setup(test_whoever_was_last_pays_for_what_waited, setup),
		cmocka_unit_test_setup(test_large_counts, setup),
		cmocka_unit_test_setup(test_frames_to_the_driver_vm_cost_its_time, setup),
		cmocka_unit_test_setup(test_old_frames_are_forgotten, setup),
		cmocka_unit_test_setup(test_short_runs_settle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
