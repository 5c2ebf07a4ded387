/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's decoder against Zydis: whatever the judge accepts, Zydis reads with the same length,
 * operation, operands and immediates. Inputs: every opcode with every modrm byte under all prefixes
 * that the judge knows (once sampled with a fixed seed, once each by itself), and each instruction
 * of the kernel modules in VERIFY_MODULES (a list of files) or, without it, of network drivers of
 * the driver VM's kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <Zydis/Zydis.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/verify/decode.h"
#include "forms.h"
#include "tests/fuzz/random.h"

static ZydisDecoder zydis;

static int set_up(void **state)
{
	(void)state;
	return ZYAN_SUCCESS(
		       ZydisDecoderInit(&zydis, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64))
		       ? 0
		       : -1;
}

static bool same_operation(const struct insn *i, const ZydisDecodedInstruction *z)
{
	const char *m = ZydisMnemonicGetString(z->mnemonic);

	switch (i->op) {
	case OP_JCC:
		return z->meta.category == ZYDIS_CATEGORY_COND_BR;
	case OP_CMOV:
		return z->meta.category == ZYDIS_CATEGORY_CMOV;
	case OP_SETCC:
		return z->meta.category == ZYDIS_CATEGORY_SETCC;
	default:
		return form_is_named(i->op, m);
	}
}

static uint8_t zydis_register(ZydisRegister r)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
		return OPND_NONE;
	return (uint8_t)(whole - ZYDIS_REGISTER_RAX);
}

static bool is_high(ZydisRegister r)
{
	return r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
}

static bool same_memory(const struct mem_operand *m, const ZydisDecodedOperandMem *z)
{
	uint8_t seg = z->segment == ZYDIS_REGISTER_FS   ? SEG_FS
		      : z->segment == ZYDIS_REGISTER_GS ? SEG_GS
							: SEG_NONE;

	return m->seg == seg && m->base == zydis_register(z->base) &&
	       m->index == zydis_register(z->index) &&
	       (m->index == OPND_NONE || m->scale == z->scale) &&
	       m->disp == (z->disp.has_displacement ? z->disp.value : 0);
}

static bool same_operand(const struct insn *i, uint8_t which, bool high, unsigned size,
			 const ZydisDecodedOperand *z)
{
	if (z->type == ZYDIS_OPERAND_TYPE_MEMORY)
		return which == OPND_MEM && same_memory(&i->mem, &z->mem) &&
		       (i->op == OP_LEA || z->size == 8 * size);
	if (z->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return which == OPND_IMM;
	return which == zydis_register(z->reg.value) && high == is_high(z->reg.value) &&
	       z->size == 8 * size;
}

/* An immediate is compared in the width in which it acts. */
static bool same_immediate(const struct insn *i, const ZydisDecodedInstruction *z)
{
	uint64_t mask = i->size == 1   ? 0xff
			: i->size == 2 ? 0xffff
			: i->size == 4 ? 0xffffffff
				       : ~0ull;

	return !z->raw.imm[0].size ||
	       !(((uint64_t)i->imm ^ (z->raw.imm[0].is_signed ? (uint64_t)z->raw.imm[0].value.s
							      : z->raw.imm[0].value.u)) &
		 (i->op == OP_SHL || i->op == OP_SHR || i->op == OP_SAR || i->op == OP_MIX ||
				  i->op == OP_BTS || i->op == OP_BTX || i->op == OP_BT
			  ? 0x3f
			  : mask));
}

static bool same_operands(const struct insn *i, const ZydisDecodedInstruction *z,
			  const ZydisDecodedOperand *o)
{
	switch (i->op) {
	case OP_NOP:
	case OP_INT3:
	case OP_UD2:
	case OP_RET:
	case OP_INDIRECT:
	case OP_CONVERT:
	case OP_EXTEND:
		return true;
	case OP_CALL:
	case OP_JMP:
	case OP_JCC:
		return i->imm == z->raw.imm[0].value.s;
	case OP_MOVS:
	case OP_STOS:
		return o[0].size == 8 * i->size;
	case OP_XCHG: /* Zydis and the judge order registers of the short form differently */
		if (z->operand_count_visible == 2 && o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (same_operand(i, i->src, i->src_high, i->size, &o[0]) &&
		     same_operand(i, i->dst, i->dst_high, i->size, &o[1])))
			return true;
		break;
	default:
		break;
	}
	if (z->operand_count_visible >= 1 && i->dst != OPND_NONE &&
	    !same_operand(i, i->dst, i->dst_high, i->size, &o[0]))
		return false;
	if (z->operand_count_visible >= 2 && i->src != OPND_NONE && o[1].size &&
	    !(o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && o[1].reg.value == ZYDIS_REGISTER_CL) &&
	    !same_operand(i, i->src, i->src_high, i->src_size, &o[1]))
		return false;
	return same_immediate(i, z);
}

static void print_bytes(const uint8_t *p, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		fprintf(stderr, "%02x ", p[k]);
	fputc('\n', stderr);
}

/* Does the judge accept the bytes? If so Zydis must agree. */
static bool check_one(const uint8_t *p, uint32_t avail, const char **reason)
{
	ZydisDecodedInstruction z;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	struct insn i;
	bool same;

	*reason = NULL;
	if (insn_decode(p, avail, 0, &i, reason) != VERIFY_OK)
		return false;
	if (i.op == OP_GUARD)
		return i.len == 7;
	same = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&zydis, p, avail, &z, o)) && z.length == i.len &&
	       same_operation(&i, &z) && same_operands(&i, &z, o) &&
	       i.lock == !!(z.attributes & ZYDIS_ATTRIB_HAS_LOCK) &&
	       (z.meta.isa_ext == ZYDIS_ISA_EXT_BASE || z.meta.isa_ext == ZYDIS_ISA_EXT_LONGMODE ||
		i.op == OP_NOP);
	if (!same) {
		fprintf(stderr, "judge: op %u len %u dst %u src %u, bytes ", i.op, i.len, i.dst,
			i.src);
		print_bytes(p, 15);
	}
	assert_true(same);
	return true;
}

static void test_all_opcodes(void **state)
{
	static const uint8_t prefixes[] = { 0x66, 0xf0, 0xf3, 0x64, 0x65, 0x2e, 0xf2, 0x67 };
	unsigned accepted = 0;

	(void)state;
	for (unsigned n = 0; n < 512 * 256 * 12; n++) {
		uint8_t b[16];
		unsigned k = 0, opcode = n % 512;
		const char *reason;

		for (unsigned m = 0; m < 16; m++)
			b[m] = (uint8_t)rnd();
		for (unsigned m = (unsigned)(rnd() % 8); m > 5; m--)
			b[k++] = prefixes[rnd() % sizeof(prefixes)];
		if (rnd() & 1)
			b[k++] = 0x40 | (rnd() & 15);
		if (opcode >= 256)
			b[k++] = 0x0f;
		b[k++] = (uint8_t)opcode;
		b[k] = (uint8_t)(n / 512);
		accepted += check_one(b, 15, &reason);
	}
	print_message("%u forms accepted\n", accepted);
	assert_true(accepted > 100000);
}

static void test_r7_every_prefix_opcode_and_modrm(void **state)
{
	unsigned accepted = 0;

	(void)state;
	for (uint32_t n = 0; n < FORMS; n++) {
		uint8_t b[FORM_BYTES];
		const char *reason;

		form_make(n, b);
		accepted += check_one(b, 15, &reason);
	}
	print_message("%u forms accepted\n", accepted);
	assert_true(accepted > 500000);
}

/* Short inputs: never a length beyond what is there. */
static void test_truncated(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 200000; n++) {
		uint32_t avail = 1 + rnd() % 15;
		uint8_t *b = malloc(avail); /* exact, so that the sanitizer sees a read beyond */
		struct insn i;
		const char *reason;

		for (uint32_t k = 0; k < avail; k++)
			b[k] = (uint8_t)(rnd() & (k ? 0xff : 0x4f));
		if (insn_decode(b, avail, rnd() & 1 ? 0 : ~0ull, &i, &reason) == VERIFY_OK)
			assert_in_range(i.len, 1, avail);
		free(b);
	}
}

struct tally {
	const char *reason;
	unsigned count;
};

static unsigned check_section(Elf_Scn *scn, struct tally *refused)
{
	Elf_Data *d = elf_getdata(scn, NULL);
	unsigned accepted = 0;

	for (size_t at = 0; at < d->d_size;) {
		ZydisDecodedInstruction z;
		const uint8_t *p = (const uint8_t *)d->d_buf + at;
		const char *reason;

		if (!ZYAN_SUCCESS(
			    ZydisDecoderDecodeInstruction(&zydis, NULL, p, d->d_size - at, &z)))
			break;
		if (check_one(p, (uint32_t)(d->d_size - at), &reason)) {
			accepted++;
		} else {
			struct tally *t = refused;

			while (t->reason && strcmp(t->reason, reason))
				t++;
			t->reason = reason;
			t->count++;
			if (getenv("VERIFY_VERBOSE")) {
				fprintf(stderr, "%s: ", reason);
				print_bytes(p, z.length);
			}
		}
		at += z.length;
	}
	return accepted;
}

static void check_module(const char *path)
{
	struct tally refused[32] = { 0 };
	int fd = open(path, O_RDONLY);
	Elf *elf;
	Elf_Scn *scn = NULL;
	unsigned accepted = 0;

	assert_true(fd >= 0);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr h;

		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_PROGBITS &&
		    h.sh_flags & SHF_EXECINSTR)
			accepted += check_section(scn, refused);
	}
	elf_end(elf);
	close(fd);
	print_message("%s: %u accepted", strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
		      accepted);
	for (struct tally *t = refused; t->reason; t++)
		print_message("; %u %s", t->count, t->reason);
	print_message("\n");
	assert_true(accepted > 0);
}

static void test_modules(void **state)
{
	static const char *const drivers[] = { "intel/*/*.ko", "realtek/*.ko", "amd/*.ko",
					       "8390/*.ko", "dec/tulip/*.ko" };
	const char *list = getenv("VERIFY_MODULES"), *out = getenv("O");
	char *copy = list ? strdup(list) : NULL, pattern[512];
	glob_t g = { 0 };

	(void)state;
	for (char *word = copy ? strtok(copy, " ") : NULL; word; word = strtok(NULL, " "))
		check_module(word);
	free(copy);
	if (list)
		return;
	for (size_t k = 0; k < sizeof(drivers) / sizeof(drivers[0]); k++) {
		snprintf(pattern, sizeof(pattern),
			 "%s/kernel/modules/kernel/drivers/net/ethernet/%s", out ? out : "out",
			 drivers[k]);
		glob(pattern, k ? GLOB_APPEND : 0, NULL, &g);
	}
	for (size_t k = 0; k < g.gl_pathc; k++)
		check_module(g.gl_pathv[k]);
	assert_true(g.gl_pathc > 0);
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_opcodes),
		cmocka_unit_test(test_r7_every_prefix_opcode_and_modrm),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_modules),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
