/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why an entry into a VM failed, in words. Source: Intel SDM 3C 27.3, 27.8, 31.4. */
#ifndef HV_VIRT_VTX_WORDS_H
#define HV_VIRT_VTX_WORDS_H

#include "lib/types.h"

/* Of the VM-instruction error field, after an instruction that failed. */
const char *vtx_insn_error_words(uint32_t error);

/* Of an exit reason with REASON_ENTRY_FAILED and its qualification. */
const char *vtx_entry_words(uint32_t reason, uint64_t qualification);

#endif
