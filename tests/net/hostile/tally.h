/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a frame of offers.c tells whether it arrived right: its payload is a stretch of one pattern,
 * from the place on that its TCP sequence number or its UDP ports name, so each segment of a frame
 * can be judged alone; TCP's urgent pointer, which nothing uses, has the size of a segment. Checks
 * and sums are computed anew here, by code that shares nothing with the hypervisor's. In the guest
 * and in the peer's program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TALLY_BODY_MAX 70000

/* Of segments as on the wire. */
struct tally {
	uint64_t frames, bytes; /* bytes: of payload */
	uint64_t ends;          /* frames with PSH: the last one of each that was cut */
	uint64_t wrong;
};

/* The pattern from `at` on, at least TALLY_BODY_MAX bytes. */
const uint8_t *tally_pattern(uint32_t at);

/* The sum of big-endian words so far and `len` bytes more, folded; `len` is even but at the end. */
uint32_t tally_sum(uint32_t sum, const uint8_t *p, uint32_t len);

/* That of the pseudo header of the packet at ip: its addresses, protocol, `len`. */
uint32_t tally_pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t len);

/*
 * Counts a frame; false, and wrong, if it is not as offers.c makes them. partial: its checksum is
 * that of the pseudo header, and it may be still to cut.
 */
bool tally_frame(struct tally *t, const uint8_t *f, uint32_t len, bool partial);
