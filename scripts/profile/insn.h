/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that the counting plugins know, by their bytes. */
#ifndef PROFILE_INSN_H
#define PROFILE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* nopl VALUE(%rax) does nothing; *value is its displacement. */
static inline bool insn_is_nopl(const uint8_t *code, size_t size, uint32_t *value)
{
	if (size != 7 || memcmp(code, "\x0f\x1f\x80", 3))
		return false;
	memcpy(value, code + 3, sizeof(*value));
	return true;
}

/* rep or repne before movs, cmps, stos, lods, scas, ins, outs. */
static inline bool insn_is_repeated(const uint8_t *code, size_t size)
{
	size_t at = 0;
	bool rep = false;

	for (; at < size && (code[at] == 0xf2 || code[at] == 0xf3 || code[at] == 0x66); at++)
		rep |= code[at] != 0x66;
	if (at < size && (code[at] & 0xf0) == 0x40) /* REX */
		at++;
	return rep && at < size &&
	       ((code[at] >= 0xa4 && code[at] <= 0xa7) || (code[at] >= 0xaa && code[at] <= 0xaf) ||
		(code[at] >= 0x6c && code[at] <= 0x6f));
}

static inline bool insn_is_vmrun(const uint8_t *code, size_t size)
{
	return size == 3 && memcmp(code, "\x0f\x01\xd8", 3) == 0;
}

#endif
