/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a .twin file, relocates it, has it judged, places it. */
#include "twin/load.h"

#include "debug/log.h"
#include "drivers/verify/verify.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "twin/gate.h"
#include "twin/judge.h"
#include "twin/native.h"
#include "twin/upcall.h"
#include "twin/verdict.h"

#define TEXT_MAX        KIB(256)
#define ENTRIES_MAX     64
#define MODULE_TEXT_MAX MIB(1)

struct twin_image twin_image;

static const uint32_t element_size[TWIN_TABLE_COUNT] = {
	[TWIN_TABLE_TEXT] = 1,
	[TWIN_TABLE_STRINGS] = 1,
	[TWIN_TABLE_RELOCS] = sizeof(struct twin_reloc),
	[TWIN_TABLE_IMPORTS] = sizeof(struct twin_import),
	[TWIN_TABLE_SECTIONS] = sizeof(struct twin_section),
	[TWIN_TABLE_FUNCTIONS] = sizeof(struct twin_function),
	[TWIN_TABLE_ENTRIES] = sizeof(struct twin_entry),
	[TWIN_TABLE_TARGETS] = sizeof(struct twin_target),
	[TWIN_TABLE_GS] = sizeof(struct twin_gs),
	[TWIN_TABLE_KEYS] = sizeof(struct twin_key),
	[TWIN_TABLE_TRAPS] = sizeof(struct twin_trap),
	[TWIN_TABLE_BY_TWIN] = sizeof(struct twin_map),
	[TWIN_TABLE_BY_MODULE] = sizeof(struct twin_map),
};

static struct {
	uint8_t *text; /* writable copy, direct map */
	void *work;    /* the judge's scratch memory */
	uint32_t size; /* bytes of text */
	bool placed;
	bool poked; /* by the monitor, on purpose */
	uint32_t
		entry[ENTRIES_MAX]; /* offsets that the hv calls or that the indirect table names */
	uint32_t entries;
	uint32_t trap[ENTRIES_MAX];
	uint32_t traps;
} place;

const void *twin_table(enum twin_table_id id)
{
	return twin_image.file + twin_image.head->table[id].offset;
}

uint32_t twin_count(enum twin_table_id id)
{
	return twin_image.head ? twin_image.head->table[id].count : 0;
}

const char *twin_string(uint32_t offset)
{
	if (offset >= twin_count(TWIN_TABLE_STRINGS))
		return "?";
	return (const char *)twin_table(TWIN_TABLE_STRINGS) + offset;
}

static int refuse(const char *fmt, ...) __format(1, 2);
static int refuse(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("twin refused: %s", text);
	return -EINVAL;
}

static uint32_t file_crc(const uint8_t *file, uint32_t size)
{
	const size_t at = TWIN_HEADER_OFFSET + offsetof(struct twin_header, crc32);
	static const uint8_t zero[4];
	uint32_t crc = twin_crc32(0, file, at);

	crc = twin_crc32(crc, zero, 4);
	return twin_crc32(crc, file + at + 4, size - at - 4);
}

static int check_tables(const struct twin_header *h, uint32_t size)
{
	for (int i = 0; i < TWIN_TABLE_COUNT; i++) {
		uint64_t bytes = (uint64_t)h->table[i].count * element_size[i];

		if (h->table[i].offset % 8 || h->table[i].offset > size ||
		    bytes > size - h->table[i].offset)
			return refuse("table %d lies outside the file", i);
	}
	return 0;
}

static int check_strings(void)
{
	uint32_t n = twin_count(TWIN_TABLE_STRINGS);
	const char *s = n ? twin_table(TWIN_TABLE_STRINGS) : NULL;

	if (!n || s[0] || s[n - 1])
		return refuse("the string table does not begin and end with NUL");
	return 0;
}

int twin_image_check(const uint8_t *file, uint64_t size)
{
	const struct twin_header *h = (const void *)(file + TWIN_HEADER_OFFSET);
	int rc;

	if (size < TWIN_HEADER_OFFSET + sizeof(*h) || size > TWIN_FILE_MAX)
		return refuse("the file is cut off or too large (%lu bytes)", size);
	if (memcmp(h->magic, TWIN_MAGIC, 8))
		return refuse("it is not a .twin file");
	if (h->version != TWIN_VERSION || h->header_size != sizeof(*h))
		return refuse("its format is version %u, this hypervisor reads version %u",
			      h->version, TWIN_VERSION);
	if (h->file_size != size)
		return refuse("the file is cut off (%lu of %u bytes)", size, h->file_size);
	if (h->crc32 != file_crc(file, size))
		return refuse("the file is damaged (wrong CRC)");
	if (h->flags || h->engine > TWIN_ENGINE_STLB || h->guard_bit != TWIN_GUARD_BIT ||
	    h->slack_log2 != TWIN_SLACK_LOG2 || h->gs_bytes > TWIN_GS_BLOCK_BYTES)
		return refuse("it was derived for experiments (flags %x, engine %u)", h->flags,
			      h->engine);
	if (h->facts > TWIN_FACTS_SLOTS)
		return refuse("it was derived at level %u, which is not known", h->facts);
	if (h->module[sizeof(h->module) - 1] || h->vermagic[sizeof(h->vermagic) - 1])
		return refuse("a name in its header has no end");
	rc = check_tables(h, size);
	if (rc)
		return rc;
	twin_image = (struct twin_image){ file, size, h };
	rc = check_strings();
	if (!rc && (twin_count(TWIN_TABLE_TEXT) == 0 || twin_count(TWIN_TABLE_TEXT) > TEXT_MAX))
		rc = refuse("%u bytes of code", twin_count(TWIN_TABLE_TEXT));
	if (!rc && twin_count(TWIN_TABLE_IMPORTS) > TWIN_GATE_STUBS)
		rc = refuse("%u imports", twin_count(TWIN_TABLE_IMPORTS));
	if (rc)
		twin_image.head = NULL;
	return rc;
}

static bool is_stlb(void)
{
	return twin_image.head->engine == TWIN_ENGINE_STLB;
}

/*
 * What an import's calls lead to: a thunk, a native, or the upcall stub with its number. What the
 * file says of a native is not believed: one that it calls noreturn gets the stub, which does not
 * return (twin_upcall()), else code that nobody judged would run behind the native's call.
 */
static uint64_t import_address(uint32_t index, uint32_t *flags)
{
	const struct twin_import *imp =
		(const struct twin_import *)twin_table(TWIN_TABLE_IMPORTS) + index;
	const struct native *n = NULL;

	*flags = imp->flags & TWIN_IMPORT_NORETURN ? VERIFY_TARGET_NORETURN : 0;
	if (imp->kind == TWIN_IMPORT_THUNK) {
		*flags = VERIFY_TARGET_THUNK;
		return twin_gate_thunk(imp->reg);
	}
	if (imp->kind == TWIN_IMPORT_MISS) {
		*flags = VERIFY_TARGET_MISS_OF(imp->reg);
		return is_stlb() ? twin_gate_miss(imp->reg) : 0;
	}
	if (imp->kind == TWIN_IMPORT_FUNCTION && !*flags)
		n = native_find(twin_string(imp->name));
	if (n && upcall_is_forced(n->name))
		n = NULL;
	return n ? (uint64_t)n->fn : twin_gate_upcall(index);
}

static int relocation_value(const struct twin_reloc *r, const struct twin_binding *b, int64_t *val)
{
	uint32_t flags;
	uint64_t base;

	if (r->type == TWIN_R_STACK64) {
		*val = b->stack_distance;
		return 0;
	}
	if (r->index >=
	    twin_count(r->type == TWIN_R_SEC32 ? TWIN_TABLE_SECTIONS : TWIN_TABLE_IMPORTS))
		return refuse("relocation at %x: no such index", r->where);
	if (r->type == TWIN_R_CALL32) {
		base = import_address(r->index, &flags);
		*val = base - (TWIN_BASE + r->where + 4);
		return base ? 0 : refuse("relocation at %x: nothing to call", r->where);
	}
	base = r->type == TWIN_R_SEC32 ? b->section[r->index] : b->import[r->index];
	*val = base + r->addend;
	return base ? 0 : refuse("relocation at %x: the driver VM has no address for it", r->where);
}

static int relocate(const struct twin_binding *b)
{
	const struct twin_reloc *r = twin_table(TWIN_TABLE_RELOCS);

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_RELOCS); i++, r++) {
		uint32_t bytes = r->type == TWIN_R_STACK64 ? 8 : 4;
		int64_t val;

		if (r->type < TWIN_R_SEC32 || r->type > TWIN_R_STACK64 ||
		    r->where > place.size - bytes || place.size < bytes)
			return refuse("relocation %u is broken", i);
		if (relocation_value(r, b, &val))
			return -EINVAL;
		if (bytes == 4 && val != (int32_t)val)
			return refuse("relocation at %x: %lx does not fit", r->where,
				      (uint64_t)val);
		memcpy(place.text + r->where, &val, bytes);
	}
	return 0;
}

/* Entries and address-taken functions: what the judge must assume to be called. */
static int collect_entries(void)
{
	const struct twin_entry *e = twin_table(TWIN_TABLE_ENTRIES);
	const struct twin_target *t = twin_table(TWIN_TABLE_TARGETS);
	const struct twin_function *f = twin_table(TWIN_TABLE_FUNCTIONS);
	const struct twin_trap *trap = twin_table(TWIN_TABLE_TRAPS);

	if (twin_count(TWIN_TABLE_ENTRIES) + twin_count(TWIN_TABLE_TARGETS) > ENTRIES_MAX ||
	    twin_count(TWIN_TABLE_TRAPS) > ENTRIES_MAX)
		return refuse("too many entries, targets or traps");
	place.entries = place.traps = 0;
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_ENTRIES); i++) {
		if (e[i].function >= twin_count(TWIN_TABLE_FUNCTIONS))
			return refuse("entry %u names no function", i);
		place.entry[place.entries++] = f[e[i].function].twin_offset;
	}
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_TARGETS); i++)
		place.entry[place.entries++] = t[i].twin_offset;
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_TRAPS); i++)
		if (trap[i].kind == TWIN_TRAP_WARN)
			place.trap[place.traps++] = trap[i].twin_offset;
	return 0;
}

/* Sorted, without duplicates, as the judge wants it: insertion into a short list. */
static uint32_t collect_targets(struct verify_target *out)
{
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);
	uint32_t n = 0;

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_IMPORTS); i++) {
		/*
		 * For varargs nstack is the most that any call site passes, so none is sure to be
		 * there.
		 */
		bool varargs = imp[i].flags & TWIN_IMPORT_VARARGS;
		struct verify_target t = { .stack_args = varargs ? 0 : 8u * imp[i].nstack };
		uint32_t at = n;

		if (imp[i].kind == TWIN_IMPORT_DATA)
			continue;
		t.addr = import_address(i, &t.flags);
		while (at > 0 && out[at - 1].addr > t.addr)
			at--;
		if (at > 0 && out[at - 1].addr == t.addr)
			continue;
		memmove(&out[at + 1], &out[at], (n - at) * sizeof(*out));
		out[at] = t;
		n++;
	}
	return n;
}

static int judge(const struct twin_binding *b)
{
	static struct verify_target targets[TWIN_GATE_STUBS + 1];
	struct verify_result res;
	bool known;
	struct verify_input in = { .code = place.text,
				   .base = TWIN_BASE,
				   .size = place.size,
				   .entries = place.entry,
				   .nr_entries = place.entries,
				   .traps = place.trap,
				   .nr_traps = place.traps,
				   .targets = targets,
				   .gs_size = TWIN_GS_BLOCK_BYTES,
				   .stack_limit = TWIN_STACK_LIMIT,
				   .second_stack = b->stack_distance,
				   .lookups = is_stlb(),
				   .strict = judge_is_strict(),
				   .work = place.work,
				   .work_size = VERIFY_WORK_SIZE };

	in.nr_targets = collect_targets(targets);
	if (!verdict_of(&in, &res, &known)) {
		char where[96];

		refuse("the judge (%s): rule %s at %s: %s", judge_is_strict() ? "strict" : "normal",
		       verify_rules[res.rule].name,
		       twin_symbol(TWIN_BASE + res.offset, where, sizeof(where)), res.reason);
		judge_advise(&twin_image);
		return -EINVAL;
	}
	log_info("twin judged (%s): %u instructions, %u guards, %u functions, %lu steps%s",
		 judge_is_strict() ? "strict" : "normal", res.instructions, res.guards,
		 res.functions, res.steps, known ? " (the same bytes as before)" : "");
	return 0;
}

/* Targets must be 16-byte aligned addresses in the section of the first one (R5). */
static int fill_indirect(const struct twin_binding *b)
{
	const struct twin_target *t = twin_table(TWIN_TABLE_TARGETS);
	uint32_t n = twin_count(TWIN_TABLE_TARGETS);

	twin_gate_clear();
	for (uint32_t i = 0; i < n; i++) {
		uint64_t base;

		if (t[i].section >= twin_count(TWIN_TABLE_SECTIONS) ||
		    t[i].twin_offset >= place.size)
			return refuse("indirect target %u is broken", i);
		base = b->section[t[i].section];
		if (!base || twin_gate_set(base, t[i].module_offset, TWIN_BASE + t[i].twin_offset))
			return refuse("indirect target %u: no place in the table", i);
	}
	return 0;
}

int twin_place(const struct twin_binding *binding)
{
	twin_unplace();
	if (!twin_image.head)
		return -ENOENT;
	place.size = twin_count(TWIN_TABLE_TEXT);
	if (!place.text) {
		place.text = phys_alloc_hv(TEXT_MAX);
		place.work = phys_alloc_hv(VERIFY_WORK_SIZE);
	}
	paging_protect((uint64_t)place.text, TEXT_MAX, PTE_W | PTE_NX);
	memset(place.text, 0xcc, TEXT_MAX);
	memcpy(place.text, twin_table(TWIN_TABLE_TEXT), place.size);
	if (relocate(binding) || collect_entries() || judge(binding) || fill_indirect(binding))
		return -EINVAL;
	/* Written for the last time: from here on no mapping of it is writable. */
	paging_protect((uint64_t)place.text, TEXT_MAX, PTE_NX);
	paging_map(TWIN_BASE, hva_to_hpa(place.text), ALIGN_UP(place.size, PAGE_SIZE), 0);
	place.placed = true;
	place.poked = false;
	return 0;
}

void twin_unplace(void)
{
	if (!place.placed)
		return;
	place.placed = false;
	paging_unmap(TWIN_BASE, ALIGN_UP(place.size, PAGE_SIZE));
}

uint64_t twin_entry_address(enum twin_role role)
{
	const struct twin_entry *e = twin_table(TWIN_TABLE_ENTRIES);

	for (uint32_t i = 0; place.placed && i < twin_count(TWIN_TABLE_ENTRIES); i++)
		if (e[i].role == role)
			return TWIN_BASE + place.entry[i];
	return 0;
}

uint64_t twin_entry_module(enum twin_role role, const uint64_t *section)
{
	const struct twin_entry *e = twin_table(TWIN_TABLE_ENTRIES);
	const struct twin_function *f = twin_table(TWIN_TABLE_FUNCTIONS);

	for (uint32_t i = 0; place.placed && i < twin_count(TWIN_TABLE_ENTRIES); i++)
		if (e[i].role == role && f[e[i].function].section < twin_count(TWIN_TABLE_SECTIONS))
			return section[f[e[i].function].section] + f[e[i].function].module_offset;
	return 0;
}

static int overwrite(uint64_t addr, const uint8_t *bytes, uint32_t n)
{
	if (!twin_has(addr) || n > place.size || addr - TWIN_BASE > place.size - n)
		return -EINVAL;
	paging_protect((uint64_t)place.text, TEXT_MAX, PTE_W | PTE_NX);
	memcpy(place.text + (addr - TWIN_BASE), bytes, n);
	paging_protect((uint64_t)place.text, TEXT_MAX, PTE_NX);
	return 0;
}

int twin_poke(uint64_t addr, const uint8_t *bytes, uint32_t n)
{
	place.poked = true;
	return overwrite(addr, bytes, n);
}

int twin_flip(uint64_t addr, uint8_t bits)
{
	if (!twin_has(addr))
		return -EINVAL;
	bits ^= *(const uint8_t *)addr;
	return overwrite(addr, &bits, 1);
}

uint64_t twin_changed_at(void)
{
	uint32_t at =
		place.placed && !place.poked ? verdict_differs(place.text, place.size) : place.size;

	return at == place.size ? 0 : TWIN_BASE + at;
}

uint64_t twin_call_site(const char *import, uint32_t n)
{
	const struct twin_reloc *r = twin_table(TWIN_TABLE_RELOCS);
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);

	for (uint32_t i = 0; place.placed && i < twin_count(TWIN_TABLE_RELOCS); i++)
		if (r[i].type == TWIN_R_CALL32 &&
		    strcmp(twin_string(imp[r[i].index].name), import) == 0 && n-- == 0)
			return TWIN_BASE + r[i].where + 4;
	return 0;
}

bool twin_has(uint64_t addr)
{
	return place.placed && addr >= TWIN_BASE && addr - TWIN_BASE < place.size;
}

bool twin_is_warn(uint64_t addr)
{
	for (uint32_t i = 0; twin_has(addr) && i < place.traps; i++)
		if (place.trap[i] == addr - TWIN_BASE)
			return true;
	return false;
}

const char *twin_symbol(uint64_t addr, char *buf, size_t size)
{
	const struct twin_map *m = twin_table(TWIN_TABLE_BY_TWIN), *best = NULL;
	const struct twin_function *f = twin_table(TWIN_TABLE_FUNCTIONS), *fn = NULL;
	uint64_t off = addr - TWIN_BASE;

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_BY_TWIN) && m[i].twin_offset <= off; i++)
		best = &m[i];
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_FUNCTIONS) && f[i].twin_offset <= off; i++)
		fn = &f[i];
	if (!best || !fn)
		snprintf(buf, size, "twin+0x%lx", off);
	else
		snprintf(buf, size, "%s+0x%x (twin+0x%lx)", twin_string(fn->name),
			 best->module_offset - fn->module_offset, off);
	return buf;
}
