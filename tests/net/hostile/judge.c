/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest that receives what another one offers (offers.c), and judges each frame. By its seed
 * it leaves the card all of the work, or takes over what is left to do. One operation, which ends
 * with a frame of the type for experiments.
 */
#include "card.h"
#include "cpu/x86.h"
#include "hostile.h"
#include "lib/print.h"
#include "tally.h"

#include <string.h>

#define BUFFER        2048
#define HDR           12
#define RX_OFFLOADS   0x382u /* GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN */
#define FRAME_MAX     (HDR + 65550)
#define EVENT_IDX     0x20000000u
#define NO_INTERRUPT  1
#define TYPE_OF_END_0 0x88
#define TYPE_OF_END_1 0xb5

static const uint8_t liar[] = { 0x52, 0x54, 0, 0x88, 0, 0x12 };

static uint8_t buffers[CARD_QUEUE_SIZE][BUFFER] __attribute__((aligned(4096)));
static uint8_t frame[FRAME_MAX + BUFFER];
static struct tally seen;
static uint16_t taken; /* of the used ring, free-running */
static uint64_t large;

static void post(uint32_t id)
{
	struct queue *q = &queues[CARD_RX];

	q->avail.ring[q->avail.idx % CARD_QUEUE_SIZE] = (uint16_t)id;
	__asm__ volatile("" : : : "memory");
	q->avail.idx++;
}

static void begin(void)
{
	uint32_t features = CARD_FEATURES & ~EVENT_IDX;

	card_set_up(random_below(2) ? features : features & ~RX_OFFLOADS);
	taken = 0;
	queues[CARD_RX].avail.flags = NO_INTERRUPT;
	for (uint32_t i = 0; i < CARD_QUEUE_SIZE; i++) {
		queues[CARD_RX].desc[i] = (struct desc){ (uint64_t)buffers[i], BUFFER, 2, 0 };
		post(i);
	}
	kick(CARD_RX);
	print("hostile: judges\n");
}

/* The next buffer's bytes go to p; how many. */
static uint32_t take(uint8_t *p)
{
	struct queue *q = &queues[CARD_RX];
	uint32_t id, len;

	for (uint32_t n = 1; *(volatile uint16_t *)&q->used.idx == taken; n++) {
		if (n % 1024 == 0)
			kick(CARD_RX);
		cpu_relax();
	}
	__asm__ volatile("" : : : "memory");
	id = q->used.ring[taken % CARD_QUEUE_SIZE].id % CARD_QUEUE_SIZE;
	len = q->used.ring[taken % CARD_QUEUE_SIZE].len;
	taken++;
	memcpy(p, buffers[id], len > BUFFER ? BUFFER : len);
	post(id);
	return len;
}

/* A whole frame behind its virtio header; its length with that. */
static uint32_t take_frame(void)
{
	uint32_t len = take(frame), more = frame[10] | (uint32_t)frame[11] << 8;

	for (; more > 1 && len <= FRAME_MAX; more--)
		len += take(frame + len);
	if (len < HDR + 14 || len > FRAME_MAX || more > 1)
		seen.wrong++;
	return len;
}

void op_judge(void)
{
	for (begin();;) {
		uint32_t len = take_frame();
		const uint8_t *f = frame + HDR;

		if (f[12] == TYPE_OF_END_0 && f[13] == TYPE_OF_END_1)
			break;
		if (memcmp(f + 6, liar, sizeof(liar)) == 0) {
			tally_frame(&seen, f, len - HDR, frame[0] & 1);
			large += frame[1] != 0;
		}
	}
}

void judge_report(void)
{
	if (seen.frames || seen.wrong)
		print("\nhostile: judged=%lu %lu %lu wrong=%lu large=%lu\n", seen.frames,
		      seen.bytes, seen.ends, seen.wrong, large);
}
