/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PV-EOI: when the guest may end an interrupt in memory, and that the hypervisor sees exactly
 * those.
 */
#include "vlapic_msr.h"

static uint32_t *word(void)
{
	return (uint32_t *)(fake_ram + WORD_GPA - FAKE_RAM_GPA);
}

/*
 * A run in which the guest takes the vector if delivered, and ends it in memory if it can and
 * shall.
 */
static void run(bool delivered, bool guest_ends)
{
	int vector = vlapic_pending(apic);

	vlapic_pv_eoi_before_entry(apic, vector);
	if (guest_ends && *word() & 1)
		*word() &= ~1U;
	if (delivered && vector >= 0)
		vlapic_accept(apic, vector);
	vlapic_pv_eoi_after_exit(apic, delivered && vector >= 0);
	assert_int_equal(*word() & 1, 0);
}

static void pv_eoi_without_exit(void **state)
{
	(void)state;
	wr(PV_EOI, WORD_GPA | 1);
	assert_int_equal(rd(PV_EOI), WORD_GPA | 1);
	*word() = 0xabcd0000; /* only the lowest bit is ours */
	vlapic_raise(apic, 0x40, false);
	run(true, true);
	assert_int_equal(apic->pv_eois, 1);
	assert_int_equal(apic->eois, 0);
	assert_false(bit(ISR, 0x40));
	assert_int_equal(*word(), 0xabcd0000);
}

static void pv_eoi_not_used_by_guest(void **state)
{
	(void)state;
	wr(PV_EOI, WORD_GPA | 1);
	vlapic_raise(apic, 0x40, false);
	run(true, false); /* an exit inside the handler */
	assert_true(bit(ISR, 0x40));
	run(true, true); /* nothing new; the one in service ends now */
	assert_false(bit(ISR, 0x40));
	assert_int_equal(apic->pv_eois, 1);
	vlapic_raise(apic, 0x40, false);
	run(true, false);
	wr(EOI, 0); /* by register after all */
	assert_false(bit(ISR, 0x40));
	assert_int_equal(apic->eois, 1);
}

static void pv_eoi_not_delivered(void **state)
{
	(void)state;
	wr(PV_EOI, WORD_GPA | 1);
	vlapic_raise(apic, 0x40, false);
	run(false, false);
	assert_true(bit(IRR, 0x40));
	run(false, true); /* a guest that clears the word with nothing in service ends nothing */
	assert_int_equal(apic->pv_eois, 0);
	assert_true(bit(IRR, 0x40));
	assert_int_equal(vlapic_pending(apic), 0x40);
}

/*
 * Two in service: the end of the upper one must be seen, or the lower one's would be taken for
 * it.
 */
static void pv_eoi_not_for_nested(void **state)
{
	(void)state;
	wr(PV_EOI, WORD_GPA | 1);
	vlapic_raise(apic, 0x40, false);
	run(true, false);
	vlapic_raise(apic, 0x80, false);
	run(true, true);
	assert_true(bit(ISR, 0x80));
	run(true, true);
	assert_int_equal(apic->pv_eois, 0);
	wr(EOI, 0);
	assert_true(bit(ISR, 0x40));
	run(true, true); /* alone again */
	assert_int_equal(apic->pv_eois, 1);
	assert_false(bit(ISR, 0x40));
}

static void pv_eoi_refused(void **state)
{
	(void)state;
	wr(PV_EOI, WORD_GPA | 1);
	vlapic_raise(apic, 0x40, true); /* level */
	run(true, true);
	assert_true(bit(ISR, 0x40));
	wr(EOI, 0);
	vlapic_raise(apic, 0x40, false); /* another one waits */
	vlapic_raise(apic, 0x30, false);
	run(true, true);
	assert_true(bit(ISR, 0x40));
	run(true, true);
	assert_true(bit(ISR, 0x40));
	vlapic_raise(apic, 0x80, false); /* nested: 0x40 in service, 0x30 waits */
	run(true, true);
	assert_true(bit(ISR, 0x80));
	wr(EOI, 0);
	wr(EOI, 0);
	assert_int_equal(take(), 0x30);
	wr(EOI, 0);
	assert_int_equal(apic->pv_eois, 0);
	wr(PV_EOI, 0); /* off */
	vlapic_raise(apic, 0x40, false);
	run(true, true);
	assert_true(bit(ISR, 0x40));
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(pv_eoi_without_exit),   T(pv_eoi_not_used_by_guest), T(pv_eoi_not_delivered),
		T(pv_eoi_not_for_nested), T(pv_eoi_refused),
	};

	return cmocka_run_group_tests_name("vlapic_pv_eoi", tests, NULL, NULL);
}
