/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the VMs of a configuration: memory, devices, kernel. Boot time, but for build_again(). What
 * the boot loader gave stays in memory for it.
 */
#ifndef HV_VM_BUILD_H
#define HV_VM_BUILD_H

#include "vm/config.h"

/*
 * Moves boot modules out of the way of the driver VM's memory, which is 1:1 and low. Ends the
 * boot when the machine has too little memory for all VMs of the configuration; says how much is
 * missing.
 */
void build_place_modules(const struct config *cfg, struct boot_info *boot);

/* Builds VM number id. What is wrong with its image kills just that VM. */
void build_vm(const struct config *cfg, unsigned int id);

/*
 * Starts a VM that has ended from the beginning: memory zeroed, devices as after power-up, kernel
 * and initrd from the boot modules. Counters go on. Nobody may hold anything of its old life: the
 * twin is off, and its network card is quiet (R20). As build_vm() it may leave the VM killed.
 */
void build_again(const struct config *cfg, struct vm *vm);

struct vpci_pass;

/* The network card that build_vm() gave to the driver VM; NULL: there is none. */
const struct vpci_pass *build_nic_found(void);

#endif
