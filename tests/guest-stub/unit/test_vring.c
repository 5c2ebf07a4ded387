/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The split ring against a device played here: order, wrap-around, notification, and a device
 * that lies.
 */
#include "virtio/vring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 8

static struct vring vr;
static uint8_t *memory;

/* The device's own state. */
static uint16_t seen, used;

static void start(bool event_idx)
{
	vring_init(&vr, memory, SIZE, event_idx);
	seen = used = 0;
}

static int setup(void **state)
{
	(void)state;
	memory = aligned_alloc(4096, VRING_BYTES);
	memset(memory, 0xa5, VRING_BYTES);
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static uint16_t *used_event(void)
{
	return &vr.avail->ring[SIZE];
}

static uint16_t *avail_event(void)
{
	return (uint16_t *)&vr.used->ring[SIZE];
}

/* The device takes the next chain: its head, or -1. */
static int device_take(void)
{
	return seen == vr.avail->idx ? -1 : vr.avail->ring[seen++ % SIZE];
}

static void device_use(uint32_t head, uint32_t len)
{
	vr.used->ring[used++ % SIZE] = (struct vring_used_elem){ head, len };
	vr.used->idx = used;
}

static bool add(unsigned int count, void *token)
{
	static const char data[4][16];
	struct vring_buffer b[4] = {
		{ data[0], 1 }, { data[1], 2 }, { data[2], 3 }, { data[3], 4 }
	};

	return vring_add(&vr, b, count, false, token);
}

static void test_chain_as_the_device_sees_it(void **state)
{
	int head;

	(void)state;
	start(true);
	assert_true(add(3, &vr));
	assert_int_equal(device_take(), -1); /* not published yet */
	vring_publish(&vr);
	head = device_take();
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(vr.desc[head].len, i);
		assert_int_equal(vr.desc[head].flags, i < 3 ? VRING_DESC_NEXT : 0);
		head = vr.desc[head].next;
	}
	assert_true(vring_add(&vr, &(struct vring_buffer){ memory, 9 }, 1, true, &vr));
	vring_publish(&vr);
	assert_int_equal(vr.desc[device_take()].flags, VRING_DESC_WRITE);
}

static void test_full_ring_refuses_and_changes_nothing(void **state)
{
	(void)state;
	start(true);
	assert_true(add(4, &vr));
	assert_true(add(3, &vr));
	assert_false(add(2, &vr));
	assert_int_equal(vr.free_count, 1);
	assert_int_equal(vr.avail_idx, 2);
	assert_true(add(1, &vr));
	assert_false(add(1, &vr));
	assert_false(add(0, &vr));
}

/* Many rounds, so that all indices wrap at 65536; the device uses chains out of order. */
static void test_tokens_come_back_once_each(void **state)
{
	static int tokens[SIZE];
	bool out[SIZE] = { 0 };
	unsigned int in_flight = 0, added = 0;
	int heads[SIZE], held = 0;

	(void)state;
	start(true);
	srand(2);
	for (int round = 0; round < 1000000; round++) {
		int t = rand() % SIZE, h;
		unsigned int count = 1 + (unsigned int)rand() % 3;
		void *token;
		uint32_t len;

		if (!out[t] && vr.free_count >= count) {
			assert_true(add(count, &tokens[t]));
			out[t] = true;
			in_flight++;
			added++;
		}
		vring_publish(&vr);
		while ((h = device_take()) >= 0)
			heads[held++] = h;
		if (held && rand() % 2) {
			int pick = rand() % held;

			device_use((uint32_t)heads[pick], 77);
			heads[pick] = heads[--held];
		}
		while (rand() % 2 && vring_take(&vr, &token, &len) == VRING_OK) {
			t = (int)((int *)token - tokens);
			assert_true(out[t]);
			assert_int_equal(len, 77);
			out[t] = false;
			in_flight--;
		}
	}
	assert_true(in_flight <= SIZE);
	assert_true(added > 2 * 65536); /* the indices did wrap */
}

static void test_kick_with_event_idx(void **state)
{
	(void)state;
	start(true);
	assert_false(vring_need_kick(&vr)); /* nothing added */
	*avail_event() = 0;
	add(1, &vr);
	vring_publish(&vr);
	assert_true(vring_need_kick(&vr));
	assert_false(vring_need_kick(&vr)); /* asked once already */
	add(1, &vr);
	add(1, &vr);
	vring_publish(&vr);
	assert_false(vring_need_kick(&vr)); /* the device did not move its wish */
	*avail_event() = 4;
	add(1, &vr); /* index 3 -> 4: entry 3, not yet 4 */
	vring_publish(&vr);
	assert_false(vring_need_kick(&vr));
	add(1, &vr);
	vring_publish(&vr);
	assert_true(vring_need_kick(&vr));
}

static void test_kick_with_flags(void **state)
{
	(void)state;
	start(false);
	add(1, &vr);
	vring_publish(&vr);
	assert_true(vring_need_kick(&vr));
	vr.used->flags = VRING_USED_NO_NOTIFY;
	add(1, &vr);
	vring_publish(&vr);
	assert_false(vring_need_kick(&vr));
}

/* The device's rule for interrupts (virtio 1.2 2.7.7.2), to hold the driver's wish against. */
static bool device_interrupts(uint16_t old)
{
	return (uint16_t)(used - *used_event() - 1) < (uint16_t)(used - old);
}

static void test_interrupt_wish_with_event_idx(void **state)
{
	void *token;
	uint32_t len;
	uint16_t old = 0;

	(void)state;
	start(true);
	for (int i = 0; i < 4; i++)
		add(1, &vr);
	vring_publish(&vr);
	device_use((uint32_t)device_take(), 0);
	assert_false(device_interrupts(old)); /* off from the start */
	assert_true(vring_irq_after(&vr, 1)); /* has happened already: do not sleep */
	assert_int_equal(vring_take(&vr, &token, &len), VRING_OK);

	assert_false(vring_irq_after(&vr, 2));
	old = used;
	device_use((uint32_t)device_take(), 0);
	assert_false(device_interrupts(old));
	old = used;
	device_use((uint32_t)device_take(), 0);
	assert_true(device_interrupts(old));

	vring_irq_off(&vr);
	old = used;
	device_use((uint32_t)device_take(), 0);
	assert_false(device_interrupts(old));
}

static void test_interrupt_wish_with_flags(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(vr.avail->flags, VRING_AVAIL_NO_INTERRUPT);
	assert_false(vring_irq_after(&vr, 1));
	assert_int_equal(vr.avail->flags, 0);
	vring_irq_off(&vr);
	assert_int_equal(vr.avail->flags, VRING_AVAIL_NO_INTERRUPT);
}

static void test_device_that_lies(void **state)
{
	static const uint32_t wrong_heads[] = { SIZE, 0x10000, UINT32_MAX, 5 /* not in use */ };
	void *token;
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong_heads) / sizeof(wrong_heads[0]); i++) {
		start(true);
		add(2, &vr);
		vring_publish(&vr);
		device_use(wrong_heads[i], 0);
		assert_int_equal(vring_take(&vr, &token, &len), VRING_BROKEN);
	}
	start(true); /* the middle of a chain is not its head */
	add(2, &vr);
	vring_publish(&vr);
	device_use(vr.desc[device_take()].next, 0);
	assert_int_equal(vring_take(&vr, &token, &len), VRING_BROKEN);
	start(true); /* the same chain twice */
	add(1, &vr);
	vring_publish(&vr);
	device_use(0, 0);
	device_use(0, 0);
	assert_int_equal(vring_take(&vr, &token, &len), VRING_OK);
	assert_int_equal(vring_take(&vr, &token, &len), VRING_BROKEN);
	start(true); /* more used than the ring holds */
	add(1, &vr);
	vring_publish(&vr);
	vr.used->idx = SIZE + 1;
	assert_int_equal(vring_take(&vr, &token, &len), VRING_BROKEN);
}

/* What the device writes into the descriptors must not lead the driver's free list astray. */
static void test_device_that_writes_descriptors(void **state)
{
	void *token;
	uint32_t len;
	int head;

	(void)state;
	start(true);
	add(3, &vr);
	vring_publish(&vr);
	head = device_take();
	memset(vr.desc, 0xff, SIZE * sizeof(struct vring_desc));
	device_use((uint32_t)head, 0);
	assert_int_equal(vring_take(&vr, &token, &len), VRING_OK);
	assert_int_equal(vr.free_count, SIZE);
	assert_true(add(4, &vr));
	assert_true(add(4, &vr));
	assert_false(add(1, &vr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_as_the_device_sees_it),
		cmocka_unit_test(test_full_ring_refuses_and_changes_nothing),
		cmocka_unit_test(test_tokens_come_back_once_each),
		cmocka_unit_test(test_kick_with_event_idx),
		cmocka_unit_test(test_kick_with_flags),
		cmocka_unit_test(test_interrupt_wish_with_event_idx),
		cmocka_unit_test(test_interrupt_wish_with_flags),
		cmocka_unit_test(test_device_that_lies),
		cmocka_unit_test(test_device_that_writes_descriptors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
