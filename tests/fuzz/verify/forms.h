/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All instruction forms that the decoder's tests go through: each opcode of both maps with each
 * modrm byte, each REX and none, behind each prefix that the judge knows and some pairs of them;
 * SIB, displacement and immediate at random (random.h). And what a disassembler may call them.
 */
#ifndef VERIFY_FORMS_H
#define VERIFY_FORMS_H

#include <stdbool.h>
#include <stdint.h>

#define FORM_PREFIXES 11
#define FORMS         (FORM_PREFIXES * 17u * 512 * 256)
#define FORM_BYTES    32 /* of which the first 15 count */

/* Form n of FORMS. */
void form_make(uint32_t n, uint8_t b[FORM_BYTES]);

/* Is the mnemonic one of an operation (enum op)? False for those named by a condition. */
bool form_is_named(uint8_t op, const char *mnemonic);

#endif
