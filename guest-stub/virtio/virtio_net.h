/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio network driver (virtio 1.2 chapter 5.1): frames in and out as lwIP pbufs.
 *
 * Receive is zero-copy: each buffer of the ring is a custom pbuf that goes up the stack as it is
 * and returns to the driver when its last user frees it. Transmit is zero-copy too: the driver
 * holds a reference to the caller's pbufs until the device has read them. A frame is never
 * dropped because the ring is full: it waits in a queue, and only when that is full too does the
 * caller get ERR_MEM, with nothing taken. Kicks are collected and sent by virtio_net_flush(),
 * once per round of the main loop.
 */
#pragma once

#include "lwip/err.h"
#include "lwip/pbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* What happened since boot. */
struct virtio_net_stats {
	uint64_t rx_frames, rx_bytes, rx_kicks;
	uint64_t rx_csum_skipped; /* the device vouched for the checksum */
	uint64_t rx_bad;          /* frames of impossible length, dropped */
	uint64_t rx_starved;      /* rounds that ended with no buffer left in the ring */
	uint64_t tx_frames, tx_bytes, tx_kicks, tx_descriptors;
	uint64_t tx_csum_offloaded;
	uint64_t tx_queued;  /* frames that had to wait for the ring */
	uint64_t tx_refused; /* frames given back to the caller, queue full */
};

/* A received frame. The callee owns the pbuf. csum_ok: TCP and UDP checksums need no check. */
typedef void (*virtio_net_receive_fn)(struct pbuf *frame, bool csum_ok);

/*
 * Find and start the device. Returns false if there is none; a device that cannot be used ends
 * the VM with one line. Needs lapic_init() and lwip_init().
 */
bool virtio_net_init(virtio_net_receive_fn receive);

void virtio_net_mac(uint8_t mac[6]);

/* The MTU the device asks for, or 1500. */
uint16_t virtio_net_mtu(void);

/* True if the device computes TCP and UDP checksums. */
bool virtio_net_has_tx_csum(void);

/* Link status as the device reports it (one register access: an exit). */
bool virtio_net_link_up(void);

/*
 * Release what the device has sent, then take at most `budget` received frames and hand each to the
 * receive function. Returns how many. In this order, and before the timers run: TCP does not
 * retransmit a segment that the driver still holds.
 */
unsigned int virtio_net_poll(unsigned int budget);

/*
 * Send an Ethernet frame. The driver takes its own reference; the caller keeps its own, and must
 * not change the bytes while the driver holds one (pbuf->ref > 1: lwIP's TCP heeds that). If
 * need_csum, the checksum of the TCP or UDP header at csum_start is to be completed by the
 * device, which finds the pseudo-header sum in its place. ERR_OK, or ERR_MEM: not taken.
 */
struct virtio_net_csum {
	bool needed;
	uint16_t start, offset;
};
err_t virtio_net_send(struct pbuf *frame, struct virtio_net_csum csum);

/* How many frames a generator may send now. 0: it returns JOB_WAIT_ROOM. */
unsigned int virtio_net_room(void);

/*
 * Release what the device has sent, move waiting frames into the ring, kick where the device
 * wants it.
 */
void virtio_net_flush(void);

/*
 * Before sleeping: ask for interrupts on received frames and, if frames or a generator wait for
 * room in the transmit ring, on that. Returns false if there is something to do now.
 */
bool virtio_net_may_sleep(bool waiting_for_room);

/* A bad driver, for tests: the available index jumps beyond the ring. */
void virtio_net_break_ring(void);

/* After sleeping: no more receive interrupts needed; the main loop looks by itself. */
void virtio_net_awake(void);

/* False when the device has no MSI-X: then nothing wakes a sleeper but the timer. */
bool virtio_net_has_irq(void);

const struct virtio_net_stats *virtio_net_stats(void);
uint64_t virtio_net_features(void);
