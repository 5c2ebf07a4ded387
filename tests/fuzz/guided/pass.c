/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter before a passed-through function (hv/dev/vpci_pass.c) on a function whose
 * configuration space is the input's first 256 bytes, BARs and capability list included, and which
 * lets itself be written everywhere. The rest of the input is accesses of the VM. What they may
 * change is worked out here a second time, from the capability list.
 */
#include <stdarg.h>

#include "cpu/ioapic.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "dev/vpci_pass.h"
#include "guided.h"
#include "vm/vm.h"

#define SLOT      3
#define PIN_LINE  11
#define COMMAND   0x0557u /* what a VM may set, see vpci_pass.c */
#define ID_PCIX   0x07
#define ID_PCIE   0x10
#define NO_DEVICE 0xffffffffu

static uint8_t cfg[256], before[256];
static uint8_t may[256];                  /* bits that the VM may change */
static uint32_t bar_size[VPCI_PASS_BARS]; /* address bits that can be written */
static uint32_t cf8;
static bool running; /* the VM accesses it: no sizing any more */
static struct vm vm;

uint32_t port_in(uint16_t port, unsigned int size)
{
	unsigned int off = (cf8 & 0xfc) + (port & 3);
	uint32_t val = 0;

	CHECK(port >= 0xcfc && (port & 3) + size <= 4);
	if ((cf8 & ~0xfcu) != (0x80000000 | SLOT << 11))
		return NO_DEVICE;
	memcpy(&val, cfg + off, size);
	return val;
}

void port_out(uint16_t port, unsigned int size, uint32_t val)
{
	unsigned int off = (cf8 & 0xfc) + (port & 3), bar = (off - PCI_BAR0) / 4;

	if (port == 0xcf8 && size == 4) {
		cf8 = val;
		return;
	}
	CHECK(port >= 0xcfc && (port & 3) + size <= 4);
	CHECK((cf8 & ~0xfcu) == (0x80000000 | SLOT << 11));
	if (bar < VPCI_PASS_BARS) {
		CHECK(!running && size == 4);
		val = (val & bar_size[bar]) | (before[off] & 0xf & ~bar_size[bar]);
	}
	memcpy(cfg + off, &val, size);
}

unsigned int ioapic_pins(void)
{
	return 24;
}

void log_warn(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
}

/* The bits of a byte that the VM may change, by the header and by the list as it was. */
static uint8_t may_change(unsigned int off)
{
	unsigned int cap = before[PCI_CAP_POINTER] & 0xfc;

	if (off < 0x40) {
		if (off == 0x04 || off == 0x05)
			return COMMAND >> 8 * (off & 1);
		/* Status bits clear by writing 1; this function takes what is written. */
		return off == 0x07 ? 0xf9 : off == 0x0c || off == 0x0d ? 0xff : 0;
	}
	for (int left = 64; cap >= 0x40 && left; left--) {
		if (before[cap] == ID_PCIX && off / 4 == cap / 4)
			return (uint8_t[]){ 0, 0, 0x7f, 0 }[off & 3];
		if (before[cap] == ID_PCIE && off / 4 == cap / 4 + 2)
			return (uint8_t[]){ 0xff, 0x7f, 0x0f, 0 }[off & 3];
		cap = before[cap + 1] & 0xfc;
	}
	return 0;
}

static bool in_memory_bar(const struct vpci_pass *p, uint64_t hpa)
{
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++)
		if (!p->bar[i].io && p->bar[i].size && hpa - p->bar[i].base < p->bar[i].size)
			return true;
	return false;
}

static void check(const struct vpci_pass *p)
{
	for (unsigned int i = 0; i < sizeof(cfg); i++)
		CHECK(!((cfg[i] ^ before[i]) & ~may[i]));
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++) {
		uint64_t end = p->bar[i].base + p->bar[i].size;

		CHECK(!vpci_pass_may_map(p, end) || in_memory_bar(p, end));
		CHECK(!vpci_pass_may_map(p, p->bar[i].base - 1) ||
		      in_memory_bar(p, p->bar[i].base - 1));
	}
	CHECK(!p->msix || !vpci_pass_may_map(p, p->msix));
	CHECK(!p->pba || !vpci_pass_may_map(p, p->pba));
}

/* Makes the function: a normal header that can be passed through, unless the input insists. */
static void make_function(struct input *in)
{
	uint8_t choice = in_u8(in);

	in_bytes(in, cfg, sizeof(cfg));
	if (choice & 1) {
		memcpy(cfg, "\x86\x80\x0e\x10", 4);
		cfg[PCI_HEADER_TYPE] = 0;
		cfg[PCI_INT_LINE] = PIN_LINE;
		cfg[PCI_INT_PIN] = 1;
	}
	for (unsigned int i = 0; i < VPCI_PASS_BARS; i++) {
		bar_size[i] = ~0U << (4 + in_u8(in) % 28);
		/* An address is a multiple of the size. */
		for (unsigned int b = 0; b < 4; b++)
			cfg[PCI_BAR0 + 4 * i + b] &= bar_size[i] >> 8 * b | (b ? 0 : 0xf);
	}
	memcpy(before, cfg, sizeof(cfg));
	for (unsigned int i = 0; i < sizeof(may); i++)
		may[i] = may_change(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct vpci_pass p;

	memset(&vm, 0, sizeof(vm));
	running = false;
	make_function(&in);
	if (vpci_pass_init(&p, &vm, 0, SLOT, 0))
		return 0;
	/* Sizing left everything as it was. */
	CHECK(memcmp(cfg, before, sizeof(cfg)) == 0);
	running = true;
	while (in_more(&in)) {
		uint8_t off = in_u8(&in), how = in_u8(&in);
		uint32_t val = how & 8 ? in_u32(&in) : in_u8(&in), address;
		unsigned int bytes = 1u << how % 4 % 3;

		address = 0x80000000 | SLOT << 11 | (off & 0xfc);
		if (how & 128)
			vpci_pass_reset(&p);
		vpci_io(&vm, 0xcf8, 4, true, &address);
		vpci_io(&vm, 0xcfc + (off & 3), bytes, how & 16, &val);
		check(&p);
	}
	return 0;
}
