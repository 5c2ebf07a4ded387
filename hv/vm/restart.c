/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches the driver VM and restarts it. */
#include "vm/restart.h"

#include "cpu/timer.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "dev/nic_quiet.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "net/net.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "twin/alive.h"
#include "twin/attach.h"
#include "twin/castor.h"
#include "twin/loan.h"
#include "vm/build.h"
#include "vm/guest_virt.h"
#include "vm/mem.h"

#define BUDGET_MIN    10 /* minutes in which there are so many restarts */
#define NO_INTERRUPTS 5  /* seconds of run time */

static const struct config *config;
static struct vm *dvm;
static bool given_up;           /* it stays dead, and guests' links are down */
static bool guests_due;         /* some guest's restart_due */
static unsigned int spent_next; /* of `spent`, the oldest */

/* When the last config->restarts ones were; 0: never. */
static uint64_t spent[CONFIG_RESTARTS_MAX];

/* Interrupts that the VM took, and its run time when it last took one or had none to take. */
static uint64_t accepted, accepted_at;

void restart_init(const struct config *cfg)
{
	const struct vpci_pass *nic = build_nic_found();

	config = cfg;
	if (nic)
		nic_quiet_prepare(nic);
	for (unsigned int i = 0; i < vm_count; i++)
		if (vms[i]->kind == VM_DVM)
			dvm = vms[i];
}

/* ---- signs of life ---- */

/*
 * A VM that computes with interrupts off is right, but not for seconds: Linux sets its timer
 * whenever it has something to do.
 */
static bool takes_no_interrupts(void)
{
	if (dvm->lapic.accepted != accepted || !vlapic_has_request(&dvm->lapic)) {
		accepted = dvm->lapic.accepted;
		accepted_at = dvm->run_tsc;
	}
	return dvm->run_tsc - accepted_at > NO_INTERRUPTS * 1000 * tsc_khz;
}

static void watch(void)
{
	enum alive_verdict castor = alive_look();

	if (takes_no_interrupts())
		vm_kill(dvm, "no interrupt taken in %d s of its run time: it hangs", NO_INTERRUPTS);
	else if (attach_reset_overdue())
		vm_kill(dvm, "its driver was not reset within %d s of a death of the twin",
			CASTOR_ANSWER_S);
	else if (attach_reset_due())
		return; /* castor has other work, and a bound for it */
	else if (castor == ALIVE_STARVED)
		vm_kill(dvm, "its processes did not run in %d s of its run time", CASTOR_ANSWER_S);
	else if (castor == ALIVE_GONE)
		vm_kill(dvm, "its agent did not answer in %d s, and it is idle", CASTOR_ANSWER_S);
	else if (castor == ALIVE_STUCK)
		vm_kill(dvm, "its agent did not come to an end of its work in %d s", ALIVE_WORK_S);
}

/* ---- the next life ---- */

static bool budget_left(void)
{
	uint64_t oldest = spent[spent_next];

	return !oldest || tsc_now() - oldest > BUDGET_MIN * 60 * 1000 * tsc_khz;
}

/* Why it is not to be restarted, or NULL. */
static const char *obstacle(int quiet)
{
	static char too_often[64];

	if (dvm->ended_on_purpose)
		return "it was ended on purpose";
	if (!dvm->vcpu.vendor)
		return "it never started";
	if (quiet)
		return "its network card is not quiet";
	if (budget_left())
		return NULL;
	snprintf(too_often, sizeof(too_often), "it died too often (%u restarts in %d minutes)",
		 config->restarts, BUDGET_MIN);
	return too_often;
}

static void give_up(const char *why)
{
	given_up = true;
	if (!dvm->ended_on_purpose)
		dvm->state = VM_KILLED; /* a reset was no orderly end, then */
	log_warn("%s stays dead: %s; guests' links go down", dvm->name, why);
	net_set_links(false);
}

static void start_again(void)
{
	uint64_t start = tsc_now();

	spent[spent_next] = start;
	spent_next = (spent_next + 1) % config->restarts;
	build_again(config, dvm);
	if (!vm_alive(dvm))
		return; /* said why, and the next turn sees it */
	dvm->restarts++;
	accepted_at = dvm->run_tsc;
	if (dvm->vnic)
		switch_set_uplink(net_switch(), &dvm->vnic->port);
	net_set_links(true);
	log_info("[ ok ] %s starts again (restart %lu), memory cleared and loaded in %lu ms",
		 dvm->name, dvm->restarts, (tsc_now() - start) / tsc_khz);
}

static void on_death(void)
{
	const struct vpci_pass *nic = build_nic_found();
	const char *why;
	int quiet;

	attach_dvm_ended();
	quiet = nic ? nic_quiet(nic) : 0;
	if (!quiet)
		loan_card_is_quiet();
	why = obstacle(quiet);
	if (why)
		give_up(why);
	else
		start_again();
}

/* Its memory may be cleared only when no card reads it (net/lend.h). */
static bool is_lent(const struct vm *vm)
{
	return vm->vnic && vm->vnic->lender.out;
}

static int start_guest(struct vm *vm)
{
	vm->restart_due = false;
	build_again(config, vm);
	if (!vm_alive(vm))
		return -EIO;
	vm->restarts++;
	log_info("%s starts again (restart %lu)", vm->name, vm->restarts);
	return 0;
}

/* Not one that was killed meanwhile. */
static void guests_poll(void)
{
	guests_due = false;
	for (unsigned int i = 0; i < vm_count; i++) {
		struct vm *vm = vms[i];

		vm->restart_due = vm->restart_due && !vm->ended_on_purpose;
		if (vm->restart_due && !is_lent(vm))
			start_guest(vm);
		guests_due = guests_due || vm->restart_due;
	}
}

void restart_poll(bool look)
{
	if (guests_due)
		guests_poll();
	if (!dvm || given_up)
		return;
	if (look && vm_alive(dvm))
		watch();
	if (!vm_alive(dvm))
		on_death();
}

/* ---- the monitor ---- */

static bool names_dvm(int argc, char **argv)
{
	if (argc == 2 && dvm && strcmp(argv[1], dvm->name) == 0)
		return true;
	mon("usage: %s NAME (the driver VM)", argv[0]);
	return false;
}

/*
 * A guest holds nothing of the hypervisor's but its own ring, which is off before its memory is
 * cleared, and frames that were not copied, which are waited for. Its kernel may be bad again: then
 * build_again() says so.
 */
static int restart_guest(struct vm *vm)
{
	if (!vm->ram_count || !vm->vcpu.vendor) {
		mon("%s never started: %s", vm->name, vm->reason);
		return -EOPNOTSUPP;
	}
	vm_stop(vm, "restart asked for at the monitor");
	vm->ended_on_purpose = vm->frozen = false;
	if (!is_lent(vm))
		return start_guest(vm);
	lend_recall(&vm->vnic->lender);
	vm->restart_due = guests_due = true;
	mon("%s starts when the card has read the frames that it sent", vm->name);
	return 0;
}

/* At the operator's word, so the driver VM's budget is a fresh one. */
static int monitor_restart(int argc, char **argv)
{
	struct vm *vm = argc == 2 ? vm_find(argv[1]) : NULL;

	if (!vm) {
		mon("usage: restart NAME");
		return -EINVAL;
	}
	if (vm != dvm)
		return restart_guest(vm);
	vm_stop(dvm, "restart asked for at the monitor");
	memset(spent, 0, sizeof(spent));
	dvm->ended_on_purpose = given_up = false;
	return 0;
}
MONITOR("restart", "restart NAME: starts a VM again, dead or alive", monitor_restart);

/* A guest of a word's, or NULL: usage was shown. */
static struct vm *named_guest(int argc, char **argv, const char *what)
{
	struct vm *vm = argc == 2 ? vm_find(argv[1]) : NULL;

	if (vm && vm->kind == VM_GUEST)
		return vm;
	mon("usage: %s NAME (%s)", argv[0], what);
	return NULL;
}

/* As if it had switched itself off: no fault, so no dump, and the run may end well. */
static int monitor_stop(int argc, char **argv)
{
	struct vm *vm = named_guest(argc, argv, "a guest");

	if (!vm)
		return -EINVAL;
	if (!vm_alive(vm) && !vm->restart_due) {
		mon("%s is %s", vm->name, vm_state_name(vm));
		return -EOPNOTSUPP;
	}
	vm->ended_on_purpose = true;
	vm_stop(vm, "stopped from the monitor");
	return 0;
}
MONITOR("stop", "stop NAME: a guest ends as if it had switched itself off", monitor_stop);

static int monitor_start(int argc, char **argv)
{
	struct vm *vm = named_guest(argc, argv, "a guest that has ended");

	if (!vm)
		return -EINVAL;
	if (vm_alive(vm)) {
		mon("%s is %s", vm->name, vm_state_name(vm));
		return -EOPNOTSUPP;
	}
	return restart_guest(vm);
}
MONITOR("start", "start NAME: a guest that has ended, however it did, starts again", monitor_start);

/* jmp to itself, with interrupts off, in whatever it runs now. */
static int monitor_hang(int argc, char **argv)
{
	static const uint8_t loop[] = { 0xeb, 0xfe };
	uint8_t *code;
	gpa_t gpa;

	if (!names_dvm(argc, argv) || !vm_alive(dvm))
		return -EINVAL;
	if (guest_virt_to_gpa(&dvm->vcpu, dvm->vcpu.rip, &gpa) ||
	    !(code = vm_ram(dvm, gpa, sizeof(loop))))
		return -EAGAIN;
	memcpy(code, loop, sizeof(loop));
	dvm->vcpu.rflags &= ~(uint64_t)RFLAGS_IF;
	dvm->vcpu.halted = false;
	return 0;
}
MONITOR("hang", "hang NAME: the driver VM loops with interrupts off, to try the restart",
	monitor_hang);
