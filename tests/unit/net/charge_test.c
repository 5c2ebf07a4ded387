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
	sw.uplink = &twin;
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
static void test_what_waited_is_paid_for_later(void **state)
{
	(void)state;
	twin.served = 7;
	assert_true(net_charge(300));
	assert_int_equal(owed[1] + owed[2], 0);
	assert_false(net_charge(50)); /* not that: it is the exit's */
	twin.served = 1;
	assert_true(net_charge(200));
	card[2].port.moved = 1;
	twin.served = 1;
	assert_true(net_charge(100));
	assert_int_equal(owed[2], 600);
	card[1].port.moved = 1;
	assert_true(net_charge(100));
	assert_int_equal(owed[1], 100);
}

/* One guest does not pay for what all others have left behind. */
static void test_a_slice_at_most(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		twin.served = 1;
		net_charge(us_to_tsc(TURN_SLICE_US) / 4);
	}
	card[1].port.moved = 1;
	net_charge(0);
	assert_int_equal(owed[1], us_to_tsc(TURN_SLICE_US));
	sw.uplink = NULL;
	assert_false(net_charge(100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_for_its_frames, setup),
		cmocka_unit_test_setup(test_driver_vm_does_not, setup),
		cmocka_unit_test_setup(test_what_waited_is_paid_for_later, setup),
		cmocka_unit_test_setup(test_a_slice_at_most, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
