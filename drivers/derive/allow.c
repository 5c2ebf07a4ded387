/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An allow-list, not a list of bad things: a new instruction must be looked at before a twin may
 * contain it. Privileged instructions, port I/O, other register files and whatever changes the
 * direction flag, the interrupt flag or a segment are not on it.
 */
#include "allow.h"

#include "util.h"

static const ZydisMnemonic allowed[] = {
	ZYDIS_MNEMONIC_ADC,         ZYDIS_MNEMONIC_ADD,        ZYDIS_MNEMONIC_AND,
	ZYDIS_MNEMONIC_BSF,         ZYDIS_MNEMONIC_BSR,        ZYDIS_MNEMONIC_BSWAP,
	ZYDIS_MNEMONIC_BT,          ZYDIS_MNEMONIC_BTC,        ZYDIS_MNEMONIC_BTR,
	ZYDIS_MNEMONIC_BTS,         ZYDIS_MNEMONIC_CALL,       ZYDIS_MNEMONIC_CBW,
	ZYDIS_MNEMONIC_CDQ,         ZYDIS_MNEMONIC_CDQE,       ZYDIS_MNEMONIC_CMP,
	ZYDIS_MNEMONIC_CMPXCHG,     ZYDIS_MNEMONIC_CQO,        ZYDIS_MNEMONIC_CWD,
	ZYDIS_MNEMONIC_CWDE,        ZYDIS_MNEMONIC_DEC,        ZYDIS_MNEMONIC_DIV,
	ZYDIS_MNEMONIC_IDIV,        ZYDIS_MNEMONIC_IMUL,       ZYDIS_MNEMONIC_INC,
	ZYDIS_MNEMONIC_INT3,        ZYDIS_MNEMONIC_JMP,        ZYDIS_MNEMONIC_LEA,
	ZYDIS_MNEMONIC_LEAVE,       ZYDIS_MNEMONIC_LFENCE,     ZYDIS_MNEMONIC_MFENCE,
	ZYDIS_MNEMONIC_MOV,         ZYDIS_MNEMONIC_MOVSX,      ZYDIS_MNEMONIC_MOVSXD,
	ZYDIS_MNEMONIC_MOVZX,       ZYDIS_MNEMONIC_MUL,        ZYDIS_MNEMONIC_NEG,
	ZYDIS_MNEMONIC_NOP,         ZYDIS_MNEMONIC_NOT,        ZYDIS_MNEMONIC_OR,
	ZYDIS_MNEMONIC_PAUSE,       ZYDIS_MNEMONIC_POP,        ZYDIS_MNEMONIC_POPCNT,
	ZYDIS_MNEMONIC_PREFETCHNTA, ZYDIS_MNEMONIC_PREFETCHT0, ZYDIS_MNEMONIC_PREFETCHT1,
	ZYDIS_MNEMONIC_PREFETCHT2,  ZYDIS_MNEMONIC_PREFETCHW,  ZYDIS_MNEMONIC_PUSH,
	ZYDIS_MNEMONIC_RCL,         ZYDIS_MNEMONIC_RCR,        ZYDIS_MNEMONIC_RET,
	ZYDIS_MNEMONIC_ROL,         ZYDIS_MNEMONIC_ROR,        ZYDIS_MNEMONIC_SAR,
	ZYDIS_MNEMONIC_SBB,         ZYDIS_MNEMONIC_SFENCE,     ZYDIS_MNEMONIC_SHL,
	ZYDIS_MNEMONIC_SHLD,        ZYDIS_MNEMONIC_SHR,        ZYDIS_MNEMONIC_SHRD,
	ZYDIS_MNEMONIC_SUB,         ZYDIS_MNEMONIC_TEST,       ZYDIS_MNEMONIC_TZCNT,
	ZYDIS_MNEMONIC_UD2,         ZYDIS_MNEMONIC_XADD,       ZYDIS_MNEMONIC_XCHG,
	ZYDIS_MNEMONIC_XOR,         ZYDIS_MNEMONIC_MOVSB,      ZYDIS_MNEMONIC_MOVSW,
	ZYDIS_MNEMONIC_MOVSD,       ZYDIS_MNEMONIC_MOVSQ,      ZYDIS_MNEMONIC_STOSB,
	ZYDIS_MNEMONIC_STOSW,       ZYDIS_MNEMONIC_STOSD,      ZYDIS_MNEMONIC_STOSQ,
};

static bool is_allowed(const struct insn *i)
{
	switch (i->z.meta.category) {
	case ZYDIS_CATEGORY_CMOV:
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_NOP:
		return true;
	case ZYDIS_CATEGORY_COND_BR: /* but jrcxz and loop: they have no long form */
		return i->z.opcode_map == ZYDIS_OPCODE_MAP_0F || (i->z.opcode & 0xf0) == 0x70;
	default:
		break;
	}
	for (unsigned k = 0; k < ARRAY_SIZE(allowed); k++)
		if (i->z.mnemonic == allowed[k])
			return true;
	return false;
}

static bool uses_other_registers(const struct insn *i)
{
	for (unsigned k = 0; k < i->z.operand_count_visible; k++)
		if (i->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    reg_number(i->op[k].reg.value) < 0)
			return true;
	return false;
}

/*
 * bt, bts, btr, btc of memory with the bit number in a register reach memory at any distance from
 * the operand: the bit number is added to the address.
 */
static bool is_bit_string(const struct insn *i)
{
	return i->z.meta.category == ZYDIS_CATEGORY_BITBYTE && i->z.operand_count_visible == 2 &&
	       i->op[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       i->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
}

/* The judge knows string instructions with `rep` alone; gcc makes no others. */
static bool is_single_string(const struct insn *i)
{
	return i->z.meta.category == ZYDIS_CATEGORY_STRINGOP &&
	       !(i->z.attributes & ZYDIS_ATTRIB_HAS_REP);
}

/* The analysis counts on 8 bytes for each. */
static bool is_short_push(const struct insn *i)
{
	return (i->z.mnemonic == ZYDIS_MNEMONIC_PUSH || i->z.mnemonic == ZYDIS_MNEMONIC_POP) &&
	       i->z.operand_width != 64;
}

void allow_check(struct program *p, struct func *f)
{
	for_each_insn(p, f, i, x)
	{
		if (!i->reachable || i->flow == FLOW_DROP)
			continue;
		if (i->z.meta.category == ZYDIS_CATEGORY_IO ||
		    i->z.meta.category == ZYDIS_CATEGORY_IOSTRINGOP)
			refuse(p, f, i, "port I/O (%s)", ZydisMnemonicGetString(i->z.mnemonic));
		else if (!is_allowed(i) || i->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
			refuse(p, f, i, "instruction %s is not on the list of derivable ones",
			       ZydisMnemonicGetString(i->z.mnemonic));
		else if (is_bit_string(i))
			refuse(p, f, i, "%s of memory with the bit number in a register",
			       ZydisMnemonicGetString(i->z.mnemonic));
		else if (is_single_string(i))
			refuse(p, f, i, "%s without rep", ZydisMnemonicGetString(i->z.mnemonic));
		else if (is_short_push(i))
			refuse(p, f, i, "%s of 16 bits", ZydisMnemonicGetString(i->z.mnemonic));
		else if (uses_other_registers(i))
			refuse(p, f, i, "%s of a register that is no general one",
			       ZydisMnemonicGetString(i->z.mnemonic));
		else if (i->z.address_width != 64)
			refuse(p, f, i, "32-bit address");
	}
}
