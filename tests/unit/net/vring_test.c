/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device side of a split ring survives everything a driver can put there, and stops that
 * driver's VM with a reason; the event indices wake and let sleep exactly at the index named,
 * across the wrap at 65536.
 */
#include "fake.h"

#include <pthread.h>

static struct vm *vm;
static struct vring vr;
static struct drv d; /* only its helpers for ring memory */
static struct vring_list list;
static uint16_t head;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	vm = fake_vm(0);
	memset(&d, 0, sizeof(d));
	d.vm = vm;
	assert_int_equal(
		vring_setup(&vr, vm, "test", QSIZE, RING_GPA(1), AVAIL_GPA(1), USED_GPA(1)), 0);
	vr.event_idx = vr.indirect = true;
	return 0;
}

static int peek(uint16_t ahead, bool device_writes)
{
	list.segs = 0;
	list.bytes = 0;
	return vring_peek(&vr, ahead, device_writes, &list, &head);
}

static void set_desc(unsigned int i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	*drv_desc(&d, 1, i) = (struct vring_desc){ addr, len, flags, next };
}

static void expect_kill(int err, const char *why)
{
	assert_int_equal(err, -71);
	assert_int_equal(vm->state, VM_KILLED);
	assert_non_null(strstr(vm->reason, why));
}

static void test_setup_refuses(void **state)
{
	static const struct {
		uint16_t size;
		gpa_t desc, avail, used;
	} bad[] = {
		{ 0, 0, 0x1000, 0x2000 },          { 3, 0, 0x1000, 0x2000 },
		{ 512, 0, 0x1000, 0x2000 },        { 256, 8, 0x1000, 0x2000 },
		{ 256, 0, 0x1001, 0x2000 },        { 256, 0, 0x1000, 0x2002 },
		{ 256, RAM_SIZE - 16, 0, 0x2000 }, { 256, 0, RAM_SIZE - 2, 0x2000 },
		{ 256, 0, 0x1000, RAM_SIZE - 4 },  { 256, -16UL, 0x1000, 0x2000 },
		{ 256, 0, -2UL, 0x2000 },          { 256, 0, 0x1000, -4UL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vm->state = VM_RUNNING;
		assert_int_equal(vring_setup(&vr, vm, "test", bad[i].size, bad[i].desc,
					     bad[i].avail, bad[i].used),
				 -22);
		assert_int_equal(vm->state, VM_KILLED);
		assert_int_equal(vring_waiting(&vr), 0);
		vring_publish(&vr);
		assert_false(vring_wants_irq(&vr));
	}
}

static void test_chain(void **state)
{
	(void)state;
	set_desc(7, 0x40000, 100, VRING_DESC_NEXT, 3);
	set_desc(3, 0x50000, 0, VRING_DESC_NEXT, 255); /* empty ones are skipped */
	set_desc(255, RAM_SIZE - 50, 50, 0, 9);
	drv_publish(&d, 1, 7);
	assert_int_equal(vring_waiting(&vr), 1);
	assert_int_equal(peek(0, false), 0);
	assert_int_equal(head, 7);
	assert_int_equal(list.segs, 2);
	assert_int_equal(list.bytes, 150);
	assert_ptr_equal(list.seg[0].data, ram(vm, 0x40000));
	assert_ptr_equal(list.seg[1].data, ram(vm, RAM_SIZE - 50));
	assert_int_equal(list.seg[1].len, 50);
	vring_take(&vr, head, 5);
	assert_int_equal(vring_waiting(&vr), 0);
	assert_int_equal(drv_used(&d, 1)[1], 0); /* not shown yet */
	vring_publish(&vr);
	assert_int_equal(drv_used(&d, 1)[1], 1);
	assert_int_equal(drv_used_elem(&d, 1, 0).id, 7);
	assert_int_equal(drv_used_elem(&d, 1, 0).len, 5);
}

static void test_hostile_chains(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
		const char *why;
	} bad[] = {
		{ 0x40000, 10, VRING_DESC_NEXT, 256, "beyond the table" },
		{ 0x40000, 10, VRING_DESC_NEXT, 0xffff, "beyond the table" },
		{ 0x40000, 10, VRING_DESC_NEXT, 0, "loop" }, /* itself */
		{ RAM_SIZE, 1, 0, 0, "outside RAM" },
		{ RAM_SIZE - 1, 2, 0, 0, "outside RAM" },
		{ -1UL, 1, 0, 0, "outside RAM" },
		{ -4096UL, 8192, 0, 0, "outside RAM" },
		{ 0, 0xffffffff, 0, 0, "outside RAM" },
		{ 0x40000, 10, VRING_DESC_WRITE, 0, "write-only" },
		{ TABLE_GPA, 0, VRING_DESC_INDIRECT, 0, "length" },
		{ TABLE_GPA, 24, VRING_DESC_INDIRECT, 0, "length" },
		{ TABLE_GPA, 32, VRING_DESC_INDIRECT | VRING_DESC_NEXT, 1, "both" },
		{ RAM_SIZE - 16, 32, VRING_DESC_INDIRECT, 0, "outside RAM" },
		{ TABLE_GPA, 0xfffffff0, VRING_DESC_INDIRECT, 0, "outside RAM" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(NULL);
		set_desc(0, bad[i].addr, bad[i].len, bad[i].flags, bad[i].next);
		drv_publish(&d, 1, 0);
		assert_int_equal(vring_waiting(&vr), 1);
		expect_kill(peek(0, false), bad[i].why);
	}
}

static void test_read_only_where_write_is_due(void **state)
{
	(void)state;
	set_desc(0, 0x40000, 10, 0, 0);
	drv_publish(&d, 1, 0);
	vring_waiting(&vr);
	expect_kill(peek(0, true), "read-only");
}

static void test_head_beyond_table(void **state)
{
	(void)state;
	drv_publish(&d, 1, 256);
	vring_waiting(&vr);
	expect_kill(peek(0, false), "beyond the table");
}

static void test_loop_of_many(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < QSIZE; i++)
		set_desc(i, 0x40000, 1, VRING_DESC_NEXT, (i + 1) % QSIZE);
	drv_publish(&d, 1, 0);
	vring_waiting(&vr);
	expect_kill(peek(0, false), "loop");
	/* The longest legal chain is the whole ring. */
	setup(NULL);
	for (unsigned int i = 0; i < QSIZE; i++)
		set_desc(i, 0x40000, 1, i == QSIZE - 1 ? 0 : VRING_DESC_NEXT, i + 1);
	drv_publish(&d, 1, 0);
	vring_waiting(&vr);
	assert_int_equal(peek(0, false), 0);
	assert_int_equal(list.segs, QSIZE);
}

static void test_indirect(void **state)
{
	struct vring_desc *t = ram(vm, TABLE_GPA + 8); /* no alignment is asked for */

	(void)state;
	memcpy(&t[0], &(struct vring_desc){ 0x41000, 11, VRING_DESC_NEXT, 2 }, 16);
	memcpy(&t[2], &(struct vring_desc){ 0x42000, 13, 0, 0 }, 16);
	set_desc(5, 0x40000, 7, VRING_DESC_NEXT, 6); /* direct ones may come first */
	set_desc(6, TABLE_GPA + 8, 48, VRING_DESC_INDIRECT, 0);
	drv_publish(&d, 1, 5);
	vring_waiting(&vr);
	assert_int_equal(peek(0, false), 0);
	assert_int_equal(list.segs, 3);
	assert_int_equal(list.bytes, 31);
	assert_int_equal(head, 5);

	memcpy(&t[2], &(struct vring_desc){ 0x42000, 13, VRING_DESC_NEXT, 3 },
	       16); /* past its end */
	expect_kill(peek(0, false), "beyond the table");
	vm->state = VM_RUNNING;
	memcpy(&t[2], &(struct vring_desc){ TABLE_GPA, 16, VRING_DESC_INDIRECT, 0 }, 16);
	expect_kill(peek(0, false), "inside");
	vm->state = VM_RUNNING;
	memcpy(&t[2], &(struct vring_desc){ 0x42000, 1, VRING_DESC_NEXT, 0 }, 16); /* loop inside */
	expect_kill(peek(0, false), "loop");
	vm->state = VM_RUNNING;
	vr.indirect = false;
	expect_kill(peek(0, false), "without the feature");
}

/* The piece of RAM that one buffer lies in says nothing of the next one. */
static void test_two_pieces_of_ram(void **state)
{
	static const gpa_t far = 4 * RAM_SIZE;
	static uint8_t more[4096];
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = { { far - 1, 1 },      { far - 1, 2 },      { far, sizeof(more) + 1 },
		    { RAM_SIZE - 1, 2 }, { far + 4096, 1 },   { far + 4095, 2 },
		    { RAM_SIZE, 1 },     { far, 0xffffffff }, { -1UL, 2 } };

	(void)state;
	for (unsigned int i = 0; i <= 2 * ARRAY_SIZE(bad); i++) {
		setup(NULL);
		vm->ram[1] = (struct vm_ram_range){ far, sizeof(more), more };
		set_desc(0, 0x40000, 10, VRING_DESC_NEXT, 1);
		set_desc(1, far, sizeof(more), VRING_DESC_NEXT, 2);
		set_desc(2, RAM_SIZE - 1, 1, VRING_DESC_NEXT, 3);
		set_desc(3, far + 4095, 1, 0, 0);
		if (i < 2 * ARRAY_SIZE(bad)) /* behind one in either piece */
			set_desc(1 + i % 2, bad[i / 2].addr, bad[i / 2].len, 0, 0);
		drv_publish(&d, 1, 0);
		assert_true(vring_has_work(&vr));
		if (i < 2 * ARRAY_SIZE(bad))
			expect_kill(peek(0, false), "outside RAM");
		else
			assert_int_equal(peek(0, false), 0);
	}
	assert_int_equal(list.segs, 4);
	assert_ptr_equal(list.seg[0].data, ram(vm, 0x40000));
	assert_ptr_equal(list.seg[1].data, more);
	assert_ptr_equal(list.seg[2].data, ram(vm, RAM_SIZE - 1));
	assert_ptr_equal(list.seg[3].data, more + 4095);
}

/* What was seen is there without another look; what came since is seen when that is taken. */
static void test_work_is_looked_for_once(void **state)
{
	(void)state;
	assert_false(vring_has_work(&vr));
	for (unsigned int i = 0; i < 3; i++) {
		set_desc(i, 0x40000, 1, 0, 0);
		drv_publish(&d, 1, i);
		if (i == 0)
			assert_true(vring_has_work(&vr));
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(vring_has_work(&vr));
		assert_int_equal(peek(0, false), 0);
		assert_int_equal(head, i);
		vring_take(&vr, head, 0);
	}
	assert_false(vring_has_work(&vr));
	drv_avail(&d, 1)[1] += QSIZE + 1;
	assert_false(vring_has_work(&vr)); /* nor later, when it was found out */
	assert_false(vring_has_work(&vr));
	assert_int_equal(vm->state, VM_KILLED);
}

static void test_index_jump(void **state)
{
	(void)state;
	drv_avail(&d, 1)[1] = QSIZE;
	assert_int_equal(vring_waiting(&vr), QSIZE);
	drv_avail(&d, 1)[1] = QSIZE + 1;
	assert_int_equal(vring_waiting(&vr), 0);
	assert_int_equal(vm->state, VM_KILLED);
	setup(NULL);
	drv_avail(&d, 1)[1] = 0xffff; /* backwards */
	assert_int_equal(vring_waiting(&vr), 0);
	assert_int_equal(vm->state, VM_KILLED);
}

/* A full list is an error of the list, not of the driver. */
static void test_list_overflow(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < QSIZE; i++)
		set_desc(i, 0x40000, 1, i == QSIZE - 1 ? 0 : VRING_DESC_NEXT, i + 1);
	drv_publish(&d, 1, 0);
	drv_publish(&d, 1, 0);
	vring_waiting(&vr);
	assert_int_equal(peek(0, false), 0);
	assert_int_equal(vring_peek(&vr, 1, false, &list, &head), -28);
	assert_int_equal(vm->state, VM_RUNNING);
}

/*
 * All 65536 index values and then some: each chain is seen once, each used element is at its
 * place, an interrupt is wanted exactly when the event is passed.
 */
static void test_wrap_and_used_event(void **state)
{
	unsigned int irqs = 0, wanted = 0;
	uint32_t n = 0;

	(void)state;
	set_desc(1, 0x40000, 1, 0, 0);
	set_desc(2, 0x40000, 2, 0, 0);
	while (n < 70000) {
		unsigned int batch = 1 + n % 7;
		/* Event: sometimes in the batch, sometimes just before or behind it. */
		uint16_t event = n + n % 9 - 1;
		bool in_batch = n % 9 >= 1 && n % 9 - 1 < batch;

		for (unsigned int i = 0; i < batch; i++)
			drv_publish(&d, 1, 1 + (n + i) % 2);
		assert_int_equal(vring_waiting(&vr), batch);
		drv_set_used_event(&d, 1, event);
		for (unsigned int i = 0; i < batch; i++, n++) {
			assert_int_equal(peek(0, false), 0);
			assert_int_equal(list.bytes, 1 + n % 2);
			vring_take(&vr, head, n & 0xff);
			assert_int_equal(drv_used_elem(&d, 1, n).id, 1 + n % 2);
			assert_int_equal(drv_used_elem(&d, 1, n).len, n & 0xff);
		}
		vring_publish(&vr);
		assert_int_equal(vring_unasked(&vr), batch);
		irqs += vring_wants_irq(&vr);
		wanted += in_batch;
		assert_int_equal(irqs, wanted);
		assert_int_equal(drv_used(&d, 1)[1], (uint16_t)n);
		vring_publish(&vr);
		assert_false(vring_wants_irq(&vr)); /* nothing new */
	}
	assert_true(wanted > 1000);
}

/* Asked late, the driver's wish of that moment counts, for all that was shown since. */
static void test_asked_late(void **state)
{
	(void)state;
	set_desc(1, 0x40000, 1, 0, 0);
	for (uint32_t n = 0; n < 70000; n += 5) {
		drv_set_used_event(&d, 1, n + 1);
		for (unsigned int i = 0; i < 5; i++) {
			drv_publish(&d, 1, 1);
			vring_waiting(&vr);
			peek(0, false);
			vring_take(&vr, head, 0);
			vring_publish(&vr);
		}
		assert_int_equal(vring_unasked(&vr), 5);
		if (n % 2)
			drv_set_used_event(&d, 1, n + 5); /* it has seen all of them */
		assert_int_equal(vring_wants_irq(&vr), !(n % 2));
		assert_int_equal(vring_unasked(&vr), 0);
	}
}

static void test_flags_instead_of_events(void **state)
{
	(void)state;
	vr.event_idx = false;
	set_desc(1, 0x40000, 1, 0, 0);
	for (unsigned int i = 0; i < 4; i++) {
		drv_publish(&d, 1, 1);
		vring_waiting(&vr);
		peek(0, false);
		vring_take(&vr, head, 0);
		drv_avail(&d, 1)[0] = i & 1;
		vring_publish(&vr);
		assert_int_equal(vring_wants_irq(&vr), !(i & 1));
	}
	vring_kicks_off(&vr, 100);
	assert_int_equal(drv_used(&d, 1)[0], 1);
	assert_false(vring_kicks_on(&vr));
	assert_int_equal(drv_used(&d, 1)[0], 0);
}

/* The driver's rule, virtio 1.2 2.7.10: kick when the event is passed. */
static bool driver_kicks(uint16_t old, uint16_t now)
{
	return (uint16_t)(now - drv_avail_event(&d, 1) - 1) < (uint16_t)(now - old);
}

static void test_avail_event(void **state)
{
	(void)state;
	set_desc(1, 0x40000, 1, 0, 0);
	for (uint32_t n = 0; n < 70000; n++) {
		uint16_t i = n;

		vring_waiting(&vr);
		assert_false(vring_kicks_on(&vr));
		assert_true(driver_kicks(i, i + 1)); /* a lone frame kicks */
		vring_kicks_off(&vr, QSIZE / 2);
		assert_false(driver_kicks(i, i + QSIZE / 2));
		assert_true(driver_kicks(i + QSIZE / 2, i + QSIZE / 2 + 1));
		vring_kicks_off(&vr, VRING_FAR_AHEAD);
		assert_false(driver_kicks(i, i + QSIZE));
		drv_publish(&d, 1, 1);
		vring_waiting(&vr);
		peek(0, false);
		vring_take(&vr, head, 0);
	}
}

/* A chain that came between the last look and the wish is reported, as nobody will kick for it. */
static void test_no_lost_kick(void **state)
{
	(void)state;
	set_desc(1, 0x40000, 1, 0, 0);
	assert_int_equal(vring_waiting(&vr), 0);
	drv_publish(&d, 1, 1);
	assert_true(vring_kicks_on(&vr));
	assert_int_equal(vring_waiting(&vr), 1);
	assert_false(vring_kicks_on(&vr));
}

/*
 * Another CPU of the VM rewrites a descriptor all the time: each peek must see one version of it,
 * checked.
 */
static bool flip_stop;

static void *flip(void *arg)
{
	struct vring_desc *t = arg;

	while (!__atomic_load_n(&flip_stop, __ATOMIC_RELAXED)) {
		__atomic_store_n(&t->addr, 0x40000, __ATOMIC_RELAXED);
		__atomic_store_n(&t->len, 16, __ATOMIC_RELAXED);
		__atomic_store_n(&t->addr, RAM_SIZE - 16, __ATOMIC_RELAXED);
		__atomic_store_n(&t->len, 0x100000, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_changes_under_our_eyes(void **state)
{
	pthread_t other;

	(void)state;
	set_desc(1, 0x40000, 16, 0, 0);
	drv_publish(&d, 1, 1);
	vring_waiting(&vr);
	flip_stop = false;
	pthread_create(&other, NULL, flip, drv_desc(&d, 1, 1));
	for (int i = 0; i < 300000; i++) {
		vm->state = VM_RUNNING;
		if (peek(0, false))
			continue;
		/* Accepted: then inside RAM, whatever it says by now. */
		assert_true(list.seg[0].data >= vm->ram[0].hva);
		assert_true(list.seg[0].data + list.seg[0].len <= vm->ram[0].hva + RAM_SIZE);
	}
	__atomic_store_n(&flip_stop, true, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_setup_refuses, setup),
		cmocka_unit_test_setup(test_chain, setup),
		cmocka_unit_test_setup(test_hostile_chains, setup),
		cmocka_unit_test_setup(test_read_only_where_write_is_due, setup),
		cmocka_unit_test_setup(test_head_beyond_table, setup),
		cmocka_unit_test_setup(test_loop_of_many, setup),
		cmocka_unit_test_setup(test_indirect, setup),
		cmocka_unit_test_setup(test_two_pieces_of_ram, setup),
		cmocka_unit_test_setup(test_work_is_looked_for_once, setup),
		cmocka_unit_test_setup(test_index_jump, setup),
		cmocka_unit_test_setup(test_list_overflow, setup),
		cmocka_unit_test_setup(test_wrap_and_used_event, setup),
		cmocka_unit_test_setup(test_asked_late, setup),
		cmocka_unit_test_setup(test_flags_instead_of_events, setup),
		cmocka_unit_test_setup(test_avail_event, setup),
		cmocka_unit_test_setup(test_no_lost_kick, setup),
		cmocka_unit_test_setup(test_changes_under_our_eyes, setup),
	};
	int failed = cmocka_run_group_tests_name("vring", tests, NULL, NULL);

	fake_reset();
	return failed;
}
