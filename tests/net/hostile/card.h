/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The card and its rings, as the operations on it share them (card.c). */
#pragma once

#include <stdint.h>

#define CARD_QUEUE_SIZE 256
#define CARD_FEATURES   0x3001bbabu /* all that are offered, but for VERSION_1 */

enum { CARD_RX, CARD_TX };

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct queue {
	struct desc desc[CARD_QUEUE_SIZE] __attribute__((aligned(4096)));
	struct {
		uint16_t flags, idx, ring[CARD_QUEUE_SIZE], used_event;
	} avail __attribute__((aligned(4096)));
	struct {
		uint16_t flags, idx;
		struct {
			uint32_t id, len;
		} ring[CARD_QUEUE_SIZE];
	} used __attribute__((aligned(4096)));
};

extern struct queue queues[2];
extern int broken; /* rings and device need to be set up */

/* `set_ups`: in the upper half how many times it was tried, in the lower one how many succeeded. */
#define SET_UP_TRIED (1ul << 32)

/*
 * As a good driver starts, with empty rings. features: of CARD_FEATURES, those that the card offers
 * are taken; `broken` if it refuses the set.
 */
void card_set_up(uint32_t features);
void kick(uint16_t queue);
