/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver that hands received frames over, and what is behind hv/twin/receive*.c: a switch,
 * castor, the driver VM's interface. Shared by their tests.
 */
#ifndef UNIT_TWIN_RECEIVE_LAB_H
#define UNIT_TWIN_RECEIVE_LAB_H

#include <setjmp.h>

#include "dvm_ram.h"
#include "kernel_abi.h"
#include "net/packet.h"
#include "twin/castor.h"
#include "twin/native_skb.h"
#include "twin/receive.h"
#include "twin/receive_own.h"

#define FRAMES   200 /* that the pool has heads and buffers for */
#define ROOM     64  /* in front of a frame */
#define PAYLOAD  1000
#define HEADERS  54
#define SENT_MAX 16

#define SKB (DVM_BASE + 2 * FRAMES * 4096) /* the pool has one, its buffer behind it */

extern jmp_buf invocation;           /* where native_kill() goes */
extern struct packet sent[SENT_MAX]; /* to guests; their pieces are gone */
extern struct castor_slot given[SENT_MAX];
extern uint8_t short_frame[CASTOR_FRAME_MAX]; /* castor's latest */
extern unsigned int sends, pushed, interface_asked;
extern bool guest_merges, interface_merges, ring_full;
extern bool payload_spoilt; /* guests do not look at it */

/* cmocka's. */
int setup(void **state);
int teardown(void **state);

uint64_t native(const char *name, uint64_t a, uint64_t b);
uint8_t *hva(dva_t dva);

enum { DAMAGED = 1, VOUCHED = 2, TAGGED = 4 };

/*
 * The next segment of a connection, for the station whose address ends in `to` (1: a guest, 0xdd:
 * the driver VM), in a buffer that the twin took from the pool, in an skb as it builds it; and the
 * same handed over. The skb.
 */
dva_t receive_into(dva_t data, uint8_t to, unsigned int how);
dva_t receive(uint8_t to, unsigned int how);

void donate_skb(void);

/*
 * What a driver copies into a small skb, for the driver VM: a whole frame of len bytes, each behind
 * the destination its own number.
 */
dva_t receive_short(uint32_t len, unsigned int how);

void expect_all_back(void);

#endif
