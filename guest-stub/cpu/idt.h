/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptor tables and interrupt entry.
 *
 * Contract. Interrupts are enabled in one place only, the HLT of idle_wait(); everywhere else the
 * program runs with IF=0. A handler therefore only counts, acknowledges and returns: waking the
 * HLT is its whole effect, and no data is ever shared with one. An exception prints the state and
 * powers the VM off; it runs on a stack of its own so that a stack overflow is reported too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum irq_vector {
	VECTOR_NET_CONFIG = 0x40, /* virtio-net: link status changed */
	VECTOR_NET_QUEUE = 0x41,  /* virtio-net: either queue */
	VECTOR_TIMER = 0x42,
	VECTOR_SPURIOUS = 0xff,
};

/* How often each interrupt came, since boot. Readers run with IF=0. */
struct irq_counts {
	uint64_t net_config, net_queue, timer, spurious;
};

extern volatile struct irq_counts irq_counts;

/* Load GDT, TSS and IDT. Call once, first thing after the console. */
void idt_init(void);
