/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small decoder for accesses to emulated memory (local APIC, IOAPIC, MSI-X tables): mov forms
 * 88 89 8a 8b c6 c7, movzx 0f b6/b7, xchg 86/87, all with a memory operand; a0-a3 excluded.
 * Prefixes: 66, segments, REX, and 67 in long mode; lock and repeat prefixes are refused. Pure:
 * works on bytes, no state, never reads past len.
 */
#ifndef HV_DEV_INSN_H
#define HV_DEV_INSN_H

#include "lib/types.h"

struct insn_mmio {
	uint8_t length;   /* bytes */
	uint8_t size;     /* access size: 1, 2, 4, 8 */
	bool write;       /* memory is written */
	bool read;        /* memory is read (xchg: both) */
	bool imm;         /* written value is immediate, else register reg */
	bool high8;       /* reg is ah/ch/dh/bh (no REX, size 1, reg 4..7 -> reg 0..3) */
	uint8_t reg;      /* 0..15: rax rcx rdx rbx rsp rbp rsi rdi r8.. */
	uint8_t reg_size; /* of the register (movzx: larger than size); 4 clears the upper half */
	uint64_t value;   /* the immediate: size bytes, sign-extended from 4 to 8 */
};

/*
 * bytes: what lies at rip, up to 15 are looked at; long_mode: 64-bit code segment (else 32-bit). 0;
 * -EOPNOTSUPP: not one of these; -EINVAL: cut off by len. *out is written on success only.
 */
int insn_decode_mmio(const uint8_t *bytes, size_t len, bool long_mode, struct insn_mmio *out);

#endif
