/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands around the coalescer in its tests: segments as their sender means them, and a second
 * implementation of the way back. Whatever goes out is cut again and must be the frames that came
 * in, byte by byte and in order for each connection, but for acknowledgements that the next one
 * stands for; what is no TCP segment overtakes nobody on its
 * way to a station. Frames lie in memory of their own, which is gone behind lab_flush(), so that
 * the sanitizer sees a look too many.
 */
#ifndef TESTS_UNIT_NET_COALESCE_LAB_H
#define TESTS_UNIT_NET_COALESCE_LAB_H

#include "fake.h"

#include "net/coalesce.h"

#define IN_MAX    300 /* frames before a flush */
#define FRAME_MAX 1600

struct spec {
	bool vlan, ip_options, fixed_id;
	uint8_t station, conn, tos, ttl, flags;
	uint16_t id, ip_flags, window, urgent;
	uint32_t seq, ack, stamp, options, payload; /* options: bytes of them */
};

/* A frame that came in. */
struct in {
	uint8_t *data, *rest; /* rest: its end, where that lies somewhere else */
	uint32_t len, key;    /* key: names its connection; 0: it has none */
	bool vouched, out;
};

/*
 * Since the last flush: frames in and out, large ones made, frames that were not taken. left_out,
 * from the beginning: acknowledgements that a later one stood for.
 */
struct lab {
	struct in in[IN_MAX];
	unsigned int ins, outs, merged, refused, left_out;
	bool accepting;
	struct coalesce c;
};
extern struct lab lab;

void lab_begin(void);
void lab_flush(void); /* the coalescer's, and everything that came in went out */

/* The first segment of a connection, the next one, and the frame of one: its length. */
struct spec spec_start(void);
void spec_next(struct spec *s);
uint32_t spec_build(uint8_t *f, const struct spec *s);

/* Makes the checksums right, of IP and of TCP in a frame of len bytes. */
void seal(uint8_t *f, uint32_t len);
void seal_ip(uint8_t *f);

/* How a frame lies in memory. */
enum shape { WHOLE, TAG_PUT_BACK, LAST_BYTE_APART, PIECES };

/* A frame comes in; vouched: with the driver's word for its checksum. True: it is held, or went
 * out with others. */
bool take(const uint8_t *data, uint32_t len, bool vouched, enum shape how);
bool give(const struct spec *s);

#endif
