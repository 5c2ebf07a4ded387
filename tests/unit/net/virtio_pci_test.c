/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual PCI bus and the registers of a virtio device, driven the way Linux 6.1 does it:
 * enumeration, capability walk, reset, negotiation, queues, MSI-X and INTA; and driven wrong.
 */
#include "fake.h"

#include "net/poll.h"

static struct vm *vm;
static struct virtio_net card, *vn = &card;
static struct net_switch sw;
static uint16_t io;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&sw, 0, sizeof(sw));
	poll_init(&sw);
	vm = fake_vm(1);
	memset(vn, 0, sizeof(*vn));
	assert_int_equal(virtio_net_add(vn, &sw, vm, SLOT, PIN), 0);
	cfg_out(vm, 4, 2, 7);
	io = cfg_in(vm, 0x10, 4) & 0xff00;
	return 0;
}

static uint32_t common(unsigned int off, unsigned int size)
{
	return vm_in(vm, io + off, size);
}

static void set(unsigned int off, unsigned int size, uint32_t val)
{
	vm_out(vm, io + off, size, val);
}

static void test_bus(void **state)
{
	uint32_t val;

	(void)state;
	vm_out(vm, 0xcfb, 1, 1); /* Linux's test of mechanism 1: a byte access must not count */
	vm_out(vm, 0xcf8, 4, 0x80000000);
	assert_int_equal(vm_in(vm, 0xcf8, 4), 0x80000000);
	assert_int_equal(vm_in(vm, 0xcfc, 4), 0x12378086); /* host bridge */
	vm_out(vm, 0xcf8, 4, 0x80000008);
	assert_int_equal(vm_in(vm, 0xcfe, 2), 0x0600);
	assert_int_equal(vm_in(vm, 0xcff, 1), 0x06);
	vm_out(vm, 0xcf8, 4, 0x80000000 | 9 << 11); /* absent slot, function, bus, disabled */
	assert_int_equal(vm_in(vm, 0xcfc, 4), 0xffffffff);
	assert_int_equal(vm_in(vm, 0xcfc, 2), 0xffff);
	vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | 1 << 8);
	assert_int_equal(vm_in(vm, 0xcfc, 4), 0xffffffff);
	vm_out(vm, 0xcf8, 4, 0x80010000 | SLOT << 11);
	assert_int_equal(vm_in(vm, 0xcfc, 4), 0xffffffff);
	vm_out(vm, 0xcf8, 4, SLOT << 11);
	assert_int_equal(vm_in(vm, 0xcfc, 4), 0xffffffff);
	vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11);
	assert_int_equal(vm_in(vm, 0xcff, 2), 0xffff); /* crosses the dword */
	assert_false(vpci_io(vm, 0x3f8, 1, false, &val));
	assert_int_equal(vpci_add(vm, &vn->pci.dev), -17);
}

static void test_identity_and_bars(void **state)
{
	(void)state;
	assert_int_equal(cfg_in(vm, 0, 4), 0x10411af4);
	assert_int_equal(cfg_in(vm, 8, 4), 0x02000001);
	assert_int_equal(cfg_in(vm, 0xe, 1), 0);
	assert_int_equal(cfg_in(vm, 0x2c, 4), 0x11001af4);
	assert_int_equal(cfg_in(vm, 0x3d, 1), 1);
	cfg_out(vm, 0, 4, 0);
	assert_int_equal(cfg_in(vm, 0, 4), 0x10411af4);
	cfg_out(vm, 4, 2, 0x400); /* Linux's test of INTx disable */
	assert_int_equal(cfg_in(vm, 4, 2), 0x400);
	for (unsigned int off = 0x10; off <= 0x30; off += 4) {
		uint32_t old = cfg_in(vm, off, 4), size;

		if (off == 0x28 || off == 0x2c)
			continue;
		cfg_out(vm, off, 4, 0xffffffff);
		size = cfg_in(vm, off, 4);
		cfg_out(vm, off, 4, old);
		assert_int_equal(cfg_in(vm, off, 4), old);
		assert_int_equal(size, off == 0x10 ? 0xff01 : off == 0x14 ? 0xfffff000 : 0);
	}
}

/* The driver may move the BARs; the old place is empty then, and both are when decoding is off. */
static void test_bars_move(void **state)
{
	uint32_t val = 0;

	(void)state;
	cfg_out(vm, 0x10, 4, 0x1000);
	cfg_out(vm, 0x14, 4, 0xf0001000);
	assert_int_equal(cfg_in(vm, 0x10, 4), 0x1001);
	assert_true(vpci_io(vm, 0x1012, 2, false, &val));
	assert_int_equal(val, 2);
	assert_false(vpci_io(vm, io + 0x12, 2, false, &val));
	assert_true(vpci_mmio(vm, 0xf000100c, 4, false, &val));
	assert_int_equal(val, 1);
	assert_false(vpci_mmio(vm, 0xf0002000, 4, false, &val));
	cfg_out(vm, 4, 2, 4);
	assert_false(vpci_io(vm, 0x1012, 2, false, &val));
	assert_false(vpci_mmio(vm, 0xf0001000, 4, false, &val));
	cfg_out(vm, 4, 2, 3);
	cfg_out(vm, 0x10, 4, 0);
	assert_false(vpci_io(vm, 0x12, 2, false, &val)); /* 0 = not assigned */
}

/* virtio 1.2 4.1.4: what Linux looks for. */
static void test_capabilities(void **state)
{
	uint32_t seen = 0;
	unsigned int count = 0;

	(void)state;
	assert_int_equal(cfg_in(vm, 6, 2) & 0x10, 0x10);
	for (uint8_t at = cfg_in(vm, 0x34, 1); at; at = cfg_in(vm, at + 1, 1)) {
		uint8_t type = cfg_in(vm, at + 3, 1);

		assert_true(++count < 10);
		if (cfg_in(vm, at, 1) == 0x11) {
			assert_int_equal(cfg_in(vm, at + 2, 2), 1); /* two entries */
			assert_int_equal(cfg_in(vm, at + 4, 4), 1);
			assert_int_equal(cfg_in(vm, at + 8, 4), 0x801);
			seen |= 1;
			continue;
		}
		assert_int_equal(cfg_in(vm, at, 1), 9);
		assert_int_equal(cfg_in(vm, at + 4, 1), 0);
		assert_true(cfg_in(vm, at + 8, 4) + cfg_in(vm, at + 12, 4) <= 0x100);
		if (type == 1)
			assert_true(cfg_in(vm, at + 12, 4) >= 56);
		if (type == 2)
			assert_int_equal(cfg_in(vm, at + 16, 4), 4);
		seen |= 1u << type;
	}
	assert_int_equal(seen, 0x3f);
}

static void test_linux_probe(void **state)
{
	struct drv d;

	(void)state;
	drv_start(&d, vn, DRV_ALL);
	assert_int_equal(
		d.features,
		VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC |
			VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU |
			VIRTIO_NET_F_MAC | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
			VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 |
			VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS);
	assert_int_equal(common(0x14, 1), 0xf);
	for (int i = 0; i < 6; i++)
		assert_int_equal(vm_in(vm, io + 0x80 + i, 1), vm->mac[i]);
	assert_int_equal(vm_in(vm, io + 0x86, 2), 1); /* link is up */
	assert_int_equal(vm_in(vm, io + 0x8a, 2), 1500);
	assert_int_equal(vm_in(vm, io + 0x8c, 2), 0); /* behind the end */
	assert_int_equal(vm_in(vm, io + 0x9c, 4), 0);
	set(0x14, 1, 0);
	assert_int_equal(common(0x14, 1), 0);
	for (uint32_t q = 0; q < 2; q++) {
		set(0x16, 2, q);
		assert_int_equal(common(0x1c, 2), 0);
		assert_int_equal(common(0x18, 2), QSIZE);
		assert_int_equal(common(0x20, 4), 0);
		assert_int_equal(common(0x1a, 2), 0xffff);
	}
	set(0x16, 2, 2); /* no such queue */
	assert_int_equal(common(0x18, 2), 0);
	set(0x18, 2, 64);
	set(0x1c, 2, 1);
	assert_int_equal(common(0x1c, 2), 0);
	assert_int_equal(common(0x1a, 2), 0xffff);
	assert_int_equal(vm->state, VM_RUNNING);
}

static void negotiate(uint64_t features)
{
	set(0x14, 1, 0);
	set(0x14, 1, 3);
	for (uint32_t i = 0; i < 2; i++) {
		set(8, 4, i);
		set(0xc, 4, features >> 32 * i);
	}
	set(0x14, 1, 0xb);
}

static void test_negotiation(void **state)
{
	static const uint64_t bad[] = {
		0,
		VIRTIO_NET_F_MAC,
		VIRTIO_F_VERSION_1 | BIT(17), /* control queue: not offered */
		VIRTIO_F_VERSION_1 | BIT(40),
		VIRTIO_F_VERSION_1 | VIRTIO_NET_F_GUEST_TSO4,
		VIRTIO_F_VERSION_1 | VIRTIO_NET_F_HOST_TSO4,
		VIRTIO_F_VERSION_1 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_CSUM,
		VIRTIO_F_VERSION_1 | VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_GUEST_CSUM,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		negotiate(bad[i]);
		assert_int_equal(common(0x14, 1), 3);
		set(0x14, 1, 7); /* DRIVER_OK without FEATURES_OK */
		assert_int_equal(common(0x14, 1), 3);
		assert_false(virtio_pci_started(&vn->pci));
	}
	negotiate(VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC);
	assert_int_equal(common(0x14, 1), 0xb);
	set(8, 4, 0);
	set(0xc, 4, 0); /* too late */
	assert_int_equal(common(0xc, 4), VIRTIO_NET_F_MAC);
	set(0x14, 1, 4); /* bits never go */
	assert_int_equal(common(0x14, 1), 0xf);
	assert_true(virtio_pci_started(&vn->pci));
	set(0x14, 1, 0x80);
	assert_false(virtio_pci_started(&vn->pci)); /* FAILED */
	set(0, 4, 2);                               /* only two words of features */
	assert_int_equal(common(4, 4), 0);
}

static void test_wrong_widths(void **state)
{
	uint32_t val;

	(void)state;
	set(0x14, 1, 3);
	assert_int_equal(common(0x14, 4), 0);
	assert_int_equal(common(0x13, 2), 0);
	set(0x14, 4, 0);
	set(0x14, 2, 0);
	assert_int_equal(common(0x14, 1), 3);
	for (unsigned int off = 0; off < 0x100; off++)
		for (unsigned int size = 1; size <= 4; size *= 2) {
			val = 0xa5a5a5a5;
			vpci_io(vm, io + off, size, false, &val);
			val = 0xffffffff;
			if (off != 0x14)
				vpci_io(vm, io + off, size, true, &val);
		}
	assert_int_equal(vm->state, VM_RUNNING);
}

/* A queue that cannot work kills its VM, before DRIVER_OK too. */
static void test_bad_queue(void **state)
{
	(void)state;
	negotiate(VIRTIO_F_VERSION_1);
	set(0x16, 2, 1);
	set(0x1c, 2, 2); /* only 1 enables */
	assert_int_equal(common(0x1c, 2), 0);
	set(0x24, 4, 1); /* beyond all RAM */
	set(0x1c, 2, 1);
	assert_int_equal(vm->state, VM_KILLED);
	assert_non_null(strstr(vm->reason, "transmit queue"));
	set(0x60, 2, 0); /* kicks go nowhere */
	set(0x64, 2, 1);
	poll_run();
}

static void test_enabled_queue_is_fixed(void **state)
{
	struct drv d;

	(void)state;
	drv_start(&d, vn, DRV_ALL);
	set(0x16, 2, 0);
	set(0x18, 2, 8);
	set(0x20, 4, 0x1234);
	set(0x1c, 2, 0);
	set(0x3a, 2, 1); /* queue_reset is not offered */
	assert_int_equal(common(0x18, 2), QSIZE);
	assert_int_equal(common(0x20, 4), RING_GPA(0));
	assert_int_equal(common(0x1c, 2), 1);
	assert_int_equal(common(0x3a, 2), 0);
}

static void msix_write(unsigned int off, uint32_t val)
{
	assert_true(vpci_mmio(vm, 0xe0000000 + SLOT * 0x1000 + off, 4, true, &val));
}

static uint32_t msix_read(unsigned int off)
{
	uint32_t val = 0xdead;

	assert_true(vpci_mmio(vm, 0xe0000000 + SLOT * 0x1000 + off, 4, false, &val));
	return val;
}

/*
 * Linux: enable with all masked, write entries, unmask; later mask, rewrite, unmask for affinity.
 */
static void test_msix(void **state)
{
	struct drv d;

	(void)state;
	drv_start(&d, vn, DRV_ALL);
	cfg_out(vm, 0x9a, 2, 0xc000);
	assert_int_equal(cfg_in(vm, 0x9a, 2), 0xc001);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(msix_read(16 * i + 12), 1);
		msix_write(16 * i, 0xfee00000);
		msix_write(16 * i + 4, 0);
		msix_write(16 * i + 8, 0x31 + i);
		msix_write(16 * i + 12, 0);
	}
	set(0x10, 2, 0);
	assert_int_equal(common(0x10, 2), 0);
	set(0x10, 2, 2); /* refused */
	assert_int_equal(common(0x10, 2), 0xffff);
	set(0x10, 2, 0);
	for (uint32_t q = 0; q < 2; q++) {
		set(0x16, 2, q);
		set(0x1a, 2, 1);
		assert_int_equal(common(0x1a, 2), 1);
	}
	virtio_pci_queue_irq(&vn->pci, 3); /* function masked: pends */
	assert_int_equal(fake_msis, 0);
	assert_int_equal(msix_read(0x800), 2);
	cfg_out(vm, 0x9a, 2, 0x8000);
	assert_int_equal(fake_msis, 1);
	assert_int_equal(fake_msi_data, 0x32);
	assert_int_equal(fake_msi_addr, 0xfee00000);
	assert_int_equal(msix_read(0x800), 0);
	virtio_pci_queue_irq(&vn->pci, 3); /* shared vector: one interrupt */
	assert_int_equal(fake_msis, 2);
	assert_int_equal(vm_in(vm, io + 0x40, 1), 0); /* no ISR bits with MSI-X */
	assert_false(fake_pin_level);

	msix_write(28, 1); /* entry masked, rewritten, unmasked */
	virtio_pci_queue_irq(&vn->pci, 1);
	virtio_pci_queue_irq(&vn->pci, 2);
	assert_int_equal(fake_msis, 2);
	msix_write(24, 0x55);
	msix_write(28, 0);
	assert_int_equal(fake_msis, 3);
	assert_int_equal(fake_msi_data, 0x55);

	virtio_net_set_link(vn, false); /* configuration change: its own vector */
	assert_int_equal(fake_msis, 4);
	assert_int_equal(fake_msi_data, 0x31);
	assert_int_equal(vm_in(vm, io + 0x86, 2), 0);
	assert_int_equal(common(0x15, 1), 1);
	set(0x16, 2, 0);
	set(0x1a, 2, 0xffff);
	virtio_pci_queue_irq(&vn->pci, 1); /* no vector: no interrupt */
	assert_int_equal(fake_msis, 4);
	msix_write(0x10, 1); /* other widths and holes do nothing */
	assert_int_equal(msix_read(0x40), 0);
	assert_int_equal(msix_read(0xffc), 0);
}

static void test_intx(void **state)
{
	struct drv d;

	(void)state;
	drv_start(&d, vn, DRV_ALL);
	virtio_pci_queue_irq(&vn->pci, 3);
	assert_true(fake_pin_level);
	cfg_out(vm, 4, 2, 0x407); /* INTx off */
	assert_false(fake_pin_level);
	cfg_out(vm, 4, 2, 7);
	assert_true(fake_pin_level);
	assert_int_equal(vm_in(vm, io + 0x40, 1), 1);
	assert_false(fake_pin_level); /* the read ends it */
	assert_int_equal(vm_in(vm, io + 0x40, 1), 0);
	virtio_net_set_link(vn, false);
	virtio_pci_queue_irq(&vn->pci, 1);
	assert_int_equal(vm_in(vm, io + 0x40, 1), 3);
	virtio_pci_queue_irq(&vn->pci, 1);
	set(0x14, 1, 0); /* reset ends it too */
	assert_false(fake_pin_level);
	assert_int_equal(fake_msis, 0);
}

/* The window in configuration space reaches BAR0 and nothing else. */
static void test_pci_cfg_window(void **state)
{
	(void)state;
	set(0x14, 1, 3);
	cfg_out(vm, 0x88, 1, 0);
	cfg_out(vm, 0x8c, 4, 0x14);
	cfg_out(vm, 0x90, 4, 1);
	assert_int_equal(cfg_in(vm, 0x94, 4), 3);
	cfg_out(vm, 0x94, 4, 0);
	assert_int_equal(common(0x14, 1), 0);
	cfg_out(vm, 0x8c, 4, 0xffffffff);
	cfg_in(vm, 0x94, 4);
	cfg_out(vm, 0x90, 4, 3);
	cfg_in(vm, 0x94, 4);
	cfg_out(vm, 0x90, 4, 4);
	cfg_out(vm, 0x8c, 4, 0xfe);
	cfg_in(vm, 0x94, 4);
	cfg_out(vm, 0x88, 1, 1);
	cfg_out(vm, 0x94, 4, 0xffffffff);
	assert_int_equal(vm->state, VM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bus, setup),
		cmocka_unit_test_setup(test_identity_and_bars, setup),
		cmocka_unit_test_setup(test_bars_move, setup),
		cmocka_unit_test_setup(test_capabilities, setup),
		cmocka_unit_test_setup(test_linux_probe, setup),
		cmocka_unit_test_setup(test_negotiation, setup),
		cmocka_unit_test_setup(test_wrong_widths, setup),
		cmocka_unit_test_setup(test_bad_queue, setup),
		cmocka_unit_test_setup(test_enabled_queue_is_fixed, setup),
		cmocka_unit_test_setup(test_msix, setup),
		cmocka_unit_test_setup(test_intx, setup),
		cmocka_unit_test_setup(test_pci_cfg_window, setup),
	};
	int failed = cmocka_run_group_tests_name("virtio_pci", tests, NULL, NULL);

	fake_reset();
	return failed;
}
