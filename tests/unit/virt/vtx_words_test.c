/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why an entry failed: each reason that can come has words of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "virt/vmcs.h"
#include "virt/vtx_words.h"

#define FAILED (uint32_t) REASON_ENTRY_FAILED

static void test_instruction_errors(void **state)
{
	(void)state;
	assert_string_equal(vtx_insn_error_words(7), "a control field is wrong");
	assert_string_equal(vtx_insn_error_words(8),
			    "a field of the hypervisor's own state is wrong");
	assert_string_equal(vtx_insn_error_words(5), "VMRESUME of a VMCS that was not launched");
	for (uint32_t e = 0; e < 64; e++)
		assert_non_null(vtx_insn_error_words(e));
	assert_string_equal(vtx_insn_error_words(0xffffffff), vtx_insn_error_words(0));
}

static void test_failed_entries(void **state)
{
	(void)state;
	assert_string_equal(vtx_entry_words(FAILED | REASON_BAD_GUEST_STATE, 0),
			    "wrong state of the VM: registers or segments");
	assert_string_equal(vtx_entry_words(FAILED | REASON_BAD_GUEST_STATE, 4),
			    "wrong state of the VM: VMCS link pointer");
	assert_string_equal(vtx_entry_words(FAILED | REASON_BAD_MSR_LIST, 1),
			    "a list of MSRs, which are not used");
	assert_string_equal(vtx_entry_words(FAILED | REASON_MACHINE_CHECK, 0),
			    "a machine check during the entry");
	assert_string_equal(vtx_entry_words(FAILED, 0), "an unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instruction_errors),
		cmocka_unit_test(test_failed_entries),
	};

	return cmocka_run_group_tests_name("vtx_words", tests, NULL, NULL);
}
