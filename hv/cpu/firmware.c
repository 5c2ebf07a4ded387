/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and reads ACPI tables. */
#include "cpu/firmware.h"

#include "debug/log.h"
#include "lib/string.h"
#include "mem/paging.h"

#define EBDA_SEGMENT 0x40e /* a word of the BIOS's data: paragraph of its extended data */
#define EBDA_SEARCH  1024
#define BIOS_START   0xe0000
#define BIOS_END     0x100000

#define RSDP_1      20 /* bytes of revision 0 and 1 */
#define RSDP_2      36
#define HEADER      36 /* of each other table */
#define TABLE_MAX   MIB(4)
#define TABLES_MAX  128
#define MADT_FIRST  44
#define MCFG_FIRST  44
#define MCFG_ENTRY  16
#define FADT_MIN    116 /* ACPI 1.0's */
#define FADT_RESETS BIT(10)
#define FADT_SIMPLE BIT(20) /* hardware-reduced: without these ports */

struct firmware firmware = { .reset.space = SPACE_NONE };

/* A table whose length and checksum are right. */
struct table {
	const uint8_t *at;
	uint32_t len;
};

static uint16_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool sums_up(const uint8_t *p, uint32_t len)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += p[i];
	return sum == 0;
}

static bool has_signature(hpa_t hpa, const char *signature)
{
	const uint8_t *at = paging_view(hpa, HEADER);

	return at && memcmp(at, signature, 4) == 0;
}

/* False: not that table, or a bad one, which the log then names. */
static bool open_table(hpa_t hpa, const char *signature, struct table *t)
{
	const uint8_t *head = paging_view(hpa, HEADER);

	if (!head || memcmp(head, signature, 4) != 0) {
		log_warn("ACPI: no table %s at %lx", signature, hpa);
		return false;
	}
	t->len = get32(head + 4);
	t->at = t->len >= HEADER && t->len <= TABLE_MAX ? paging_view(hpa, t->len) : NULL;
	if (!t->at) {
		log_warn("ACPI: table %s at %lx has %u bytes", signature, hpa, t->len);
		return false;
	}
	if (sums_up(t->at, t->len))
		return true;
	log_warn("ACPI: table %s at %lx has a wrong checksum", signature, hpa);
	return false;
}

/* ---- the root ---- */

static bool is_rsdp(const uint8_t *p)
{
	return memcmp(p, "RSD PTR ", 8) == 0 && sums_up(p, RSDP_1);
}

/* On a boundary of 16 bytes. */
static bool search(hpa_t start, hpa_t end, struct table *rsdp)
{
	const uint8_t *p = paging_view(start, end - start);

	for (uint32_t at = 0; p && start + at + RSDP_1 <= end; at += 16)
		if (is_rsdp(p + at)) {
			*rsdp = (struct table){ p + at, MIN(end - start - at, RSDP_2) };
			return true;
		}
	return false;
}

static bool find_rsdp(struct table *rsdp)
{
	const uint8_t *word = paging_view(EBDA_SEGMENT, 2);
	hpa_t ebda = word ? (hpa_t)get16(word) << 4 : 0;

	if (ebda >= PAGE_SIZE && ebda < BIOS_START && search(ebda, ebda + EBDA_SEARCH, rsdp))
		return true;
	return search(BIOS_START, BIOS_END, rsdp);
}

/* Of an RSDP of revision 2 whose second part is right; 0: there is none. */
static hpa_t xsdt_of(const struct table *rsdp)
{
	const uint8_t *p = rsdp->at;

	if (rsdp->len < RSDP_2 || p[15] < 2 || get32(p + 20) != RSDP_2 || !sums_up(p, RSDP_2))
		return 0;
	return get64(p + 24);
}

/* The XSDT if there is one, as its addresses have 64 bits. */
static bool open_root(const struct table *rsdp, struct table *root, unsigned int *entry)
{
	hpa_t xsdt;

	if (rsdp->len < RSDP_1 || !is_rsdp(rsdp->at)) {
		log_warn("ACPI: what the boot loader gave is no RSDP");
		return false;
	}
	xsdt = xsdt_of(rsdp);
	*entry = 8;
	if (xsdt && open_table(xsdt, "XSDT", root))
		return true;
	*entry = 4;
	return open_table(get32(rsdp->at + 16), "RSDT", root);
}

/* ---- MADT, MCFG ---- */

static void add_cpu(uint32_t id, uint32_t flags)
{
	if (!(flags & 1))
		return;
	for (unsigned int i = 0; i < firmware.cpus; i++)
		if (firmware.cpu[i] == id)
			return;
	if (firmware.cpus < FIRMWARE_CPUS)
		firmware.cpu[firmware.cpus++] = id;
	else
		log_warn("ACPI: more than %d CPUs; that with APIC id %x is left alone",
			 FIRMWARE_CPUS, id);
}

static void add_ioapic(hpa_t hpa, uint32_t first_pin)
{
	if (!hpa || hpa % PAGE_SIZE || firmware.ioapics == FIRMWARE_IOAPICS) {
		log_warn("ACPI: the IOAPIC at %lx is left alone", hpa);
		return;
	}
	firmware.ioapic[firmware.ioapics].hpa = hpa;
	firmware.ioapic[firmware.ioapics++].first_pin = first_pin;
}

static void read_madt(hpa_t hpa)
{
	enum { LOCAL_APIC = 0, IOAPIC = 1, LOCAL_X2APIC = 9 };
	struct table t;

	if (!open_table(hpa, "APIC", &t))
		return;
	for (uint32_t at = MADT_FIRST; at + 2 <= t.len;) {
		const uint8_t *e = t.at + at;
		uint8_t len = e[1];

		if (len < 2 || len > t.len - at) {
			log_warn("ACPI: MADT: an entry of %u bytes at %u of %u", len, at, t.len);
			return;
		}
		if (e[0] == LOCAL_APIC && len >= 8)
			add_cpu(e[3], get32(e + 4));
		else if (e[0] == LOCAL_X2APIC && len >= 16)
			add_cpu(get32(e + 4), get32(e + 8));
		else if (e[0] == IOAPIC && len >= 12)
			add_ioapic(get32(e + 4), get32(e + 8));
		at += len;
	}
}

static void read_mcfg(hpa_t hpa)
{
	struct table t;

	if (!open_table(hpa, "MCFG", &t))
		return;
	for (uint32_t at = MCFG_FIRST; at + MCFG_ENTRY <= t.len; at += MCFG_ENTRY) {
		const uint8_t *e = t.at + at;

		if (get16(e + 8) || e[11] < e[10])
			continue; /* another segment, or no bus */
		firmware.pcie = get64(e);
		firmware.first_bus = e[10];
		firmware.last_bus = e[11];
		return;
	}
}

/* ---- FADT, DSDT ---- */

/*
 * One element of a package: ZeroOp, OneOp, or BytePrefix and the byte. Returns its length; 0: it is
 * something else.
 */
static uint32_t read_element(const uint8_t *p, uint32_t left, uint8_t *val)
{
	if (left >= 1 && p[0] <= 1) {
		*val = p[0];
		return 1;
	}
	if (left >= 2 && p[0] == 0x0a) {
		*val = p[1];
		return 2;
	}
	return 0;
}

/*
 * The package behind the name _S5_: PackageOp, PkgLength of 1 to 4 bytes (the top two bits of the
 * first say how many more), NumElements, elements. A value has three bits.
 */
static bool read_s5(const uint8_t *p, uint32_t left)
{
	uint32_t lead, n;
	uint8_t type[2];

	if (left < 3 || p[0] != 0x12)
		return false;
	lead = 3 + (p[1] >> 6);
	if (left < lead || p[lead - 1] < 1)
		return false;
	n = read_element(p + lead, left - lead, &type[0]);
	if (!n || type[0] > 7)
		return false;
	/* Of a machine with one control port it may be the only one. */
	if (p[lead - 1] < 2 || !read_element(p + lead + n, left - lead - n, &type[1]))
		type[1] = type[0];
	if (type[1] > 7)
		return false;
	memcpy(firmware.s5_type, type, sizeof(type));
	return true;
}

/* NameOp, and the name from the root or where it stands. */
static bool is_s5_name(const uint8_t *aml, uint32_t at)
{
	return memcmp(aml + at, "_S5_", 4) == 0 &&
	       (aml[at - 1] == 0x08 || (aml[at - 1] == '\\' && aml[at - 2] == 0x08));
}

/*
 * To interpret AML would be a large program for one number. What is looked for has seven bytes or
 * more, and what is found is written to a port of the FADT's.
 */
static void read_dsdt(hpa_t hpa)
{
	struct table t;

	if (!open_table(hpa, "DSDT", &t))
		return;
	for (uint32_t at = HEADER + 2; at + 4 <= t.len && !firmware.has_s5; at++)
		if (is_s5_name(t.at, at))
			firmware.has_s5 = read_s5(t.at + at + 4, t.len - at - 4);
	if (!firmware.has_s5)
		log_warn("ACPI: the DSDT has no package _S5_");
}

static void read_reset(const struct table *t)
{
	const uint8_t *gas = t->at + 116;

	if (t->len < 129 || !(get32(t->at + 112) & FADT_RESETS) || !get64(gas + 4))
		return;
	if (gas[0] > SPACE_PCI || gas[1] != 8 || gas[2] ||
	    (gas[0] == SPACE_IO && get64(gas + 4) > 0xffff) ||
	    (gas[0] == SPACE_MEMORY && get64(gas + 4) >= TIB(4))) {
		log_warn("ACPI: FADT: a reset register of space %u with %u bits at %lx", gas[0],
			 gas[1], get64(gas + 4));
		return;
	}
	firmware.reset.space = gas[0];
	firmware.reset.address = get64(gas + 4);
	firmware.reset_value = t->at[128];
}

/* The extended field counts where it is a port; 0: there is none. */
static uint16_t control_port(const struct table *t, uint32_t field, uint32_t extended)
{
	const uint8_t *gas = t->at + extended;
	uint64_t port = get32(t->at + field);

	if (t->len >= extended + 12 && gas[0] == SPACE_IO && get64(gas + 4))
		port = get64(gas + 4);
	return port <= 0xffff ? port : 0;
}

static void read_fadt(hpa_t hpa)
{
	struct table t;
	hpa_t dsdt;

	if (!open_table(hpa, "FACP", &t))
		return;
	if (t.len < FADT_MIN) {
		log_warn("ACPI: table FACP at %lx has %u bytes", hpa, t.len);
		return;
	}
	read_reset(&t);
	if (get32(t.at + 112) & FADT_SIMPLE)
		return;
	firmware.pm1a_control = control_port(&t, 64, 172);
	firmware.pm1b_control = control_port(&t, 68, 184);
	if (t.at[52] && get32(t.at + 48) <= 0xffff) {
		firmware.smi_command = get32(t.at + 48);
		firmware.acpi_enable = t.at[52];
	}
	dsdt = t.len >= 148 && get64(t.at + 140) ? get64(t.at + 140) : get32(t.at + 40);
	if (firmware.pm1a_control)
		read_dsdt(dsdt);
}

/* ---- all ---- */

void firmware_read(const uint8_t *rsdp, uint32_t size)
{
	static const struct {
		const char *signature;
		void (*read)(hpa_t hpa);
	} known[] = { { "APIC", read_madt }, { "MCFG", read_mcfg }, { "FACP", read_fadt } };
	bool done[ARRAY_SIZE(known)] = { false };
	struct table given = { rsdp, size }, root;
	unsigned int entry;

	if ((!size && !find_rsdp(&given)) || !open_root(&given, &root, &entry)) {
		log_warn("the firmware has no ACPI tables that are of use");
		return;
	}
	firmware.acpi = true;
	for (uint32_t i = 0; i < (root.len - HEADER) / entry && i < TABLES_MAX; i++) {
		const uint8_t *p = root.at + HEADER + i * entry;
		hpa_t hpa = entry == 8 ? get64(p) : get32(p);

		for (unsigned int k = 0; k < ARRAY_SIZE(known); k++)
			if (!done[k] && has_signature(hpa, known[k].signature)) {
				done[k] = true;
				known[k].read(hpa);
			}
	}
}

void firmware_print(void)
{
	static const char *const spaces[] = { "memory", "port", "PCI" };
	const struct firmware *f = &firmware;

	log_info("check: %-8s ACPI tables", f->acpi ? "ok" : "optional");
	log_info("check: %-8s MADT: %u CPUs, %u IOAPICs, the first at %lx",
		 f->ioapics ? "ok" : "optional", f->cpus, f->ioapics, f->ioapic[0].hpa);
	if (f->pcie)
		log_info("check: ok       MCFG: PCI buses %u to %u at %lx; not used yet",
			 f->first_bus, f->last_bus, f->pcie);
	else
		log_info("check: optional MCFG: not used yet");
	if (f->has_s5)
		log_info("check: ok       power off: S5 by port %x, value %u", f->pm1a_control,
			 f->s5_type[0]);
	else
		log_info("check: optional power off: no S5");
	if (f->reset.space == SPACE_NONE)
		log_info("check: optional reset register: there are other ways");
	else
		log_info("check: ok       reset register: %s %lx, value %x", spaces[f->reset.space],
			 f->reset.address, f->reset_value);
}
