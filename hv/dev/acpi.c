/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI 6.4: 5.2.5 RSDP, 5.2.8 XSDT, 5.2.9 FADT, 5.2.12 MADT. */
#include "dev/acpi.h"

#include "dev/vioapic.h"
#include "dev/vlapic.h"
#include "lib/checksum.h"
#include "lib/errno.h"
#include "lib/string.h"

#include "dsdt.h" /* made of dsdt.asl: acpi_dsdt[], a whole table */

struct rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __packed;
ASSERT_SIZE(struct rsdp, 36);

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __packed;
ASSERT_SIZE(struct header, 36);

struct xsdt {
	struct header head;
	uint64_t table[2];
} __packed;

struct fadt {
	struct header head;
	uint32_t firmware_ctrl, dsdt;
	uint8_t unused_44[65];
	uint16_t boot_arch;
	uint8_t reserved_111;
	uint32_t flags;
	uint8_t reset_register[12], reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_revision;
	uint64_t x_firmware_ctrl, x_dsdt;
	uint8_t unused_148[120];
} __packed;
ASSERT_OFFSET(struct fadt, boot_arch, 109);
ASSERT_OFFSET(struct fadt, flags, 112);
ASSERT_OFFSET(struct fadt, x_dsdt, 140);
ASSERT_SIZE(struct fadt, 268);

struct madt {
	struct header head;
	uint32_t lapic, flags;
	struct {
		uint8_t type, length, uid, id;
		uint32_t flags;
	} __packed cpu;
	struct {
		uint8_t type, length, id, reserved;
		uint32_t address, first_pin;
	} __packed ioapic;
	struct {
		uint8_t type, length, uid;
		uint16_t flags;
		uint8_t lint;
	} __packed nmi;
} __packed;
ASSERT_SIZE(struct madt, 36 + 8 + 8 + 12 + 6);

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_LAPIC_NMI = 4 };

#define FADT_REVISION    6
#define FADT_MINOR       4
#define BOOT_ARCH_NO_VGA BIT(2)
#define FLAG_WBINVD      BIT(0)
#define FLAG_RESET       BIT(10)
#define FLAG_HW_REDUCED  BIT(20)
#define RESET_PORT       0xcf9
#define RESET_VALUE      6
#define ALL_CPUS         0xff

/* 64-byte places in one block. */
struct tables {
	struct rsdp rsdp __aligned(64);
	struct xsdt xsdt __aligned(64);
	struct madt madt __aligned(64);
	struct fadt fadt __aligned(64);
	uint8_t dsdt[sizeof(acpi_dsdt)] __aligned(64);
};

/* Behind everything else of a table. */
static void finish(struct header *h, const char *signature, uint8_t revision, size_t length)
{
	memcpy(h->signature, signature, 4);
	h->length = length;
	h->revision = revision;
	memcpy(h->oem, "POLLUX", 6);
	memcpy(h->table, "POLLUXVM", 8);
	h->oem_revision = 1;
	memcpy(h->creator, "PLLX", 4);
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum8(h, length);
}

static void fill_rsdp(struct rsdp *r, gpa_t xsdt)
{
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem, "POLLUX", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = xsdt;
	r->checksum = checksum8(r, 20);
	r->extended_checksum = checksum8(r, sizeof(*r));
}

static void fill_fadt(struct fadt *f, gpa_t dsdt)
{
	/* Generic address: I/O space, 8 bits wide, at bit 0, byte access. */
	static const uint8_t reset[12] = { 1, 8, 0, 1, RESET_PORT & 0xff, RESET_PORT >> 8 };

	f->dsdt = dsdt;
	f->x_dsdt = dsdt;
	f->boot_arch = BOOT_ARCH_NO_VGA;
	f->flags = FLAG_WBINVD | FLAG_RESET | FLAG_HW_REDUCED;
	memcpy(f->reset_register, reset, sizeof(reset));
	f->reset_value = RESET_VALUE;
	f->minor_revision = FADT_MINOR;
	finish(&f->head, "FACP", FADT_REVISION, sizeof(*f));
}

static void fill_madt(struct madt *m)
{
	m->lapic = VLAPIC_GPA;
	m->cpu.type = MADT_LAPIC;
	m->cpu.length = sizeof(m->cpu);
	m->cpu.flags = 1; /* enabled */
	m->ioapic.type = MADT_IOAPIC;
	m->ioapic.length = sizeof(m->ioapic);
	m->ioapic.id = VIOAPIC_ID;
	m->ioapic.address = VIOAPIC_GPA;
	m->nmi.type = MADT_LAPIC_NMI;
	m->nmi.length = sizeof(m->nmi);
	m->nmi.uid = ALL_CPUS;
	m->nmi.lint = 1;
	finish(&m->head, "APIC", 4, sizeof(*m));
}

int acpi_build(void *buf, size_t size, gpa_t gpa)
{
	struct tables *t = buf;

	if (size < sizeof(*t))
		return -ENOSPC;
	memset(t, 0, sizeof(*t));
	memcpy(t->dsdt, acpi_dsdt, sizeof(acpi_dsdt));
	fill_madt(&t->madt);
	fill_fadt(&t->fadt, gpa + offsetof(struct tables, dsdt));
	t->xsdt.table[0] = gpa + offsetof(struct tables, fadt);
	t->xsdt.table[1] = gpa + offsetof(struct tables, madt);
	finish(&t->xsdt.head, "XSDT", 1, sizeof(t->xsdt));
	fill_rsdp(&t->rsdp, gpa + offsetof(struct tables, xsdt));
	return sizeof(*t);
}
