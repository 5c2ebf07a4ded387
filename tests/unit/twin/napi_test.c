/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * R9: who owns NAPI polls, and nobody's poll is lost. The uplink and the natives of NAPI against a
 * model of the driver and of the driver VM's kernel: net_rx_action() polls what it has scheduled
 * itself, netpoll polls with no budget whoever owns NAPI (Linux 6.1 net/core/netpoll.c,
 * poll_one_napi()).
 */
#include "twin/uplink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/irq.h"
#include "cpu/storm.h"
#include "debug/log.h"
#include "kernel_abi.h"
#include "net/net.h"
#include "net/poll.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "twin/castor.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/pool.h"
#include "twin/receive.h"
#include "twin/receive_own.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/win.h"
#include "vm/vm.h"

#define NETDEV 0
#define NAPI   3072
#define PIN    11
#define BUDGET 64

uint8_t fake_memory[FAKE_BYTES];
struct twin_attachment twin_att = { .netdev = NETDEV, .napi = NAPI };
struct twin_pending twin_pending;
struct transmit_counts transmit_counts;
struct receive_counts receive_counts;
static unsigned int flushes, invocations;
extern const struct native __native_start[], __native_end[];

static struct vm dvm;
static struct net_switch sw;
static void (*on_pin)(void);
static unsigned int frames; /* in the card */
static bool irqs_on;        /* the card's */

/* ---- the driver ---- */

static uint64_t call_native(const char *name, uint64_t a, uint64_t b)
{
	for (const struct native *n = __native_start; n < __native_end; n++)
		if (strcmp(n->name, name) == 0)
			return ((uint64_t(*)(uint64_t, uint64_t))n->fn)(a, b);
	fail_msg("no native %s", name);
	return 0;
}

static uint64_t driver_intr(void)
{
	irqs_on = false;
	if ((bool)call_native("napi_schedule_prep", NAPI, 0))
		call_native("__napi_schedule", NAPI, 0);
	return 1;
}

/* e1000_clean(): the ring is polled, and the card's interrupts are on again if that was all. */
static uint64_t driver_poll(unsigned int budget)
{
	unsigned int done = MIN(frames, budget);

	frames -= done;
	if (done < budget && (bool)call_native("napi_complete_done", NAPI, done))
		irqs_on = true;
	return done;
}

uint64_t twin_entry_address(enum twin_role role)
{
	return role + 1;
}

uint64_t run_call(uint64_t fn, uint64_t a, uint64_t b)
{
	if (fn == TWIN_ROLE_INTR + 1)
		return driver_intr();
	assert_int_equal(fn, TWIN_ROLE_POLL + 1);
	assert_int_equal(a, NAPI);
	return driver_poll(b);
}

bool run_invocation(void (*body)(uint64_t), uint64_t arg)
{
	assert_int_equal(flushes, invocations++);
	body(arg);
	return true;
}

/* Behind each invocation, before anything else is done. */
void receive_flush(void)
{
	assert_int_equal(++flushes, invocations);
}

void own_end(bool killed)
{
	(void)killed;
	assert_int_equal(flushes, invocations);
}

static unsigned int settled;

/* What the driver gave back in it goes to the guests, also if it died. */
void loan_settle(void)
{
	assert_int_equal(++settled, invocations);
}

bool run_active(void)
{
	return false;
}

uint64_t run_jiffies(void)
{
	return 0;
}

void native_kill(const char *fmt, ...)
{
	fail_msg("the invocation ended: %s", fmt);
	__builtin_unreachable();
}

/* ---- the hypervisor around the uplink ---- */

void bug(const char *file, int line, const char *fmt, ...)
{
	fail_msg("%s:%d: %s", file, line, fmt);
	__builtin_unreachable();
}

void irq_steal(unsigned int phys, void (*fn)(void))
{
	assert_int_equal(phys, PIN);
	on_pin = fn;
}

void irq_reopen(unsigned int phys)
{
	assert_int_equal(phys, PIN);
}

void irq_pass(unsigned int phys)
{
	fail_msg("pin %u is the twin's", phys);
}

void storm_worked(unsigned int pin)
{
	assert_int_equal(pin, PIN);
}

void poll_activate(struct port *port)
{
	port->active = true;
}

int switch_add(struct net_switch *s, struct port *port)
{
	(void)s;
	(void)port;
	return 0;
}

void switch_set_uplink(struct net_switch *s, struct port *port)
{
	s->uplink = port;
}

void switch_set_address(struct net_switch *s, struct port *port, const uint8_t mac[6])
{
	(void)s;
	memcpy(port->mac, mac, 6);
}

struct net_switch *net_switch(void)
{
	return &sw;
}

void castor_raise(uint32_t events)
{
	(void)events;
}

void castor_flush(void)
{
}

uint32_t pool_leave_rings(void)
{
	return 0;
}

/* ---- nothing is sent here ---- */

int transmit_queue(struct packet *pkt)
{
	(void)pkt;
	return 0;
}

bool transmit_pending(void)
{
	return false;
}

bool transmit_waits(void)
{
	return false;
}

bool transmit_has_room(void)
{
	return true;
}

void transmit_run(uint64_t fn)
{
	(void)fn;
}

void transmit_wake(void)
{
}

void transmit_look(void)
{
}

void transmit_reset(void)
{
}

/* ---- tests ---- */

static uint64_t napi(void)
{
	return win_read64(NAPI + K_NAPI_STRUCT_STATE);
}

static bool is(unsigned int bit)
{
	return napi() >> bit & 1;
}

static void set(unsigned int bit, bool to)
{
	win_write64(NAPI + K_NAPI_STRUCT_STATE, (napi() & ~(1UL << bit)) | (uint64_t)to << bit);
}

static int take(void)
{
	return uplink_port()->ops->take(uplink_port());
}

static bool may_sleep(void)
{
	return uplink_port()->ops->sleep(uplink_port());
}

static void arrive(unsigned int n)
{
	frames += n;
	if (irqs_on)
		on_pin();
}

/* All was received, and the next frame's interrupt comes. */
static void assert_quiet(void)
{
	assert_int_equal(frames, 0);
	assert_false(is(K_NAPI_STATE_SCHED));
	assert_true(irqs_on);
	assert_true(may_sleep());
}

static int begin(void **state)
{
	(void)state;
	memset(fake_memory, 0, sizeof(fake_memory));
	twin_att.dvm = &dvm;
	frames = 0;
	irqs_on = true;
	uplink_open(PIN);
	return 0;
}

static int end(void **state)
{
	(void)state;
	uplink_close();
	return 0;
}

static void test_r9_the_twin_polls_until_the_ring_is_empty(void **state)
{
	(void)state;
	arrive(100);
	assert_true(take() > 0);
	assert_int_equal(frames, 100 - BUDGET);
	assert_true(is(K_NAPI_STATE_SCHED));
	assert_false(may_sleep());
	assert_true(take() > 0);
	assert_int_equal(take(), 0);
	assert_quiet();
}

static void test_r9_the_driver_vm_lends_its_poll(void **state)
{
	(void)state;
	set(K_NAPI_STATE_SCHED, true);
	irqs_on = false;
	arrive(100);
	assert_int_equal(uplink_poll(BUDGET), BUDGET);
	assert_int_equal(take(), 0); /* it is the driver VM's still */
	assert_int_equal(uplink_poll(BUDGET), 100 - BUDGET);
	assert_quiet();
}

/* An interrupt comes while the driver VM owns NAPI: its completion gives NAPI to the twin. */
static void test_r9_missed_while_the_driver_vm_polls(void **state)
{
	(void)state;
	set(K_NAPI_STATE_SCHED, true);
	arrive(1);
	assert_true(take() > 0);
	assert_true(is(K_NAPI_STATE_MISSED));
	assert_int_equal(uplink_poll(BUDGET), 1);
	take();
	assert_quiet();
}

/* Netpoll cleans the transmit ring while the twin's next poll is still to come. */
static void test_r9_netpoll_between_two_polls(void **state)
{
	(void)state;
	arrive(100);
	assert_true(take() > 0);
	set(K_NAPI_STATE_NPSVC, true);
	assert_int_equal(uplink_poll(0), 0);
	set(K_NAPI_STATE_NPSVC, false);
	assert_false(may_sleep());
	assert_true(take() > 0);
	assert_quiet();
}

/* Netpoll comes while nobody has scheduled anything: nothing is left behind. */
static void test_r9_netpoll_alone(void **state)
{
	(void)state;
	set(K_NAPI_STATE_NPSVC, true);
	assert_int_equal(uplink_poll(0), 0);
	set(K_NAPI_STATE_NPSVC, false);
	assert_int_equal(take(), 0);
	assert_quiet();
}

/* The driver VM stands in the middle of netpoll's poll, and must run before NAPI is given up. */
static void test_r9_the_twin_polls_in_the_middle_of_netpoll(void **state)
{
	(void)state;
	set(K_NAPI_STATE_NPSVC, true);
	arrive(5);
	assert_true(take() > 0);
	assert_int_equal(frames, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(), 0);
	assert_true(is(K_NAPI_STATE_SCHED));
	assert_false(may_sleep());
	set(K_NAPI_STATE_NPSVC, false);
	take();
	assert_quiet();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_r9_the_twin_polls_until_the_ring_is_empty,
						begin, end),
		cmocka_unit_test_setup_teardown(test_r9_the_driver_vm_lends_its_poll, begin, end),
		cmocka_unit_test_setup_teardown(test_r9_missed_while_the_driver_vm_polls, begin,
						end),
		cmocka_unit_test_setup_teardown(test_r9_netpoll_between_two_polls, begin, end),
		cmocka_unit_test_setup_teardown(test_r9_netpoll_alone, begin, end),
		cmocka_unit_test_setup_teardown(test_r9_the_twin_polls_in_the_middle_of_netpoll,
						begin, end),
	};

	uplink_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
