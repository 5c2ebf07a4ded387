/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the driver VM's interface may leave to its card just now, as `ethtool -K` has it. */
#ifndef HV_TWIN_INTERFACE_H
#define HV_TWIN_INTERFACE_H

#include "kernel_abi.h"
#include "lib/types.h"

/* Bits of net_device.features: include/linux/netdev_features.h of Linux. */
#define INTERFACE_FEATURE(name) (1UL << K_NETIF_F_##name##_BIT)

/*
 * Whether the attached twin's interface has all of these. The kernel allows no TSO without
 * checksums and fragments, but it is not asked: what is read may be anything. Any context.
 */
bool interface_has(uint64_t features);

/* All that it has; 0: none is attached. */
uint64_t interface_features(void);

#endif
