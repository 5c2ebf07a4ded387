/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MultiProcessor Specification 1.4, chapter 4. */
#include "dev/mptable.h"

#include "cpu/x86.h"
#include "dev/vioapic.h"
#include "dev/vlapic.h"
#include "dev/vuart.h"
#include "lib/checksum.h"
#include "lib/errno.h"
#include "lib/string.h"

struct mp_float {
	char signature[4];
	uint32_t table;
	uint8_t length, revision, checksum, feature[5];
} __packed;
ASSERT_SIZE(struct mp_float, 16);

struct mp_header {
	char signature[4];
	uint16_t length;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size, entries;
	uint32_t lapic;
	uint16_t ext_length;
	uint8_t ext_checksum, reserved;
} __packed;
ASSERT_SIZE(struct mp_header, 44);

struct mp_cpu {
	uint8_t type, id, version, flags;
	uint32_t signature, features, reserved[2];
} __packed;
ASSERT_SIZE(struct mp_cpu, 20);

struct mp_bus {
	uint8_t type, id;
	char name[6];
} __packed;
ASSERT_SIZE(struct mp_bus, 8);

struct mp_ioapic {
	uint8_t type, id, version, flags;
	uint32_t address;
} __packed;
ASSERT_SIZE(struct mp_ioapic, 8);

/* An interrupt of a bus at an IOAPIC pin (type 3), or at a LINT pin of a local APIC (type 4). */
struct mp_int {
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, irq, apic, pin;
} __packed;
ASSERT_SIZE(struct mp_int, 8);

enum { TYPE_CPU, TYPE_BUS, TYPE_IOAPIC, TYPE_IO_INT, TYPE_LOCAL_INT };
enum { KIND_INT, KIND_NMI, KIND_SMI, KIND_EXTINT };

#define BUS_PCI 0
#define BUS_ISA 1

#define CPU_ENABLED   1
#define CPU_BOOT      2
#define LAPIC_VERSION 0x14
#define ALL_LAPICS    0xff

#define FLAGS_BUS        0 /* as the bus has it: ISA = edge, active high */
#define FLAGS_EDGE_HIGH  0x05
#define FLAGS_LEVEL_HIGH 0x0d
#define FLAGS_LEVEL_LOW  0x0f

#define BASE_ENTRIES 7 /* CPU, 2 buses, IOAPIC, serial port, 2 local interrupts */

struct table {
	struct mp_float fp;
	uint8_t pad[16];
	struct mp_header head;
	struct mp_cpu cpu;
	struct mp_bus bus[2];
	struct mp_ioapic ioapic;
	struct mp_int serial;
	struct mp_int rest[]; /* PCI entries, then the local interrupts */
} __packed;

static void fill_cpu(struct mp_cpu *cpu)
{
	struct cpuid_regs r = cpuid(1, 0);

	*cpu = (struct mp_cpu){
		.type = TYPE_CPU,
		.version = LAPIC_VERSION,
		.flags = CPU_ENABLED | CPU_BOOT,
		.signature = r.eax & 0xfff, /* stepping, model, family: all the field has */
		.features = r.edx,
	};
}

static struct mp_int pci_int(const struct mp_pci_irq *irq)
{
	uint16_t level = irq->active_low ? FLAGS_LEVEL_LOW : FLAGS_LEVEL_HIGH;

	return (struct mp_int){
		.type = TYPE_IO_INT,
		.kind = KIND_INT,
		.flags = irq->edge ? FLAGS_EDGE_HIGH : level,
		.bus = BUS_PCI,
		.irq = irq->slot << 2 | irq->pin,
		.apic = VIOAPIC_ID,
		.pin = irq->ioapic_pin,
	};
}

static struct mp_int local_int(uint8_t kind, uint8_t lapic, uint8_t lint)
{
	return (struct mp_int){
		.type = TYPE_LOCAL_INT, .kind = kind, .bus = BUS_ISA, .apic = lapic, .pin = lint
	};
}

static void fill_fixed(struct table *t)
{
	fill_cpu(&t->cpu);
	t->bus[0] = (struct mp_bus){ TYPE_BUS, BUS_PCI, { 'P', 'C', 'I', ' ', ' ', ' ' } };
	t->bus[1] = (struct mp_bus){ TYPE_BUS, BUS_ISA, { 'I', 'S', 'A', ' ', ' ', ' ' } };
	t->ioapic = (struct mp_ioapic){ TYPE_IOAPIC, VIOAPIC_ID, 0x11, 1, VIOAPIC_GPA };
	t->serial = (struct mp_int){ TYPE_IO_INT, KIND_INT,   FLAGS_BUS, BUS_ISA,
				     VUART_PIN,   VIOAPIC_ID, VUART_PIN };
}

static void fill_header(struct mp_header *head, size_t length, size_t entries)
{
	memcpy(head->signature, "PCMP", 4);
	head->length = length;
	head->revision = 4;
	memcpy(head->oem, "POLLUX  ", 8);
	memcpy(head->product, "POLLUX VM   ", 12);
	head->entries = entries;
	head->lapic = VLAPIC_GPA;
	head->checksum = checksum8(head, length);
}

static void fill_float(struct mp_float *fp, uint32_t table)
{
	memcpy(fp->signature, "_MP_", 4);
	fp->table = table;
	fp->length = 1; /* in units of 16 bytes */
	fp->revision = 4;
	fp->checksum = checksum8(fp, sizeof(*fp));
}

int mptable_build(void *buf, size_t size, gpa_t gpa, const struct mp_pci_irq *irq, size_t count)
{
	struct table *t = buf;
	size_t used = sizeof(*t) + (count + 2) * sizeof(struct mp_int);
	size_t length = used - offsetof(struct table, head);

	if (count > 0x1000 || used > size)
		return -ENOSPC;
	memset(buf, 0, used);
	fill_fixed(t);
	for (size_t i = 0; i < count; i++)
		t->rest[i] = pci_int(&irq[i]);
	t->rest[count] = local_int(KIND_EXTINT, 0, 0);
	t->rest[count + 1] = local_int(KIND_NMI, ALL_LAPICS, 1);
	fill_header(&t->head, length, BASE_ENTRIES + count);
	fill_float(&t->fp, gpa + offsetof(struct table, head));
	return used;
}
