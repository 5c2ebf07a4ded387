/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of VMs, their memory, and their end. */
#include "vm/vm.h"

#include "cpu/timer.h"
#include "debug/dump.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vm/mem.h"

struct vm *vms[VM_MAX];
unsigned int vm_count;

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	const struct vm_ram_range *r = vm->ram_last;

	/* From the last: it is by far the largest. Below r->gpa the offset wraps: too large. */
	for (; r; r = r == vm->ram ? NULL : r - 1) {
		uint64_t at = gpa - r->gpa;

		if (at < r->size && len <= r->size - at)
			return r->hva + at;
	}
	return NULL;
}

const char *vm_state_name(const struct vm *vm)
{
	static const char *const names[] = { "built", "running", "stopped", "killed" };

	return vm_alive(vm) && vm->frozen ? "frozen" : names[vm->state];
}

struct vm *vm_find(const char *name)
{
	for (unsigned int i = 0; i < vm_count; i++)
		if (strcmp(vms[i]->name, name) == 0)
			return vms[i];
	return NULL;
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
	va_list ap;

	if (vm->state == VM_KILLED)
		return;
	va_start(ap, fmt);
	vsnprintf(vm->reason, sizeof(vm->reason), fmt, ap);
	va_end(ap);
	vm->state = VM_KILLED;
	log_warn("%s killed: %s", vm->name, vm->reason);
	if (vm->vcpu.vendor)
		dump_vcpu(&vm->vcpu, vm->reason);
}

void vm_stop(struct vm *vm, const char *reason)
{
	if (!vm_alive(vm))
		return;
	strlcpy(vm->reason, reason, sizeof(vm->reason));
	vm->state = VM_STOPPED;
	log_info("%s stopped: %s", vm->name, reason);
}

uint64_t vm_time(const struct vm *vm)
{
	uint64_t others = 0;

	for (unsigned int i = 0; i < vm_count; i++)
		if (vms[i] != vm)
			others += vms[i]->run_tsc;
	return steady_now() - others;
}

const char *exit_kind_name(enum exit_kind kind)
{
	static const char *const names[EXIT_KINDS] = {
		[EXIT_INTR] = "intr",
		[EXIT_HLT] = "hlt",
		[EXIT_CPUID] = "cpuid",
		[EXIT_MSR] = "msr",
		[EXIT_IO] = "io",
		[EXIT_NPF] = "npf",
		[EXIT_CR8] = "cr8",
		[EXIT_CR] = "cr",
		[EXIT_WINDOW] = "window",
		[EXIT_HYPERCALL] = "hypercall",
		[EXIT_INVLPG] = "invlpg",
		[EXIT_XSETBV] = "xsetbv",
		[EXIT_SHUTDOWN] = "shutdown",
		[EXIT_NMI] = "nmi",
		[EXIT_INVALID] = "invalid",
		[EXIT_OTHER] = "other",
	};

	return kind < EXIT_KINDS ? names[kind] : "?";
}

static void show_entries(const struct vm *vm)
{
	char line[120];
	size_t n = 0;

	for (int c = 0; c < ENTRY_CAUSES && n < sizeof(line); c++)
		if (vm->entries_by[c])
			n += snprintf(line + n, sizeof(line) - n, " %s %lu", entry_cause_name(c),
				      vm->entries_by[c]);
	if (n)
		mon("  entered for:%s", line);
}

static int monitor_vms(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (unsigned int i = 0; i < vm_count; i++) {
		const struct vm *vm = vms[i];

		mon("%u %-11s %-5s %-7s mem %4lu MiB entries %lu run %lu ms restarts %lu %s", i + 1,
		    vm->name, vm->kind == VM_DVM ? "dvm" : "guest", vm_state_name(vm),
		    vm->mem_size >> 20, vm->entries, vm->run_tsc / tsc_khz, vm->restarts,
		    vm->reason);
		show_entries(vm);
	}
	return 0;
}
MONITOR("vms", "the VMs, their state and how often and why they were entered", monitor_vms);

static void stats_vms(void)
{
	for (unsigned int i = 0; i < vm_count; i++) {
		const struct vm *vm = vms[i];

		json_begin_object(vm->name);
		json_string("kind", vm->kind == VM_DVM ? "dvm" : "guest");
		json_string("state", vm_state_name(vm));
		json_string("reason", vm->reason);
		json_u64("mem_bytes", vm->mem_size);
		json_u64("restarts", vm->restarts);
		json_u64("entries", vm->entries);
		json_begin_object("entries_by_cause");
		for (int c = 0; c < ENTRY_CAUSES; c++)
			json_u64(entry_cause_name(c), vm->entries_by[c]);
		json_end_object();
		json_u64("run_us", vm->run_tsc * 1000 / tsc_khz);
		json_u64("unknown_msr", vm->unknown_msr);
		json_u64("unknown_io", vm->unknown_io);
		json_begin_object("exits");
		for (int k = 0; k < EXIT_KINDS; k++)
			json_u64(exit_kind_name(k), vm->exits[k]);
		json_end_object();
		json_end_object();
	}
}
STATS("vms", stats_vms);
