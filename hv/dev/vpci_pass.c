/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter before a passed-through PCI function. */
#include "dev/vpci_pass.h"

#include "cpu/ioapic.h"
#include "debug/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "vm/vm.h"

#define REG(off)  ((off) / 4)
#define BAR_FIRST REG(PCI_BAR0)
#define HEADER    0x40

#define BAR_IO       BIT(0)
#define BAR_64       BIT(2)
#define BAR_IO_TYPE  0x3U
#define BAR_MEM_TYPE 0xfU

#define CAP_PCIX     0x07
#define CAP_PCIE     0x10
#define CAP_MSIX     0x11
#define MSIX_ENTRY   16
#define CAP_LIST_MAX 48 /* as many as fit: a broken list may be a ring */
#define STATUS_CAPS  (PCI_STATUS_CAPS << 16)

#define INTA 1

/*
 * The header, by dword. Registers that are missing here read 0 and ignore writes; BARs are apart.
 */
static const struct {
	uint32_t read, write;
} header[REG(HEADER)] = {
	[REG(0x00)] = { 0xffffffff, 0 }, /* vendor, device */
	/*
	 * Command: decoding, bus master, write-invalidate, parity and SERR reporting, INTx off.
	 * Status: the error bits, cleared by writing 1; whether there is a capability list is ours
	 * to say.
	 */
	[REG(0x04)] = { 0xffffffff & ~STATUS_CAPS, 0xf9000557 },
	[REG(0x08)] = { 0xffffffff, 0 }, /* revision, class */
	[REG(0x0c)] = { 0x007fffff,
			0x0000ffff },    /* cache line, latency; one function, no self-test */
	[REG(0x28)] = { 0xffffffff, 0 }, /* CardBus */
	[REG(0x2c)] = { 0xffffffff, 0 }, /* subsystem */
	[REG(0x3c)] = { 0xffff00ff, 0 }, /* interrupt line; the pin is INTA */
};

static uint32_t read_dword(const struct vpci_pass *p, unsigned int off)
{
	return pci_cfg_read(p->addr, off, 4);
}

/* ---- the table ---- */

/* A register that belongs to an earlier capability stays as that one has it. */
static void show(struct vpci_pass *p, unsigned int off, unsigned int len)
{
	for (unsigned int i = REG(off); i < REG(off + len) && i < ARRAY_SIZE(p->read_mask); i++)
		if (!p->read_mask[i])
			p->read_mask[i] = 0xffffffff;
}

/* BAR number and offset in one register; 0 when the BAR has no address. */
static uint64_t msix_place(const struct vpci_pass *p, uint32_t reg)
{
	unsigned int bar = reg & 7;

	if (bar >= VPCI_PASS_BARS || p->bar[bar].io || !p->bar[bar].size)
		return 0;
	return p->bar[bar].base + (reg & ~7U);
}

/* MSI-X is hidden from the VM; where its table is must be known all the same. */
static void note_msix(struct vpci_pass *p, unsigned int off, uint32_t head)
{
	uint64_t vectors = (head >> 16 & 0x7ff) + 1;

	p->msix = msix_place(p, read_dword(p, off + 4));
	p->msix_bytes = vectors * MSIX_ENTRY;
	p->pba = msix_place(p, read_dword(p, off + 8));
	p->pba_bytes = ALIGN_UP(vectors, 64) / 8;
}

/*
 * Shows a capability that a driver needs and that cannot harm. 0, or -EOPNOTSUPP: it stays hidden.
 */
static int show_capability(struct vpci_pass *p, unsigned int off, uint32_t head)
{
	switch (head & 0xff) {
	case CAP_PCIX: /* command: burst size, relaxed order */
		show(p, off, 8);
		p->write_mask[REG(off)] = 0x007f0000;
		return 0;
	case CAP_PCIE: /* device control but the function reset, device status by writing 1 */
		show(p, off, (head >> 16 & 0xf) >= 2 ? 0x3c : 0x14);
		if (REG(off) + 2 < ARRAY_SIZE(p->write_mask))
			p->write_mask[REG(off) + 2] = 0x000f7fff;
		return 0;
	case CAP_MSIX:
		if (off + 12 <= 256)
			note_msix(p, off, head);
		return -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
}

/* Links the capabilities that are shown: each header's next pointer is replaced. */
static void filter_capabilities(struct vpci_pass *p)
{
	unsigned int left = CAP_LIST_MAX, off, last = REG(PCI_CAP_POINTER), shift = 0;

	if (!(pci_cfg_read(p->addr, PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return;
	off = pci_cfg_read(p->addr, PCI_CAP_POINTER, 1) & 0xfc;
	while (off >= HEADER && !p->read_mask[REG(off)] && left--) {
		uint32_t head = read_dword(p, off);

		if (show_capability(p, off, head) == 0) {
			p->fixed[last] |= off << shift;
			p->fixed[REG(PCI_COMMAND)] = STATUS_CAPS;
			p->read_mask[REG(off)] = 0xffff00ff;
			last = REG(off);
			shift = 8;
		}
		off = head >> 8 & 0xfc;
	}
}

static void fill_table(struct vpci_pass *p)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(header); i++) {
		p->read_mask[i] = header[i].read;
		p->write_mask[i] = header[i].write;
	}
	p->fixed[REG(PCI_INT_LINE)] = INTA << 8;
	filter_capabilities(p);
}

/* ---- BARs ---- */

static uint32_t size_register(const struct vpci_pass *p, unsigned int i, uint32_t real)
{
	uint32_t val;

	pci_cfg_write(p->addr, PCI_BAR0 + 4 * i, 4, 0xffffffff);
	val = read_dword(p, PCI_BAR0 + 4 * i);
	pci_cfg_write(p->addr, PCI_BAR0 + 4 * i, 4, real);
	return val;
}

/*
 * Reads BAR i, and i + 1 when it has 64 bits. Returns how many registers that were. Decoding is
 * off.
 */
static unsigned int read_bar(struct vpci_pass *p, unsigned int i)
{
	uint32_t real = read_dword(p, PCI_BAR0 + 4 * i);
	bool io = real & BAR_IO, wide = !io && real & BAR_64 && i + 1 < VPCI_PASS_BARS;
	uint32_t type = real & (io ? BAR_IO_TYPE : BAR_MEM_TYPE);
	uint64_t base = real & ~type, mask = size_register(p, i, real) & ~type;

	p->bar_real[i] = real;
	if (io && mask)
		mask |= 0xffff0000; /* the upper half may be wired to 0 */
	p->bar_mask[i] = mask;
	if (wide) {
		p->bar_real[i + 1] = read_dword(p, PCI_BAR0 + 4 * (i + 1));
		p->bar_mask[i + 1] = size_register(p, i + 1, p->bar_real[i + 1]);
		base |= (uint64_t)p->bar_real[i + 1] << 32;
		mask |= (uint64_t)p->bar_mask[i + 1] << 32;
	}
	/* Else the firmware gave it no address, or one that no port has: nothing to open. */
	if (base && !(io && base > 0xffff))
		p->bar[i] = (struct vpci_pass_bar){ base, mask & -mask, io };
	return wide ? 2 : 1;
}

static void read_bars(struct vpci_pass *p)
{
	uint16_t command = pci_cfg_read(p->addr, PCI_COMMAND, 2);

	pci_cfg_write(p->addr, PCI_COMMAND, 2,
		      command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	for (unsigned int i = 0; i < VPCI_PASS_BARS;)
		i += read_bar(p, i);
	pci_cfg_write(p->addr, PCI_COMMAND, 2, command);
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++)
		p->fixed[BAR_FIRST + i] = p->bar_real[i];
}

/*
 * The hardware's BAR is never written: the VM may ask for the size and set the address that it has.
 */
static void bar_write(struct vpci_pass *p, unsigned int i, uint32_t val)
{
	uint32_t mask = p->bar_mask[i], want = val & mask;

	if (want == mask || want == (p->bar_real[i] & mask)) {
		p->fixed[BAR_FIRST + i] = want | (p->bar_real[i] & ~mask);
		return;
	}
	if (!p->refused)
		log_warn("%s: BAR %u of 00:%02x.0 cannot move to %x: refused", p->dev.vm->name, i,
			 p->dev.slot, want);
	p->refused = true;
}

/* ---- accesses of the VM ---- */

static uint32_t size_mask(unsigned int size)
{
	return size == 4 ? 0xffffffff : (1U << 8 * size) - 1;
}

static uint32_t cfg_read(struct vpci_dev *dev, unsigned int off, unsigned int size)
{
	struct vpci_pass *p = container_of(dev, struct vpci_pass, dev);
	unsigned int i = REG(off);
	uint32_t val = p->fixed[i];

	if (p->read_mask[i])
		val |= read_dword(p, 4 * i) & p->read_mask[i];
	return val >> 8 * (off & 3) & size_mask(size);
}

static void cfg_write(struct vpci_dev *dev, unsigned int off, unsigned int size, uint32_t val)
{
	struct vpci_pass *p = container_of(dev, struct vpci_pass, dev);
	unsigned int i = REG(off), shift = 8 * (off & 3);
	uint32_t mask = p->write_mask[i] >> shift & size_mask(size);

	if (i >= BAR_FIRST && i < BAR_FIRST + VPCI_PASS_BARS) {
		uint32_t keep = p->fixed[i] & ~(size_mask(size) << shift);

		bar_write(p, i - BAR_FIRST, keep | (val & size_mask(size)) << shift);
		return;
	}
	/*
	 * Bits that clear by writing 1 are all in the mask, so keeping the others writes 0 to none
	 * but the VM's.
	 */
	if (mask)
		pci_cfg_write(p->addr, off, size,
			      (pci_cfg_read(p->addr, off, size) & ~mask) | (val & mask));
}

static int bar_find(struct vpci_dev *dev, bool io, uint64_t addr, uint32_t *off)
{
	(void)dev;
	(void)io;
	(void)addr;
	(void)off;
	return -1; /* none is emulated */
}

static const struct vpci_ops ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.bar_find = bar_find,
};

int vpci_pass_init(struct vpci_pass *p, struct vm *vm, uint8_t bus, uint8_t dev, uint8_t fn)
{
	uint32_t id;

	memset(p, 0, sizeof(*p));
	p->addr = (struct pci_addr){ bus, dev, fn };
	p->dev = (struct vpci_dev){ .ops = &ops, .vm = vm, .slot = dev };
	id = read_dword(p, PCI_ID);
	p->vendor = id;
	p->device = id >> 16;
	p->pin = p->dev.intx_pin = pci_cfg_read(p->addr, PCI_INT_LINE, 1);
	if (p->vendor == 0xffff)
		return -ENODEV;
	if (pci_cfg_read(p->addr, PCI_HEADER_TYPE, 1) & ~PCI_MULTIFUNCTION) {
		log_warn("%02x:%02x.%x is a bridge: not passed through", bus, dev, fn);
		return -EINVAL;
	}
	if (!pci_cfg_read(p->addr, PCI_INT_PIN, 1) || p->pin >= ioapic_pins()) {
		log_warn("%02x:%02x.%x: no IOAPIC pin (interrupt line %u)", bus, dev, fn, p->pin);
		return -EINVAL;
	}
	read_bars(p);
	fill_table(p);
	return vpci_add(vm, &p->dev);
}

int vpci_pass_find_nic(struct vpci_pass *p, struct vm *vm)
{
	struct pci_addr a;

	if (pci_find_class(PCI_CLASS_ETHERNET, &a))
		return -ENODEV;
	return vpci_pass_init(p, vm, a.bus, a.dev, a.fn);
}

void vpci_pass_reset(struct vpci_pass *p)
{
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++)
		p->fixed[BAR_FIRST + i] = p->bar_real[i];
}

static bool on_page(uint64_t page, uint64_t from, uint64_t bytes)
{
	return from && page < from + bytes && from < page + PAGE_SIZE;
}

bool vpci_pass_may_map(const struct vpci_pass *p, uint64_t hpa)
{
	uint64_t page = hpa & PAGE_MASK;

	if (on_page(page, p->msix, p->msix_bytes) || on_page(page, p->pba, p->pba_bytes))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(p->bar); i++) {
		const struct vpci_pass_bar *b = &p->bar[i];

		if (!b->io && b->size && hpa >= b->base && hpa - b->base < b->size)
			return true;
	}
	return false;
}
