/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter before a passed-through function, and the configuration accesses below it, on a
 * machine of PCI functions behind ports CF8 and CFC: a host bridge, a PCI bridge with a card behind
 * it, an e1000 as in QEMU (with the real chip's capabilities), a second function beside it.
 */
#include "fake.h"

#include <string.h>

#include "cpu/x86.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"

struct function {
	bool present;
	uint8_t bus, dev, fn;
	uint8_t cfg[256], writable[256], clears[256]; /* clears: by writing 1 */
	unsigned int writes;
};

enum { HOST, BRIDGE, BEHIND, NIC, SECOND, FUNCTIONS };
static struct function machine[FUNCTIONS];
static uint32_t cf8;
static struct vpci_dev *added;
static int add_rc;

/* ---- the machine ---- */

static struct function *addressed(void)
{
	if (!(cf8 & 0x80000000))
		fail_msg("access with configuration off");
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct function *f = &machine[i];

		if (f->present && f->bus == (cf8 >> 16 & 0xff) && f->dev == (cf8 >> 11 & 31) &&
		    f->fn == (cf8 >> 8 & 7))
			return f;
	}
	return NULL;
}

uint32_t port_in(uint16_t port, unsigned int size)
{
	struct function *f = addressed();
	uint32_t val = 0xffffffff;
	unsigned int off = (cf8 & 0xfc) + port - 0xcfc;

	assert_in_range(port, 0xcfc, 0xcff);
	assert_in_range(port - 0xcfc + size, 1, 4);
	if (f) {
		val = 0;
		memcpy(&val, f->cfg + off, size);
	}
	return size == 4 ? val : val & ((1U << 8 * size) - 1);
}

void port_out(uint16_t port, unsigned int size, uint32_t val)
{
	struct function *f;
	unsigned int off = (cf8 & 0xfc) + port - 0xcfc;

	if (port == 0xcf8 && size == 4) {
		cf8 = val;
		return;
	}
	assert_in_range(port, 0xcfc, 0xcff);
	assert_in_range(port - 0xcfc + size, 1, 4);
	f = addressed();
	if (!f)
		return;
	f->writes++;
	for (unsigned int i = 0; i < size; i++, off++, val >>= 8)
		f->cfg[off] = ((f->cfg[off] & ~f->writable[off]) | (val & f->writable[off])) &
			      ~(val & f->clears[off]);
}

int vpci_add(struct vm *vm, struct vpci_dev *dev)
{
	assert_ptr_equal(vm, &fake_vm);
	added = dev;
	return add_rc;
}

static void put(uint8_t *p, unsigned int off, unsigned int size, uint32_t val)
{
	memcpy(p + off, &val, size);
}

static uint32_t get(const uint8_t *p, unsigned int off, unsigned int size)
{
	uint32_t val = 0;

	memcpy(&val, p + off, size);
	return val;
}

static struct function *function(int i, uint8_t bus, uint8_t dev, uint8_t fn, uint32_t id,
				 uint32_t class)
{
	struct function *f = &machine[i];

	*f = (struct function){ .present = true, .bus = bus, .dev = dev, .fn = fn };
	put(f->cfg, 0x00, 4, id);
	put(f->cfg, 0x08, 4, class << 8 | 3);
	put(f->writable, 0x04, 2, 0xffff); /* a device that would take anything */
	put(f->clears, 0x06, 2, 0xf900);
	memset(f->writable + 0x0c, 0xff, 2);
	f->writable[0x0f] = 0xff; /* BIST */
	memset(f->writable + 0x30, 0xff, 4);
	f->writable[0x3c] = 0xff;
	memset(f->writable + 0x40, 0xff, 0xc0);
	return f;
}

static void bar(struct function *f, unsigned int i, uint32_t val, uint32_t mask)
{
	put(f->cfg, 0x10 + 4 * i, 4, val);
	put(f->writable, 0x10 + 4 * i, 4, mask);
}

#define PM   0xdc
#define PCIX 0xe4
#define MSI  0xf0

static int setup(void **state)
{
	struct function *f;

	fake_reset(state);
	strcpy(fake_vm.name, "dvm");
	memset(machine, 0, sizeof(machine));
	added = NULL;
	add_rc = 0;
	function(HOST, 0, 0, 0, 0x12378086, 0x060000);
	f = function(BRIDGE, 0, 1, 0, 0x00011b36, 0x060400);
	f->cfg[0x0e] = 1;
	function(BEHIND, 1, 4, 0, 0x10d38086, 0x010000);
	f = function(NIC, 0, 3, 0, 0x100e8086, 0x020000);
	f->cfg[0x0e] = 0x80; /* several functions */
	put(f->cfg, 0x04, 4, 0x02300007);
	bar(f, 0, 0xfebc0000, 0xfffe0000);
	bar(f, 1, 0x0000c001, 0x0000ffc0);
	put(f->cfg, 0x2c, 4, 0x11001af4);
	put(f->cfg, 0x30, 4, 0xfeb80001);
	f->cfg[0x34] = PM;
	put(f->cfg, 0x3c, 4, 0xff000b0b);
	f->cfg[0x3d] = 2;                 /* INTB on the machine */
	put(f->cfg, 0x40, 4, 0x12345678); /* no capability: unknown registers */
	put(f->cfg, PM, 4, PCIX << 8 | 0x01);
	put(f->cfg, PCIX, 4, 0x00000007 | MSI << 8);
	put(f->cfg, PCIX + 4, 4, 0x00400078);
	put(f->cfg, MSI, 4, 0x00800005);
	function(SECOND, 0, 3, 1, 0x100f8086, 0x020000);
	return 0;
}

static struct vpci_pass pass;

static void init(void)
{
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_ptr_equal(added, &pass.dev);
	machine[NIC].writes = 0;
}

static uint32_t rd(unsigned int off, unsigned int size)
{
	return pass.dev.ops->cfg_read(&pass.dev, off, size);
}

static void wr(unsigned int off, unsigned int size, uint32_t val)
{
	pass.dev.ops->cfg_write(&pass.dev, off, size, val);
}

static uint32_t real(unsigned int off, unsigned int size)
{
	return get(machine[NIC].cfg, off, size);
}

/* ---- the machine's side ---- */

static void search(void **state)
{
	struct pci_addr a = { 9, 9, 9 };

	(void)state;
	assert_int_equal(pci_find_class(PCI_CLASS_ETHERNET, &a), 0);
	assert_true(a.bus == 0 && a.dev == 3 && a.fn == 0);
	assert_int_equal(pci_find_id(0x8086, 0x100f, &a), 0);
	assert_true(a.bus == 0 && a.dev == 3 && a.fn == 1);
	assert_int_equal(pci_find_id(0x8086, 0x10d3, &a), 0);
	assert_true(a.bus == 1 && a.dev == 4 && a.fn == 0);
	assert_int_equal(pci_find_id(0x8086, 0x9999, &a), -ENODEV);
	assert_true(a.bus == 1 && a.dev == 4);
	machine[NIC].cfg[0x0e] = 0; /* one function: the others are not looked at */
	assert_int_equal(pci_find_id(0x8086, 0x100f, &a), -ENODEV);
}

static void accesses_of_each_size(void **state)
{
	struct pci_addr a = { 0, 3, 0 };

	(void)state;
	assert_int_equal(pci_cfg_read(a, 0, 4), 0x100e8086);
	assert_int_equal(pci_cfg_read(a, 2, 2), 0x100e);
	assert_int_equal(pci_cfg_read(a, 3, 1), 0x10);
	pci_cfg_write(a, 0x42, 1, 0xab);
	pci_cfg_write(a, 0x44, 2, 0xcdef);
	pci_cfg_write(a, 0x48, 4, 0x11223344);
	assert_int_equal(real(0x40, 4), 0x12ab5678);
	assert_int_equal(real(0x44, 4), 0xcdef);
	assert_int_equal(real(0x48, 4), 0x11223344);
}

/* ---- what the VM's owner gets ---- */

static void bars_and_pin(void **state)
{
	uint8_t before[256];

	(void)state;
	memcpy(before, machine[NIC].cfg, 256);
	assert_int_equal(vpci_pass_find_nic(&pass, &fake_vm), 0);
	assert_memory_equal(before, machine[NIC].cfg, 256); /* sizing leaves no trace */
	assert_int_equal(pass.vendor, 0x8086);
	assert_int_equal(pass.device, 0x100e);
	assert_int_equal(pass.pin, 11);
	assert_int_equal(pass.dev.slot, 3);
	assert_int_equal(pass.dev.intx_pin, 11);
	assert_true(!pass.bar[0].io && pass.bar[0].base == 0xfebc0000 &&
		    pass.bar[0].size == 0x20000);
	assert_true(pass.bar[1].io && pass.bar[1].base == 0xc000 && pass.bar[1].size == 64);
	for (int i = 2; i < 6; i++)
		assert_int_equal(pass.bar[i].size, 0);
}

static void wide_bars(void **state)
{
	struct function *f = &machine[NIC];

	(void)state;
	bar(f, 0, 0x0000000c, 0xff000000); /* 64 bit, prefetchable, 16 MiB at 8 GiB */
	bar(f, 1, 2, 0xffffffff);
	bar(f, 2, 0x00000004, 0); /* 64 bit, 8 GiB, no address */
	bar(f, 3, 0, 0xfffffffe);
	bar(f, 4, 0, 0xfffff000); /* unassigned */
	bar(f, 5, 0xd0001, 0);    /* broken: no size */
	init();
	assert_true(pass.bar[0].base == 0x200000000 && pass.bar[0].size == 0x1000000);
	for (int i = 1; i < 6; i++)
		assert_int_equal(pass.bar[i].size, 0);
	wr(0x10, 4, ~0U);
	wr(0x14, 4, ~0U);
	assert_int_equal(rd(0x10, 4), 0xff00000c);
	assert_int_equal(rd(0x14, 4), 0xffffffff);
	wr(0x10, 4, 0);
	wr(0x14, 4, 2);
	assert_int_equal(rd(0x10, 4), 0xc);
	assert_int_equal(rd(0x14, 4), 2);
	assert_false(pass.refused);
}

static void unusable_functions(void **state)
{
	(void)state;
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 7, 0), -ENODEV);
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 1, 0), -EINVAL);
	machine[NIC].cfg[0x3c] = 0xff; /* no pin assigned */
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), -EINVAL);
	machine[NIC].cfg[0x3c] = 11;
	machine[NIC].cfg[0x3d] = 0; /* uses no interrupt */
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), -EINVAL);
	assert_int_equal(fake_warnings, 3);
	assert_null(added);
	machine[NIC].cfg[0x3d] = 1;
	add_rc = -EEXIST;
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), -EEXIST);
	for (int i = 0; i < FUNCTIONS; i++)
		put(machine[i].cfg, 0x0a, 2, 0x0604);
	assert_int_equal(vpci_pass_find_nic(&pass, &fake_vm), -ENODEV);
}

/* ---- the VM's side ---- */

static void header_reads(void **state)
{
	(void)state;
	init();
	assert_int_equal(rd(0x00, 4), 0x100e8086);
	assert_int_equal(rd(0x02, 2), 0x100e);
	assert_int_equal(rd(0x04, 2), 7);
	assert_int_equal(rd(0x08, 4), 0x02000003);
	assert_int_equal(rd(0x0e, 1), 0); /* one function */
	assert_int_equal(rd(0x2c, 4), 0x11001af4);
	assert_int_equal(rd(0x30, 4), 0);          /* no ROM */
	assert_int_equal(rd(0x3c, 4), 0xff00010b); /* INTA */
	assert_int_equal(rd(0x3d, 1), 1);
}

static void command_and_status(void **state)
{
	(void)state;
	init();
	wr(0x04, 2, 0xffff);
	assert_int_equal(real(0x04, 2), 0x0557);
	wr(0x04, 2, 0);
	assert_int_equal(real(0x04, 2), 0);
	put(machine[NIC].cfg, 0x06, 2, 0xf930);
	wr(0x04, 2, 7); /* the command alone clears no error */
	wr(0x04, 1, 6);
	assert_int_equal(real(0x04, 4), 0xf9300006);
	wr(0x06, 2, 0x2000); /* one error bit */
	assert_int_equal(real(0x04, 4), 0xd9300006);
	wr(0x04, 4, 0x80000007);
	assert_int_equal(real(0x04, 4), 0x59300007);
	wr(0x05, 1, 0x04); /* INTx off, by byte */
	assert_int_equal(real(0x04, 2), 0x0407);
}

/* Everything that is not in the table: no write of the VM reaches the hardware. */
static void nothing_else_is_written(void **state)
{
	uint8_t before[256];

	(void)state;
	init();
	memcpy(before, machine[NIC].cfg, 256);
	for (unsigned int off = 0; off < 256; off += 4) {
		if (off == 0x04 || off == 0x0c || off == PCIX)
			continue;
		for (unsigned int i = 0; i < 4; i++)
			wr(off + i, 1, 0xff);
		wr(off, 2, 0);
		wr(off + 2, 2, 0xffff);
		wr(off, 4, 0);
		wr(off, 4, 0xffffffff);
	}
	assert_int_equal(machine[NIC].writes, 0);
	assert_memory_equal(before, machine[NIC].cfg, 256);
	wr(0x0c, 4, 0xffffffff);
	assert_int_equal(real(0x0c, 4), 0x0080ffff); /* no self-test */
	wr(PCIX, 4, 0xffffffff);
	assert_int_equal(real(PCIX, 4), 0x007f0007 | MSI << 8);
}

static void bars_do_not_move(void **state)
{
	(void)state;
	init();
	assert_int_equal(rd(0x10, 4), 0xfebc0000);
	assert_int_equal(rd(0x14, 4), 0xc001);
	wr(0x10, 4, 0xffffffff);
	wr(0x14, 4, 0xffffffff);
	wr(0x18, 4, 0xffffffff);
	assert_int_equal(rd(0x10, 4), 0xfffe0000);
	assert_int_equal(rd(0x14, 4), 0xffffffc1);
	assert_int_equal(rd(0x18, 4), 0);
	wr(0x10, 4, 0xfebc0000);
	wr(0x14, 4, 0xc001);
	assert_int_equal(rd(0x10, 4), 0xfebc0000);
	assert_int_equal(rd(0x14, 4), 0xc001);
	assert_int_equal(fake_warnings, 0);
	wr(0x10, 4, 0xe0000000);
	wr(0x14, 4, 0);
	wr(0x12, 2, 0xe000);
	assert_int_equal(rd(0x10, 4), 0xfebc0000);
	assert_int_equal(rd(0x14, 4), 0xc001);
	assert_int_equal(fake_warnings, 1); /* said once */
	assert_int_equal(real(0x10, 4), 0xfebc0000);
	assert_int_equal(machine[NIC].writes, 0);
}

/* Follows the list as a VM does. */
static unsigned int capabilities(uint8_t *ids)
{
	unsigned int n = 0, at = rd(0x34, 1);

	if (!(rd(0x06, 2) & 0x10))
		at = 0;
	while (at) {
		assert_in_range(n, 0, 47);
		ids[n++] = rd(at, 1);
		at = rd(at + 1, 1);
	}
	return n;
}

static void capability_list(void **state)
{
	uint8_t ids[48];

	(void)state;
	init();
	assert_int_equal(capabilities(ids), 1);
	assert_int_equal(ids[0], 7);
	assert_int_equal(rd(0x34, 1), PCIX);
	assert_int_equal(rd(PCIX + 1, 1), 0); /* MSI behind it is gone */
	assert_int_equal(rd(PCIX + 4, 4), 0x00400078);
	for (unsigned int off = 0x40; off < 256; off += 4)
		if (off != PCIX && off != PCIX + 4)
			assert_int_equal(rd(off, 4), 0);
}

static void capability_list_of_pcie(void **state)
{
	struct function *f = &machine[NIC];
	uint8_t ids[48];

	(void)state;
	put(f->cfg, PM, 4, 0xa0 << 8 | 0x01);
	put(f->cfg, 0xa0, 4, 0x00020010 | 0x50 << 8); /* PCI Express, version 2 */
	put(f->cfg, 0xa8, 4, 0x00002810);
	put(f->clears, 0xa8, 4, 0x000f0000);
	put(f->writable, 0xa8, 4, 0x0000ffff);
	put(f->cfg, 0x50, 4, 0x00000011 | 0x60 << 8); /* MSI-X */
	put(f->cfg, 0x60, 4, 0x00000007);             /* PCI-X behind it, to have two */
	init();
	assert_int_equal(capabilities(ids), 2);
	assert_int_equal(ids[0], 0x10);
	assert_int_equal(ids[1], 7);
	assert_int_equal(rd(0x50, 4), 0);
	wr(0xa8, 2, 0xffff);
	assert_int_equal(real(0xa8, 2), 0x7fff); /* no function reset */
	put(f->cfg, 0xaa, 2, 0x000f);
	wr(0xa8, 4, 0x00012810);
	assert_int_equal(real(0xa8, 4), 0x000e2810);
	assert_int_equal(rd(0xd8, 4), real(0xd8, 4)); /* the last of 0x3c bytes */
}

static void no_and_broken_lists(void **state)
{
	struct function *f = &machine[NIC];
	uint8_t ids[48];

	(void)state;
	put(f->cfg, MSI, 4, 0x00800005 | PM << 8); /* a ring */
	init();
	assert_int_equal(capabilities(ids), 1);
	put(f->cfg, PCIX, 4, 0x00000007 | PCIX << 8); /* points at itself */
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_int_equal(capabilities(ids), 1);
	put(f->cfg, PM, 4, 0xfc << 8 | 0x01); /* two that run over the end */
	put(f->cfg, 0xfc, 4, 0x00020010 | 0xf8 << 8);
	put(f->cfg, 0xf8, 4, 0x00020010);
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_int_equal(capabilities(ids), 2);
	put(f->cfg, 0xfc, 4, 0x00020010 | 0x44 << 8); /* the same with a hidden one between */
	put(f->cfg, 0x44, 4, 0x00000011 | 0xf8 << 8);
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_int_equal(capabilities(ids), 2);
	assert_int_equal(rd(0xfd, 1), 0xf8);
	f->cfg[0x34] = 0x10; /* into the header */
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_int_equal(capabilities(ids), 0);
	assert_int_equal(rd(0x06, 2) & 0x10, 0);
	f->cfg[0x34] = PCIX;
	f->cfg[0x06] &= ~0x10; /* no list */
	assert_int_equal(vpci_pass_init(&pass, &fake_vm, 0, 3, 0), 0);
	assert_int_equal(capabilities(ids), 0);
	assert_int_equal(rd(PCIX, 4), 0);
}

static void no_bar_is_emulated(void **state)
{
	uint32_t off;

	(void)state;
	init();
	assert_int_equal(pass.dev.ops->bar_find(&pass.dev, true, 0xc000, &off), -1);
	assert_int_equal(pass.dev.ops->bar_find(&pass.dev, false, 0xfebc0000, &off), -1);
	assert_null(pass.dev.ops->bar_access);
}

/* As in an e1000e: table and pending bits on two pages of a BAR of their own. */
static void test_r3_msix_table_is_not_for_the_twin(void **state)
{
	struct function *f = &machine[NIC];

	(void)state;
	bar(f, 3, 0xfeb90000, 0xffffc000);
	put(f->cfg, MSI, 4, 0x00040011);         /* 5 vectors */
	put(f->cfg, MSI + 4, 4, 0x00001000 | 3); /* table: BAR 3, second page */
	put(f->cfg, MSI + 8, 4, 0x00002800 | 3); /* pending bits: in the third */
	init();
	assert_true(vpci_pass_may_map(&pass, 0xfebc0010));
	assert_true(vpci_pass_may_map(&pass, 0xfebdffff));
	assert_false(vpci_pass_may_map(&pass, 0xfebe0000));
	assert_true(vpci_pass_may_map(&pass, 0xfeb90ffc));
	assert_false(vpci_pass_may_map(&pass, 0xfeb91000));
	assert_false(vpci_pass_may_map(&pass, 0xfeb91fff));
	assert_false(vpci_pass_may_map(&pass, 0xfeb92000));
	assert_true(vpci_pass_may_map(&pass, 0xfeb93000));
	assert_false(vpci_pass_may_map(&pass, 0xc010)); /* ports are no memory */
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(search),
		T(accesses_of_each_size),
		T(bars_and_pin),
		T(wide_bars),
		T(unusable_functions),
		T(header_reads),
		T(command_and_status),
		T(nothing_else_is_written),
		T(bars_do_not_move),
		T(capability_list),
		T(capability_list_of_pcie),
		T(no_and_broken_lists),
		T(no_bar_is_emulated),
		T(test_r3_msix_table_is_not_for_the_twin),
	};

	return cmocka_run_group_tests_name("vpci_pass", tests, NULL, NULL);
}
