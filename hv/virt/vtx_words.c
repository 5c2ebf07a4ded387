/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt/vtx_words.h"

#include "virt/vmcs.h"

const char *vtx_insn_error_words(uint32_t error)
{
	static const char *const words[] = {
		[4] = "VMLAUNCH of a VMCS that was launched before",
		[5] = "VMRESUME of a VMCS that was not launched",
		[7] = "a control field is wrong",
		[8] = "a field of the hypervisor's own state is wrong",
		[12] = "a VMCS field that this CPU does not have",
		[26] = "interrupts are blocked by a move to SS",
	};

	return error < ARRAY_SIZE(words) && words[error] ? words[error] : "see SDM 3C 31.4";
}

static const char *guest_state_words(uint64_t qualification)
{
	switch (qualification) {
	case 2:
		return "wrong state of the VM: page-directory pointers";
	case 3:
		return "wrong state of the VM: an NMI behind STI";
	case 4:
		return "wrong state of the VM: VMCS link pointer";
	default:
		return "wrong state of the VM: registers or segments";
	}
}

const char *vtx_entry_words(uint32_t reason, uint64_t qualification)
{
	switch (reason & 0xffff) {
	case REASON_BAD_GUEST_STATE:
		return guest_state_words(qualification);
	case REASON_BAD_MSR_LIST:
		return "a list of MSRs, which are not used";
	case REASON_MACHINE_CHECK:
		return "a machine check during the entry";
	default:
		return "an unknown reason";
	}
}
