/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forms and names of instructions; see forms.h. */
#include "forms.h"

#include <string.h>

#include "drivers/verify/decode.h"
#include "tests/fuzz/random.h"

void form_make(uint32_t n, uint8_t b[FORM_BYTES])
{
	static const uint8_t before[FORM_PREFIXES][3] = {
		{ 0 },
		{ 1, 0x66 },
		{ 1, 0xf0 },
		{ 1, 0xf2 },
		{ 1, 0xf3 },
		{ 1, 0x64 },
		{ 1, 0x65 },
		{ 2, 0xf0, 0x66 },
		{ 2, 0x65, 0x66 },
		{ 2, 0x64, 0xf0 },
		{ 2, 0x66, 0xf3 },
	};
	const uint8_t *prefix = before[n / (17 * 512 * 256)];
	uint32_t rex = n / (512 * 256) % 17, opcode = n / 256 % 512, k = prefix[0];
	uint64_t tail[2] = { rnd(), rnd() };

	memset(b, 0, FORM_BYTES);
	memcpy(b, prefix + 1, 2);
	if (rex)
		b[k++] = (uint8_t)(0x40 | (rex - 1));
	if (opcode >= 256)
		b[k++] = 0x0f;
	b[k++] = (uint8_t)opcode;
	b[k++] = (uint8_t)n;
	memcpy(b + k, tail, sizeof(tail));
}

/* Mnemonics of an operation, of Zydis and objdump; NULL where a condition names it. */
static const char *const names[NR_OPS] = {
	[OP_INT3] = "int3",
	[OP_UD2] = "ud2",
	[OP_RET] = "ret",
	[OP_CALL] = "call",
	[OP_JMP] = "jmp",
	[OP_INDIRECT] = "call jmp",
	[OP_PUSH] = "push",
	[OP_POP] = "pop",
	[OP_MOVS] = "movsb movsw movsd movsq movs",
	[OP_STOS] = "stosb stosw stosd stosq stos",
	[OP_CMP] = "cmp",
	[OP_TEST] = "test",
	[OP_BT] = "bt",
	[OP_ADD] = "add",
	[OP_OR] = "or",
	[OP_ADC] = "adc",
	[OP_SBB] = "sbb",
	[OP_AND] = "and",
	[OP_SUB] = "sub",
	[OP_XOR] = "xor",
	[OP_INC] = "inc",
	[OP_DEC] = "dec",
	[OP_NOT] = "not",
	[OP_NEG] = "neg",
	[OP_SHL] = "shl",
	[OP_SHR] = "shr",
	[OP_SAR] = "sar",
	[OP_MIX] = "rol ror rcl rcr shld shrd bswap",
	[OP_SCAN] = "bsf bsr",
	[OP_BTS] = "bts",
	[OP_BTX] = "bts btr btc",
	[OP_MOV] = "mov movabs",
	[OP_MOVZX] = "movzx",
	[OP_MOVSX] = "movsx movsxd",
	[OP_LEA] = "lea",
	[OP_IMUL] = "imul",
	[OP_IMUL3] = "imul",
	[OP_MULDIV] = "mul imul div idiv",
	[OP_CONVERT] = "cbw cwde cdqe",
	[OP_EXTEND] = "cwd cdq cqo",
	[OP_XCHG] = "xchg",
	[OP_XADD] = "xadd",
	[OP_CMPXCHG] = "cmpxchg",
	[OP_NOP] = "nop pause lfence mfence sfence prefetcht0 prefetcht1 prefetcht2 prefetchnta "
		   "prefetchw",
};

static bool word_in(const char *words, const char *w)
{
	size_t n = strlen(w);

	for (const char *p = words; (p = strstr(p, w)); p++)
		if ((p == words || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

bool form_is_named(uint8_t op, const char *mnemonic)
{
	return op < NR_OPS && names[op] && word_in(names[op], mnemonic);
}
