/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC: what its registers take, which vector comes first, what an EOI ends, where
 * commands go.
 */
#include "vlapic_msr.h"

#include <string.h>

#include "vm/irq.h"

/* ---- registers and modes ---- */

static void starts_disabled_in_xapic_mode(void **state)
{
	uint64_t val = 42;

	fake_reset(state);
	assert_int_equal(rd(BASE), XAPIC);
	assert_false(vlapic_msr_read(apic, X2(2), &val));
	assert_int_equal(val, 42);
	assert_int_equal(vlapic_mmio_read(apic, 0x20), 0);
	assert_int_equal(vlapic_mmio_read(apic, 0x30), 0x50014);
	assert_int_equal(vlapic_mmio_read(apic, 0xf0), 0xff);
	for (uint32_t off = 0x320; off <= 0x370; off += 16)
		assert_int_equal(vlapic_mmio_read(apic, off), MASKED);
	assert_false(vlapic_raise(apic, 0x40, false));
	assert_int_equal(vlapic_pending(apic), -1);
}

static void mode_switches(void **state)
{
	fake_reset(state);
	wr(BASE, XAPIC);
	wr(BASE, X2APIC);
	wr(BASE, X2APIC);
	refused(BASE, XAPIC);
	wr(BASE, OFF);
	refused(BASE, X2APIC);
	refused(BASE, OFF | 0x400); /* EXTD without EN */
	wr(BASE, XAPIC);
	refused(BASE, XAPIC | 0x1000); /* the page does not move */
	refused(BASE, XAPIC | 1);
	refused(BASE, XAPIC | 1UL << 52);
	wr(BASE, XAPIC & ~0x100UL); /* the BSP bit stays */
	assert_int_equal(rd(BASE), XAPIC);
}

static void disabling_resets(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x40, true);
	wr(LVTT, PERIODIC | 0x50);
	wr(INITIAL, 1000000);
	assert_true(fake_timer_armed());
	wr(BASE, OFF);
	assert_false(fake_timer_armed());
	assert_int_equal(vlapic_pending(apic), -1);
	assert_int_equal(vlapic_mmio_read(apic, 0x30), 0xffffffff);
	wr(BASE, XAPIC);
	assert_int_equal(vlapic_mmio_read(apic, 0xf0), 0xff);
	assert_int_equal(vlapic_mmio_read(apic, 0x220), 0);
}

static void page_is_closed_in_x2apic_mode(void **state)
{
	(void)state;
	assert_int_equal(vlapic_mmio_read(apic, 0x20), 0xffffffff);
	vlapic_mmio_write(apic, 0x80, 0x50);
	assert_int_equal(rd(TPR), 0);
}

/* What Linux reads, and every register that is not there or cannot be written. */
static void x2apic_registers(void **state)
{
	static const uint8_t readable[] = { 0x02, 0x03, 0x08, 0x0a, 0x0d, 0x0f, 0x28, 0x30, 0x38,
					    0x39, 0x3e, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37 };
	bool there[256] = { false };
	uint64_t val;

	(void)state;
	assert_int_equal(rd(X2(2)), 0);
	assert_int_equal(rd(X2(3)), 0x50014);
	assert_int_equal(rd(LDR), 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(readable); i++)
		there[readable[i]] = true;
	memset(there + 0x10, true, 24);
	for (unsigned int i = 0; i < 256; i++)
		assert_int_equal(vlapic_msr_read(apic, X2(i), &val), there[i]);
	assert_false(vlapic_msr_read(apic, 0x900, &val));
	assert_false(vlapic_msr_read(apic, 0x7ff, &val));
}

static void reserved_bits_are_refused(void **state)
{
	static const uint8_t read_only[] = {
		0x02, 0x03, 0x09, 0x0a, 0x0c, 0x0d, 0x0e, 0x2f, 0x31, 0x39,
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(read_only); i++)
		refused(X2(read_only[i]), 0);
	for (unsigned int i = 0x10; i < 0x28; i++)
		refused(X2(i), 0);
	refused(TPR, 0x100);
	refused(EOI, 1);
	refused(SVR, 0x1000 | ENABLED);
	refused(ESR, 1);
	refused(ICR, 0x1000);
	refused(ICR, 0x2000);
	refused(ICR, 1 << 20);
	refused(LVTT, 1 << 19);
	refused(LVTT, 0x100);
	refused(LVTERR, 0x700);
	refused(INITIAL, 1UL << 32);
	refused(DIVIDE, 4);
	refused(SELF, 0x100);
	refused(X2(0x40), 0);
	refused(PV_EOI, WORD_GPA | 2);
	refused(PV_EOI, 0xdead0000 | 1); /* not RAM */
	refused(PV_EOI, ~0UL & ~2UL);
}

static void error_status(void **state)
{
	(void)state;
	wr(SELF, 5);
	assert_int_equal(rd(ESR), 0); /* latched by a write only */
	wr(ESR, 0);
	assert_int_equal(rd(ESR), 0x20);
	wr(ESR, 0);
	assert_int_equal(rd(ESR), 0);
	assert_false(vlapic_raise(apic, 15, false));
	assert_false(vlapic_raise(apic, 256, false));
	wr(ESR, 0);
	assert_int_equal(rd(ESR), 0x40);
}

static void software_disable_masks(void **state)
{
	(void)state;
	wr(LINT0, 0x700);
	wr(SVR, 0xff);
	assert_int_equal(rd(LINT0), MASKED | 0x700);
	wr(LINT0, 0x700);
	assert_int_equal(rd(LINT0), MASKED | 0x700);
	assert_false(vlapic_raise(apic, 0x40, false));
	wr(SVR, ENABLED);
	wr(LINT0, 0x700);
	assert_int_equal(rd(LINT0), 0x700);
	assert_true(vlapic_raise(apic, 0x40, false));
}

/* What was taken before waits for the APIC to be enabled again. */
static void software_disable_holds(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x40, false);
	wr(SVR, 0xff);
	assert_int_equal(vlapic_pending(apic), -1);
	assert_true(bit(IRR, 0x40));
	wr(SVR, ENABLED);
	assert_int_equal(take(), 0x40);
}

/* ---- priorities ---- */

static void highest_first(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x31, false);
	vlapic_raise(apic, 0xef, false);
	vlapic_raise(apic, 0x80, false);
	assert_int_equal(take(), 0xef);
	assert_int_equal(vlapic_pending(apic), -1);
	assert_true(bit(ISR, 0xef));
	assert_false(bit(IRR, 0xef));
	wr(EOI, 0);
	assert_int_equal(take(), 0x80);
	wr(EOI, 0);
	assert_int_equal(take(), 0x31);
	wr(EOI, 0);
	assert_int_equal(take(), -1);
	assert_int_equal(apic->eois, 3);
}

/* Every vector that there is, raised in an order that jumps from word to word. */
static void each_vector_in_its_turn(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		if (i * 37 % 256 >= 16)
			vlapic_raise(apic, i * 37 % 256, false);
	for (int vector = 255; vector >= 16; vector--) {
		assert_int_equal(take(), vector);
		wr(EOI, 0);
	}
	assert_int_equal(take(), -1);
	assert_false(vlapic_has_request(apic));
}

/*
 * Priority is the class (bits 7:4): the same class waits, a higher one nests. EOI ends the highest.
 */
static void nesting(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x41, false);
	assert_int_equal(take(), 0x41);
	vlapic_raise(apic, 0x4f, false);
	assert_int_equal(take(), -1);
	vlapic_raise(apic, 0x50, false);
	assert_int_equal(take(), 0x50);
	assert_int_equal(rd(PPR), 0x50);
	wr(EOI, 0);
	assert_false(bit(ISR, 0x50));
	assert_true(bit(ISR, 0x41));
	assert_int_equal(rd(PPR), 0x40);
	assert_int_equal(take(), -1);
	wr(EOI, 0);
	assert_int_equal(take(), 0x4f);
	wr(EOI, 0);
	wr(EOI, 0); /* nothing in service: harmless */
	assert_int_equal(rd(PPR), 0);
}

static void task_priority(void **state)
{
	(void)state;
	fake_vm.vcpu.halted = true;
	wr(TPR, 0x57);
	vlapic_raise(apic, 0x5f, false);
	assert_int_equal(vlapic_pending(apic), -1);
	assert_true(fake_vm.vcpu.halted); /* what cannot be delivered wakes nobody */
	assert_int_equal(rd(PPR), 0x57);
	vlapic_raise(apic, 0x60, false);
	assert_false(fake_vm.vcpu.halted);
	assert_int_equal(take(), 0x60);
	assert_int_equal(rd(PPR), 0x60);
	wr(EOI, 0);
	vlapic_cr8_write(apic, 4);
	assert_int_equal(rd(TPR), 0x40);
	assert_int_equal(vlapic_cr8_read(apic), 4);
	assert_int_equal(take(), 0x5f);
}

static void every_vector(void **state)
{
	(void)state;
	for (unsigned int v = 16; v < 256; v++) {
		assert_true(vlapic_raise(apic, v, false));
		assert_true(bit(IRR, v));
		assert_int_equal(take(), v);
		wr(EOI, 0);
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(rd(ISR + i) | rd(IRR + i), 0);
}

/* The trigger mode is that of the last interrupt with the vector. */
static void trigger_mode(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x40, true);
	assert_true(bit(TMR, 0x40));
	assert_int_equal(take(), 0x40);
	wr(EOI, 0);
	vlapic_raise(apic, 0x40, false);
	assert_false(bit(TMR, 0x40));
	assert_true(bit(IRR, 0x40));
}

/* An interrupt between the delivery and its bookkeeping is a second one. */
static void raised_while_delivered(void **state)
{
	(void)state;
	vlapic_raise(apic, 0x40, false);
	vlapic_pv_eoi_before_entry(apic, 0x40);
	vlapic_raise(apic, 0x40, false);
	vlapic_accept(apic, 0x40);
	vlapic_pv_eoi_after_exit(apic, true);
	assert_true(bit(ISR, 0x40));
	assert_true(bit(IRR, 0x40));
	wr(EOI, 0);
	assert_int_equal(take(), 0x40);
	wr(EOI, 0);
	assert_int_equal(take(), -1);
}

/* ---- commands ---- */

static bool arrives(uint64_t icr)
{
	bool got;

	wr(ICR, icr);
	assert_int_equal(rd(ICR), icr);
	got = bit(IRR, icr & 0xff);
	if (got) {
		assert_int_equal(take(), icr & 0xff);
		wr(EOI, 0);
	}
	return got;
}

static void x2apic_commands(void **state)
{
	(void)state;
	assert_true(arrives(0x40));              /* physical, id 0 */
	assert_false(arrives(1UL << 32 | 0x40)); /* id 1 */
	assert_true(arrives(0xffffffffUL << 32 | 0x40));
	assert_true(arrives(1UL << 32 | 0x840)); /* logical, cluster 0 member 0 */
	assert_false(arrives(2UL << 32 | 0x840));
	assert_false(arrives(0x10001UL << 32 | 0x840)); /* cluster 1 */
	assert_true(arrives(0x40040));                  /* shorthands: self, all, all but self */
	assert_true(arrives(0x80040));
	assert_false(arrives(0xc0040));
	assert_true(arrives(0x140));  /* lowest priority */
	assert_false(arrives(0x440)); /* NMI, INIT, start-up: nobody */
	assert_false(arrives(1UL << 32 | 0x4540));
	assert_false(arrives(1UL << 32 | 0x4640));
	wr(SELF, 0x99);
	assert_int_equal(take(), 0x99);
}

static bool arrives_xapic(uint8_t dest, uint32_t low)
{
	bool got;

	vlapic_mmio_write(apic, 0x310, (uint32_t)dest << 24);
	vlapic_mmio_write(apic, 0x300, low);
	got = vlapic_mmio_read(apic, 0x220) & 1; /* IRR, vector 0x40 */
	if (take() >= 0)
		vlapic_mmio_write(apic, 0xb0, 0);
	return got;
}

static void xapic_commands(void **state)
{
	fake_reset(state);
	vlapic_mmio_write(apic, 0xf0, ENABLED);
	assert_true(arrives_xapic(0, 0x40));
	assert_false(arrives_xapic(1, 0x40));
	assert_true(arrives_xapic(0xff, 0x40));
	assert_false(arrives_xapic(2, 0x840)); /* logical id still 0 */
	vlapic_mmio_write(apic, 0xd0, 0x02ffffff);
	assert_int_equal(vlapic_mmio_read(apic, 0xd0), 0x02000000);
	assert_true(arrives_xapic(6, 0x840)); /* flat */
	assert_false(arrives_xapic(5, 0x840));
	vlapic_mmio_write(apic, 0xe0, 0); /* cluster model */
	assert_int_equal(vlapic_mmio_read(apic, 0xe0), 0x0fffffff);
	assert_true(arrives_xapic(2, 0x840));
	assert_false(arrives_xapic(0x12, 0x840));
	assert_true(arrives_xapic(0, 0x41040)); /* delivery status is ignored here */
	vlapic_mmio_write(apic, 0x84, 0x70);    /* not a register */
	assert_int_equal(vlapic_mmio_read(apic, 0x80), 0);
	vlapic_mmio_write(apic, 0xffc, 1);
	assert_int_equal(vlapic_mmio_read(apic, 0xff0), 0);
}

static void messages(void **state)
{
	(void)state;
	fake_vm.vcpu.halted = true;
	vm_msi_raise(&fake_vm, FAKE_RAM_GPA, 0x40);
	vm_msi_raise(&fake_vm, 0x1fee00000, 0x40);
	vm_msi_raise(&fake_vm, 0xfee00000, 0x440); /* NMI */
	assert_true(fake_vm.vcpu.halted);
	vm_msi_raise(&fake_vm, 0xfeeff00c, 0x40);
	assert_false(fake_vm.vcpu.halted);
	assert_int_equal(take(), 0x40);
	assert_false(bit(TMR, 0x40));
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(starts_disabled_in_xapic_mode),
		T(mode_switches),
		T(disabling_resets),
		T(page_is_closed_in_x2apic_mode),
		T(x2apic_registers),
		T(reserved_bits_are_refused),
		T(error_status),
		T(software_disable_masks),
		T(software_disable_holds),
		T(highest_first),
		T(each_vector_in_its_turn),
		T(nesting),
		T(task_priority),
		T(every_vector),
		T(trigger_mode),
		T(raised_while_delivered),
		T(x2apic_commands),
		T(xapic_commands),
		T(messages),
	};

	return cmocka_run_group_tests_name("vlapic", tests, NULL, NULL);
}
