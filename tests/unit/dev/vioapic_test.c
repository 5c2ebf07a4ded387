/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOAPIC: edge and level, remote IRR, mask, and the mirror of a machine pin: nothing lost,
 * nothing twice.
 */
#include "fake.h"

#include "vm/irq.h"

#define MASKED     0x10000
#define LEVEL      0x8000
#define REMOTE_IRR 0x4000
#define LOW        0x2000

#define PIN  10
#define PHYS 11
#define VEC  0x41

static struct vioapic *const io = &fake_vm.ioapic;
static struct vlapic *const apic = &fake_vm.lapic;

static uint32_t rd(uint32_t reg)
{
	vioapic_mmio_write(io, 0, reg);
	return vioapic_mmio_read(io, 0x10);
}

static void wr(uint32_t reg, uint32_t val)
{
	vioapic_mmio_write(io, 0, reg);
	vioapic_mmio_write(io, 0x10, val);
}

static uint32_t rte(unsigned int pin)
{
	return rd(0x10 + 2 * pin);
}

static void set_rte(unsigned int pin, uint32_t val)
{
	wr(0x10 + 2 * pin, val);
}

static int setup(void **state)
{
	fake_reset(state);
	vlapic_mmio_write(apic, 0xf0, 0x1ff);
	return 0;
}

/* The CPU takes what pends. Returns the vector or -1. */
static int take(void)
{
	int vector = vlapic_pending(apic);

	if (vector >= 0) {
		vlapic_pv_eoi_before_entry(apic, vector);
		vlapic_accept(apic, vector);
		vlapic_pv_eoi_after_exit(apic, true);
	}
	return vector;
}

static void eoi(void)
{
	vlapic_mmio_write(apic, 0xb0, 0);
}

/* ---- registers ---- */

static void registers(void **state)
{
	(void)state;
	assert_int_equal(rd(0), 0x01000000);
	assert_int_equal(rd(1), 0x00170011);
	wr(1, 0);
	assert_int_equal(rd(1), 0x00170011);
	wr(0, 0xffffffff);
	assert_int_equal(rd(0), 0x0f000000);
	assert_int_equal(rd(2), 0x0f000000);
	for (unsigned int p = 0; p < 24; p++)
		assert_int_equal(rte(p), MASKED);
	set_rte(3, 0xffffffff);
	assert_int_equal(rte(3), 0x1ffff & ~0x5000); /* status and remote IRR are read-only */
	wr(0x10 + 7, 0xffffffff);
	assert_int_equal(rd(0x10 + 7), 0xff000000);
	assert_int_equal(rte(3), 0x1ffff & ~0x5000);
}

static void everything_else_is_harmless(void **state)
{
	(void)state;
	for (uint32_t reg = 3; reg < 256; reg++)
		if (reg < 0x10 || reg >= 0x40) {
			wr(reg, 0xffffffff);
			assert_int_equal(rd(reg), 0);
		}
	for (uint32_t off = 1; off < 4096; off++)
		if (off != 0x10) {
			vioapic_mmio_write(io, off, 0xffffffff);
			assert_int_equal(vioapic_mmio_read(io, off), 0);
		}
	for (unsigned int p = 0; p < 24; p++)
		assert_int_equal(rte(p), MASKED);
	vm_pin_set(&fake_vm, 24, true);
	vm_pin_set(&fake_vm, ~0U, true);
	assert_int_equal(take(), -1);
}

/* ---- edge ---- */

static void edge(void **state)
{
	(void)state;
	set_rte(PIN, VEC);
	fake_vm.vcpu.halted = true;
	vm_pin_set(&fake_vm, PIN, true);
	assert_false(fake_vm.vcpu.halted);
	assert_int_equal(take(), VEC);
	vm_pin_set(&fake_vm, PIN, true); /* same level: no edge */
	eoi();
	assert_int_equal(take(), -1);
	assert_int_equal(rte(PIN), VEC);
	vm_pin_set(&fake_vm, PIN, false);
	assert_int_equal(take(), -1);
	vm_pin_set(&fake_vm, PIN, true);
	vm_pin_set(&fake_vm, PIN, false);
	assert_int_equal(take(), VEC); /* latched in the IRR */
	assert_int_equal(io->pin[PIN].count, 2);
}

static void edge_while_masked_is_lost(void **state)
{
	(void)state;
	set_rte(PIN, MASKED | VEC);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(take(), -1);
	set_rte(PIN, VEC);
	assert_int_equal(take(), -1);
	vm_pin_set(&fake_vm, PIN, false);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(take(), VEC);
}

static void delivery_modes(void **state)
{
	(void)state;
	for (unsigned int mode = 0; mode < 8; mode++) {
		set_rte(PIN, mode << 8 | VEC);
		vm_pin_set(&fake_vm, PIN, true);
		vm_pin_set(&fake_vm, PIN, false);
		assert_int_equal(take(), mode <= 1 ? VEC : -1);
		eoi();
	}
}

/* ---- level ---- */

static void level(void **state)
{
	(void)state;
	set_rte(PIN, LEVEL | LOW | VEC);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(rte(PIN), LEVEL | LOW | VEC | REMOTE_IRR);
	assert_int_equal(take(), VEC);
	vm_pin_set(&fake_vm, PIN, false);
	vm_pin_set(&fake_vm, PIN, true); /* again, before the EOI: one delivery at it */
	assert_int_equal(io->pin[PIN].count, 1);
	eoi();
	assert_int_equal(io->pin[PIN].count, 2);
	assert_int_equal(take(), VEC);
	vm_pin_set(&fake_vm, PIN, false);
	eoi();
	assert_int_equal(take(), -1);
	assert_int_equal(rte(PIN), LEVEL | LOW | VEC);
}

static void level_while_masked_is_kept(void **state)
{
	(void)state;
	set_rte(PIN, MASKED | LEVEL | VEC);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(take(), -1);
	set_rte(PIN, LEVEL | VEC);
	assert_int_equal(take(), VEC);
	set_rte(PIN, MASKED | LEVEL | VEC); /* Linux masks in the handler, ends, unmasks */
	eoi();
	assert_int_equal(take(), -1);
	set_rte(PIN, LEVEL | VEC);
	assert_int_equal(take(), VEC); /* the line is still high */
	vm_pin_set(&fake_vm, PIN, false);
	eoi();
	assert_int_equal(take(), -1);
}

/* The write of an RTE with the interrupt in service does not deliver it a second time. */
static void rewrite_in_service(void **state)
{
	(void)state;
	set_rte(PIN, LEVEL | VEC);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(take(), VEC);
	set_rte(PIN, LEVEL | VEC);
	wr(0x11 + 2 * PIN, 0x01000000);
	assert_int_equal(io->pin[PIN].count, 1);
	/* Edge and back clears remote IRR; the line is high, so it comes again. */
	set_rte(PIN, MASKED | VEC);
	assert_int_equal(rte(PIN), MASKED | VEC);
	set_rte(PIN, LEVEL | VEC);
	assert_int_equal(io->pin[PIN].count, 2);
}

static void eoi_by_vector(void **state)
{
	(void)state;
	set_rte(4, LEVEL | VEC); /* two pins share a vector, a third has its own */
	set_rte(5, LEVEL | VEC);
	set_rte(6, LEVEL | 0x52);
	vm_pin_set(&fake_vm, 4, true);
	vm_pin_set(&fake_vm, 5, true);
	vm_pin_set(&fake_vm, 6, true);
	vm_pin_set(&fake_vm, 4, false);
	vm_pin_set(&fake_vm, 5, false);
	assert_int_equal(take(), 0x52);
	eoi(); /* still high: delivered again */
	assert_int_equal(rte(4), LEVEL | VEC | REMOTE_IRR);
	assert_int_equal(io->pin[6].count, 2);
	vm_pin_set(&fake_vm, 6, false);
	assert_int_equal(take(), 0x52);
	eoi();
	assert_int_equal(take(), VEC);
	eoi();
	assert_int_equal(rte(4), LEVEL | VEC);
	assert_int_equal(rte(5), LEVEL | VEC);
	assert_int_equal(take(), -1);
}

static void local_apic_off_and_on(void **state)
{
	(void)state;
	vlapic_mmio_write(apic, 0xf0, 0xff);
	set_rte(PIN, LEVEL | VEC);
	vm_pin_set(&fake_vm, PIN, true);
	assert_int_equal(rte(PIN), LEVEL | VEC); /* not taken: no EOI will come */
	vlapic_mmio_write(apic, 0xf0, 0x1ff);
	assert_int_equal(take(), VEC);
	assert_int_equal(rte(PIN), LEVEL | VEC | REMOTE_IRR);
}

/* ---- mirror ---- */

static void mirror_copies_mode(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	assert_true(fake_pins[PHYS].masked);
	assert_int_equal(fake_pins[PHYS].routed, 1);
	set_rte(PIN, LEVEL | LOW | VEC);
	assert_true(fake_pins[PHYS].level && fake_pins[PHYS].active_low && !fake_pins[PHYS].masked);
	set_rte(PIN, VEC);
	assert_false(fake_pins[PHYS].level || fake_pins[PHYS].active_low || fake_pins[PHYS].masked);
	set_rte(PIN, MASKED | VEC);
	assert_true(fake_pins[PHYS].masked);
	set_rte(PIN + 1, VEC);
	assert_true(fake_pins[PIN + 1].masked); /* only the mirrored one */
}

static void mirror_level(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	set_rte(PIN, LEVEL | VEC);
	assert_true(fake_pin_drive(PHYS, true));
	assert_true(fake_pins[PHYS].masked);
	assert_int_equal(take(), VEC);
	assert_false(fake_pin_poll(PHYS)); /* masked till the EOI */
	eoi();
	assert_false(fake_pins[PHYS].masked);
	assert_true(fake_pin_poll(PHYS)); /* the device still asserts */
	assert_int_equal(take(), VEC);
	fake_pin_drive(PHYS, false);
	eoi();
	assert_false(fake_pin_poll(PHYS));
	assert_int_equal(take(), -1);
	assert_int_equal(io->pin[PIN].count, 2);
}

static void mirror_level_while_masked(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	assert_false(fake_pin_drive(PHYS, true)); /* before the driver opens the pin */
	set_rte(PIN, LEVEL | VEC);
	assert_true(fake_pin_poll(PHYS));
	assert_int_equal(take(), VEC);
	set_rte(PIN, MASKED | LEVEL | VEC); /* masked in the handler, ended, opened */
	eoi();
	assert_true(fake_pins[PHYS].masked);
	assert_false(fake_pin_poll(PHYS));
	set_rte(PIN, LEVEL | VEC);
	assert_true(fake_pin_poll(PHYS));
	assert_int_equal(take(), VEC);
	fake_pin_drive(PHYS, false);
	eoi();
	assert_false(fake_pins[PHYS].masked);
}

/* The machine's interrupt was on its way when the VM masked its pin. */
static void mirror_race_with_mask(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	set_rte(PIN, LEVEL | VEC);
	set_rte(PIN, MASKED | LEVEL | VEC);
	fake_pins[PHYS].line = true;
	vioapic_phys_irq(io, PIN); /* the handler ran all the same */
	assert_int_equal(take(), -1);
	assert_true(fake_pins[PHYS].masked);
	set_rte(PIN, LEVEL | VEC);
	assert_true(fake_pin_poll(PHYS));
	assert_int_equal(take(), VEC);
	eoi();
	fake_pin_drive(PHYS, false);
	/* The same, but the device has taken its line back meanwhile: no spurious interrupt. */
	set_rte(PIN, MASKED | LEVEL | VEC);
	vioapic_phys_irq(io, PIN);
	set_rte(PIN, LEVEL | VEC);
	assert_false(fake_pin_poll(PHYS));
	eoi();
	assert_int_equal(take(), -1);
	assert_true(fake_pin_drive(PHYS, true)); /* and it still works */
	assert_int_equal(take(), VEC);
}

/*
 * Opening the virtual pin with the interrupt in service leaves the machine's pin masked till the
 * EOI.
 */
static void mirror_rewrite_in_service(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	set_rte(PIN, LEVEL | VEC);
	fake_pin_drive(PHYS, true);
	assert_int_equal(take(), VEC);
	set_rte(PIN, MASKED | LEVEL | VEC);
	set_rte(PIN, LEVEL | VEC);
	assert_true(fake_pins[PHYS].masked);
	assert_int_equal(io->pin[PIN].count, 1);
	fake_pin_drive(PHYS, false);
	eoi();
	assert_false(fake_pins[PHYS].masked);
	assert_int_equal(take(), -1);
}

static void mirror_with_local_apic_off(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	set_rte(PIN, LEVEL | VEC);
	vlapic_mmio_write(apic, 0xf0, 0xff);
	assert_true(fake_pin_drive(PHYS, true));
	assert_int_equal(take(), -1);
	vlapic_mmio_write(apic, 0xf0, 0x1ff);
	assert_int_equal(take(), VEC);
	fake_pin_drive(PHYS, false);
	eoi();
	assert_false(fake_pins[PHYS].masked);
}

static void mirror_edge(void **state)
{
	(void)state;
	vioapic_map(io, PIN, PHYS);
	set_rte(PIN, VEC);
	assert_true(fake_pin_drive(PHYS, true));
	assert_false(fake_pins[PHYS].masked);
	assert_int_equal(take(), VEC);
	fake_pin_drive(PHYS, false);
	assert_true(fake_pin_drive(PHYS, true));
	eoi();
	assert_int_equal(take(), VEC);
	eoi();
	assert_int_equal(io->pin[PIN].count, 2);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(registers),
		T(everything_else_is_harmless),
		T(edge),
		T(edge_while_masked_is_lost),
		T(delivery_modes),
		T(level),
		T(level_while_masked_is_kept),
		T(rewrite_in_service),
		T(eoi_by_vector),
		T(local_apic_off_and_on),
		T(mirror_copies_mode),
		T(mirror_level),
		T(mirror_level_while_masked),
		T(mirror_race_with_mask),
		T(mirror_rewrite_in_service),
		T(mirror_with_local_apic_off),
		T(mirror_edge),
	};

	return cmocka_run_group_tests_name("vioapic", tests, NULL, NULL);
}
