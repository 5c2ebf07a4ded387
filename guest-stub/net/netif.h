/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lwIP's network interface on top of the virtio-net driver: addresses, checksum offload both
 * ways, link state. There is exactly one.
 */
#pragma once

#include "lwip/netif.h"

#include <stdbool.h>
#include <stdint.h>

struct settings;

/*
 * Start device and interface; the address is static or comes by DHCP. Returns false if there is
 * no device.
 */
bool stub_netif_init(const struct settings *settings);

struct netif *stub_netif(void);

/* True once the interface has an address (or was told to have none) and the link is up. */
bool stub_netif_ready(void);

/*
 * Ask the device for the link state if it announced a change (or has no interrupt to announce it
 * by).
 */
void stub_netif_check_link(void);
