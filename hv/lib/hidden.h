/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included before every source file of the hypervisor: nothing is exported from a static image,
 * so that all symbols, declared ones too, are reached relative to RIP without a global offset
 * table.
 */
#pragma GCC visibility push(hidden)
