/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot words: the hypervisor's own line and one line per module. Grammar, for the
 * multiboot2/module2 lines of GRUB and of our own loader (/boot/pollux.cfg on a medium):
 *
 *   multiboot2 .../pollux.elf [net=bridge|twin] [judge=strict|normal] [svm=window|stlb]
 *                              [focus=NAME] [run=SECONDS] [restarts=N] [panic=halt|reboot]
 *   multiboot2 .../pollux.elf check
 *   module2 KERNEL  vm=NAME kind=dvm|guest mem=N[M|G] [mac=aa:bb:..] [ip=a.b.c.d]
 *                   [frames=large|plain] [-- COMMAND LINE OF THE VM]
 *   module2 FILE    initrd=NAME
 *   module2 FILE    twin=DRIVER         (one to three, of one driver, see twin/judge.h)
 *   module2 FILE    symbols
 *
 * An unknown, repeated or contradictory word ends the boot with a line that names it.
 */
#ifndef HV_VM_CONFIG_H
#define HV_VM_CONFIG_H

#include "boot/multiboot2.h"
#include "drivers/twin_abi.h"
#include "vm/vm.h"

enum net_mode { NET_BRIDGE, NET_TWIN };
enum judge_word { JUDGE_BY_MACHINE, JUDGE_NORMAL, JUDGE_STRICT };

#define CONFIG_TWINS        3 /* files of one driver */
#define CONFIG_RESTARTS     3 /* of the driver VM in 10 minutes (R20) */
#define CONFIG_RESTARTS_MAX 1000

struct vm_config {
	char name[VM_NAME_LEN];
	enum vm_kind kind;
	uint64_t mem; /* bytes */
	uint8_t mac[6];
	uint32_t ip;         /* the only one that it may send from (net/identity.h), or 0 */
	bool plain_frames;   /* its card has no larger ones than the wire's */
	const char *cmdline; /* inside the module's line */
	const struct boot_module *kernel;
	const struct boot_module *initrd; /* or NULL */
};

struct config {
	enum net_mode net;
	enum judge_word judge;
	enum twin_engine svm;
	char focus[VM_NAME_LEN]; /* empty: the monitor */
	uint64_t run_seconds;    /* 0: until every VM stopped */
	bool panic_reboots;      /* a bug of the hypervisor's own; else it halts the machine */
	unsigned int restarts;   /* of the driver VM in 10 minutes: 1 to CONFIG_RESTARTS_MAX */
	struct vm_config vm[VM_MAX];
	unsigned int vms;
	const struct boot_module *twin[CONFIG_TWINS];
	unsigned int twins;
	char twin_driver[VM_NAME_LEN];     /* of all of them */
	const struct boot_module *symbols; /* or NULL */
};

/*
 * Fills cfg from what the boot loader gave; the strings stay inside boot. Ends the boot on a bad
 * word.
 */
void config_read(struct config *cfg, const struct boot_info *boot);

/* Whether the hypervisor's line has the word `check`: it says what the machine has, and ends. */
bool config_is_check(const struct boot_info *boot);

#endif
