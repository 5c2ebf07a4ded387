/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open a TCP connection, trying again while the peer refuses: VMs that boot together do not
 * listen at the same moment.
 */
#pragma once

#include "lwip/tcp.h"

#include <stdint.h>

struct dial {
	ip_addr_t addr;
	uint16_t port;
	unsigned int tries_left;
	/* Exactly one of the two is called, once; pcb has no callbacks set. */
	void (*connected)(void *arg, struct tcp_pcb *pcb);
	void (*failed)(void *arg, const char *reason);
	void *arg;
};

#define DIAL_TRIES    20
#define DIAL_RETRY_MS 500

/*
 * `d` is filled in by the caller (all but tries_left) and stays valid until one of the callbacks.
 */
void dial_start(struct dial *d);
