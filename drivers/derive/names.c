/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel symbols with a meaning: see names.h. */
#include "names.h"

#include <stddef.h>
#include <string.h>

#include "util.h"

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

int name_thunk(const char *symbol)
{
	static const char prefix[] = "__x86_indirect_thunk_";
	static const char *const regs[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};

	if (strncmp(symbol, prefix, sizeof(prefix) - 1) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		if (strcmp(symbol + sizeof(prefix) - 1, regs[i]) == 0)
			return (int)i;
	return -1;
}

bool name_noreturn(const char *symbol)
{
	static const char *const list[] = {
		"__stack_chk_fail",
		"panic",
		"do_exit",
		"do_task_dead",
		"kthread_exit",
		"make_task_dead",
		"__module_put_and_kthread_exit",
		"kthread_complete_and_exit",
		"__reiserfs_panic",
		"lbug_with_loc",
		"fortify_panic",
		"usercopy_abort",
		"machine_real_restart",
		"rewind_stack_and_make_dead",
		"kunit_try_catch_throw",
		"xen_start_kernel",
		"cpu_bringup_and_idle",
		"stop_this_cpu",
		"__invalid_creds",
		"ex_handler_msr_mce",
		"cpu_startup_entry",
		"nmi_panic",
	};

	return listed(list, ARRAY_SIZE(list), symbol);
}

/* Only spinning locks: sleeping ones cannot be taken in atomic context. */
int name_lock(const char *symbol)
{
	static const char *const take[] = { "_raw_spin_lock",     "_raw_spin_lock_bh",
					    "_raw_spin_lock_irq", "_raw_spin_lock_irqsave",
					    "_raw_read_lock",     "_raw_write_lock",
					    "_raw_spin_trylock" };
	static const char *const release[] = {
		"_raw_spin_unlock",     "_raw_spin_unlock_bh",
		"_raw_spin_unlock_irq", "_raw_spin_unlock_irqrestore",
		"_raw_read_unlock",     "_raw_write_unlock"
	};

	if (listed(take, ARRAY_SIZE(take), symbol))
		return 1;
	return listed(release, ARRAY_SIZE(release), symbol) ? -1 : 0;
}

uint32_t name_kept_bytes(const char *symbol)
{
	return strcmp(symbol, "jiffies") == 0 ? 8 : 0;
}

bool name_metadata_section(const char *section)
{
	static const char *const list[] = {
		"__mcount_loc",       ".orc_unwind",      ".orc_unwind_ip",        ".return_sites",
		".retpoline_sites",   "__jump_table",     "__bug_table",           ".smp_locks",
		".static_call_sites", ".altinstructions", ".altinstr_replacement", "__ex_table",
		".parainstructions",  ".ibt_endbr_seal",  ".call_sites",
	};

	return listed(list, ARRAY_SIZE(list), section);
}
