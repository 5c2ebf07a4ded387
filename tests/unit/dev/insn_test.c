/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder for emulated memory against Zydis: every form it accepts has the same length, sizes
 * and operands there; everything Zydis calls such a form is accepted; every cut is noticed without
 * a read beyond it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include "dev/insn.h"
#include "lib/errno.h"

static ZydisDecoder decoder[2]; /* by long_mode */
static unsigned long accepted, compared;

static bool is_ours(const ZydisDecodedInstruction *z)
{
	if (!(z->attributes & ZYDIS_ATTRIB_HAS_MODRM) || z->raw.modrm.mod == 3)
		return false;
	if (z->attributes & ZYDIS_ATTRIB_HAS_LOCK)
		return false;
	if (z->opcode_map == ZYDIS_OPCODE_MAP_0F)
		return z->opcode == 0xb6 || z->opcode == 0xb7;
	if (z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return false;
	switch (z->opcode) {
	case 0x86 ... 0x8b:
	case 0xc6 ... 0xc7:
		return true;
	default:
		return false;
	}
}

/* Prefixes that the decoder refuses though the CPU does not. */
static bool refused_prefix(const uint8_t *bytes, size_t len, bool long_mode)
{
	for (size_t i = 0; i < len; i++) {
		switch (bytes[i]) {
		case 0xf0:
		case 0xf2:
		case 0xf3:
			return true;
		case 0x67:
			if (!long_mode)
				return true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0x66:
			break;
		default:
			if (!long_mode || (bytes[i] & 0xf0) != 0x40)
				return false;
		}
	}
	return false;
}

static unsigned int reg_number(ZydisRegister reg, bool *high8)
{
	*high8 = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
	if (*high8)
		return reg - ZYDIS_REGISTER_AH;
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
		return reg - ZYDIS_REGISTER_SPL + 4;
	return ZydisRegisterGetId(reg);
}

static void check_operands(const struct insn_mmio *our, const ZydisDecodedInstruction *z,
			   const ZydisDecodedOperand *op)
{
	const ZydisDecodedOperand *mem = op[0].type == ZYDIS_OPERAND_TYPE_MEMORY ? &op[0] : &op[1];
	const ZydisDecodedOperand *other = mem == &op[0] ? &op[1] : &op[0];
	bool high8;

	assert_int_equal(z->operand_count_visible, 2);
	assert_int_equal(mem->type, ZYDIS_OPERAND_TYPE_MEMORY);
	assert_int_equal(our->size * 8, mem->size);
	assert_int_equal(our->read, !!(mem->actions & ZYDIS_OPERAND_ACTION_MASK_READ));
	assert_int_equal(our->write, !!(mem->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE));
	assert_int_equal(our->imm, other->type == ZYDIS_OPERAND_TYPE_IMMEDIATE);
	if (our->imm) {
		uint64_t mask = our->size == 8 ? ~0UL : (1UL << 8 * our->size) - 1;

		assert_int_equal(our->value, other->imm.value.u & mask);
		return;
	}
	assert_int_equal(our->reg, reg_number(other->reg.value, &high8));
	assert_int_equal(our->high8, high8);
	assert_int_equal(our->reg_size * 8, other->size);
}

/* Bytes in a block of exactly that length, so that the sanitizer sees a read beyond it. */
static int decode(const uint8_t *bytes, size_t len, bool long_mode, struct insn_mmio *out)
{
	uint8_t *exact = malloc(len ? len : 1);
	int rc;

	memcpy(exact, bytes, len);
	rc = insn_decode_mmio(exact + (len ? 0 : 1), len, long_mode, out);
	free(exact);
	return rc;
}

static void check_cuts(const uint8_t *bytes, size_t length, bool long_mode)
{
	struct insn_mmio out, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t len = 0; len < length; len++) {
		out = untouched;
		assert_int_equal(decode(bytes, len, long_mode, &out), -EINVAL);
		assert_memory_equal(&out, &untouched, sizeof(out));
	}
	assert_int_equal(decode(bytes, length, long_mode, &out), 0);
	assert_int_equal(out.length, length);
}

static void dump_bytes(const uint8_t *bytes, bool long_mode, const char *what)
{
	print_error("%s, long_mode %d:", what, long_mode);
	for (int i = 0; i < 15; i++)
		print_error(" %02x", bytes[i]);
	print_error("\n");
	fail();
}

static void check(const uint8_t bytes[15], bool long_mode, bool cuts)
{
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	struct insn_mmio our;
	int rc = decode(bytes, 15, long_mode, &our);
	bool known = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder[long_mode], bytes, 15, &z, op));

	compared++;
	if (rc) {
		if (known && is_ours(&z) && !refused_prefix(bytes, 15, long_mode))
			dump_bytes(bytes, long_mode, "refused a form of ours");
		return;
	}
	accepted++;
	if (!known || !is_ours(&z))
		dump_bytes(bytes, long_mode, "accepted what is none of ours");
	if (our.length != z.length)
		dump_bytes(bytes, long_mode, "wrong length");
	check_operands(&our, &z, op);
	if (cuts)
		check_cuts(bytes, our.length, long_mode);
}

static int setup(void **state)
{
	(void)state;
	ZydisDecoderInit(&decoder[0], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	ZydisDecoderInit(&decoder[1], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	accepted = compared = 0;
	return 0;
}

static const uint8_t tail[] = { 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7, 0x88, 0x99 };

static const uint8_t opcodes[] = { 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xb6, 0xb7 };
#define TWO_BYTE(op) ((op) == 0xb6 || (op) == 0xb7)

/* prefix 0: none; rex 0: none. */
static void check_form(uint8_t prefix, uint8_t rex, uint8_t opcode, uint8_t modrm, uint8_t sib)
{
	uint8_t b[15 + 4];
	unsigned int n = 0;

	if (prefix)
		b[n++] = prefix;
	if (rex)
		b[n++] = rex;
	if (TWO_BYTE(opcode))
		b[n++] = 0x0f;
	b[n++] = opcode;
	b[n++] = modrm;
	b[n++] = sib;
	memcpy(b + n, tail, sizeof(tail));
	check(b, true, !prefix || rex == 0x48);
	check(b, false, !rex); /* 32-bit code has inc and dec at 40..4f */
}

static void check_modrms(uint8_t prefix, uint8_t rex, uint8_t opcode)
{
	static const uint8_t sib[] = { 0x00, 0x24, 0x25, 0x65, 0xcb };

	for (unsigned int modrm = 0; modrm < 256; modrm++)
		for (unsigned int s = 0; s < ARRAY_SIZE(sib); s++)
			check_form(prefix, rex, opcode, modrm, sib[s]);
}

/* Every opcode of ours x prefix x REX x ModRM x SIB of each kind x mode. */
static void all_forms(void **state)
{
	static const uint8_t prefix[] = { 0, 0x66, 0x67, 0x2e, 0x65 };

	(void)state;
	for (unsigned int p = 0; p < ARRAY_SIZE(prefix); p++)
		for (unsigned int o = 0; o < ARRAY_SIZE(opcodes); o++) {
			check_modrms(prefix[p], 0, opcodes[o]);
			for (unsigned int rex = 0x40; rex < 0x50; rex++)
				check_modrms(prefix[p], rex, opcodes[o]);
		}
	assert_in_range(accepted, 500000, compared);
}

static void every_opcode(void **state)
{
	uint8_t b[15] = { 0x0f };

	(void)state;
	for (unsigned int op = 0; op < 256; op++)
		for (unsigned int modrm = 0; modrm < 256; modrm++) {
			b[0] = op;
			b[1] = modrm;
			memcpy(b + 2, tail, sizeof(tail));
			check(b, true, true);
			check(b, false, true);
			b[0] = 0x0f;
			b[1] = op;
			b[2] = modrm;
			memcpy(b + 3, tail, sizeof(tail));
			check(b, true, true);
			check(b, false, true);
		}
}

/*
 * Random prefixes before a random instruction: the order rules of REX, doubled prefixes, the
 * 15-byte limit.
 */
static void random_bytes(void **state)
{
	static const uint8_t likely[] = { 0x66, 0x67, 0x2e, 0x36, 0x65, 0x40, 0x48, 0x4c, 0xf0,
					  0xf2, 0xf3, 0x0f, 0x89, 0x8b, 0xc7, 0xb6, 0x87, 0x04 };
	uint64_t seed = 12345;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint8_t b[15];

		for (int k = 0; k < 15; k++) {
			seed = seed * 6364136223846793005UL + 1442695040888963407UL;
			b[k] = seed >> 40;
			if (seed >> 56 & 3)
				b[k] = likely[(seed >> 33) % ARRAY_SIZE(likely)];
		}
		check(b, true, false);
		check(b, false, false);
	}
	assert_in_range(accepted, 1000, compared);
}

/* No instruction has 16 bytes, however many there are to look at. */
static void longer_than_any(void **state)
{
	uint8_t b[16];
	struct insn_mmio i;

	(void)state;
	memset(b, 0x2e, sizeof(b));
	b[13] = 0x8b;
	b[14] = 0x00;
	assert_int_equal(decode(b, 16, true, &i), 0);
	assert_int_equal(i.length, 15);
	b[13] = 0x2e;
	b[14] = 0x8b;
	b[15] = 0x00;
	assert_int_equal(decode(b, 16, true, &i), -EINVAL);
}

/* What Linux does to the local APIC, IOAPIC and MSI-X table (facts of the boot), spelled out. */
static void the_forms_linux_uses(void **state)
{
	static const uint8_t load[] = { 0x8b, 0x80, 0x20, 0xb0, 0x5f, 0xff };
	static const uint8_t store[] = { 0x45, 0x89, 0x4e, 0x10 };
	static const uint8_t store_imm[] = {
		0xc7, 0x04, 0x25, 0xb0, 0xb0, 0x5f, 0xff, 0, 0, 0, 0x80
	};
	static const uint8_t store_imm64[] = { 0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t high[] = { 0x88, 0x23 };
	struct insn_mmio i;

	(void)state;
	assert_int_equal(decode(load, sizeof(load), true, &i), 0);
	assert_true(i.read && !i.write && i.size == 4 && i.reg == 0 && i.length == 6);
	assert_int_equal(decode(store, sizeof(store), true, &i), 0);
	assert_true(i.write && !i.read && i.size == 4 && i.reg == 9 && i.length == 4);
	assert_int_equal(decode(store_imm, sizeof(store_imm), true, &i), 0);
	assert_true(i.write && i.imm && i.length == 11 && i.value == 0x80000000);
	assert_int_equal(decode(store_imm64, sizeof(store_imm64), true, &i), 0);
	assert_true(i.size == 8 && i.value == ~0UL);
	assert_int_equal(decode(high, sizeof(high), true, &i), 0);
	assert_true(i.high8 && i.reg == 0 && i.size == 1);
	assert_int_equal(decode(high, 0, true, &i), -EINVAL);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(all_forms),       T(every_opcode),         T(random_bytes),
		T(longer_than_any), T(the_forms_linux_uses),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
