/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest stands still at the operator's word, and goes on later where it was. Only its vCPU
 * rests: what lies in its rings is the hypervisor's, so frames that it has sent leave, and frames
 * for it are put into its buffers until there are none and are then dropped and counted, as for
 * any slow receiver. Not the driver VM: guests' frames and the twin's upcalls need it.
 */
#include "debug/log.h"
#include "debug/monitor.h"
#include "lib/errno.h"
#include "vm/vm.h"

static int set_frozen(int argc, char **argv, bool frozen)
{
	struct vm *vm = argc == 2 ? vm_find(argv[1]) : NULL;

	if (!vm || vm->kind != VM_GUEST) {
		mon("usage: %s NAME (a guest)", argv[0]);
		return -EINVAL;
	}
	if (!vm_alive(vm) || vm->frozen == frozen) {
		mon("%s is %s", vm->name, vm_state_name(vm));
		return -EOPNOTSUPP;
	}
	vm->frozen = frozen;
	log_info("%s %s", vm->name, frozen ? "is frozen" : "goes on");
	return 0;
}

static int monitor_freeze(int argc, char **argv)
{
	return set_frozen(argc, argv, true);
}
MONITOR("freeze", "freeze NAME: a guest gets no CPU time until `thaw`", monitor_freeze);

static int monitor_thaw(int argc, char **argv)
{
	return set_frozen(argc, argv, false);
}
MONITOR("thaw", "thaw NAME: a frozen guest goes on", monitor_thaw);
