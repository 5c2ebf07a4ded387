/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive merging (hv/net/coalesce.c): segments of eight connections in any order, right ones and
 * ones that were tampered with. The unit test's second implementation of the way back judges what
 * goes out (tests/unit/net/coalesce_lab.h): each connection's frames, cut again, are those that
 * came in, to the byte and in order, but for acknowledgements that the next one stands for.
 *
 * An input is a byte for each connection, then segments: OP with its connection, HOW, and what HOW
 * asks for.
 */
#include "coalesce_lab.h"
#include "guided.h"
#include "tests/fuzz/random.h"

#define CONNS      8
#define LEN_MIN    17
#define SEALED_MIN (14 + 4 + 60 + 20) /* all headers are there, whatever they say of their size */

enum op { OP_FLUSH = 0x80, OP_REFUSE = 0x40 }; /* REFUSE: the receiver takes none from now on */

enum how {
	HOW_PUSH = 1,
	HOW_VOUCHED = 2,
	HOW_PIECES = 4,
	HOW_PAYLOAD = 8, /* 16 bits: bytes of payload from now on */
	HOW_TAMPER = 16, /* 8 bits: where, 8 bits: exclusive or */
	HOW_CUT = 32,    /* 16 bits: off the end */
	HOW_SEAL = 64,   /* checksums made right again */
	HOW_AGAIN = 128, /* the next segment is this one once more */
};

static struct spec begin(uint8_t shape, unsigned int n)
{
	struct spec s = spec_start();

	s.conn = n;
	s.station = n % 3;
	s.vlan = shape & 1;
	s.fixed_id = shape & 2;
	s.ip_flags = shape & 4 ? 0 : s.ip_flags;
	s.ip_options = shape & 8;
	s.options = shape & 16 ? 0 : s.options;
	s.payload = shape & 32 ? 0 : s.payload; /* it acknowledges */
	return s;
}

static void segment(struct input *in, struct spec *s)
{
	static uint8_t f[FRAME_MAX];
	uint8_t how = in_u8(in);
	uint32_t len;

	s->flags = how & HOW_PUSH ? 0x18 : 0x10;
	if (how & HOW_PAYLOAD)
		s->payload = in_u16(in) % (PACKET_MTU - 64);
	len = spec_build(f, s);
	if (how & HOW_TAMPER) {
		uint8_t at = in_u8(in);

		f[at % len] ^= in_u8(in);
	}
	if (how & HOW_SEAL && len >= SEALED_MIN)
		seal(f, len);
	if (how & HOW_CUT) {
		uint32_t cut = in_u16(in);

		len = cut < len - LEN_MIN ? len - cut : LEN_MIN;
	}
	take(f, len, how & HOW_VOUCHED, how & HOW_PIECES ? PIECES : WHOLE);
	if (how & HOW_AGAIN)
		return;
	spec_next(s);
	if (!s->payload) {
		s->ack += in_u16(in);
		s->stamp += in_u8(in) % 4;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct spec conn[CONNS];

	lab_begin();
	random_seed(in_hash(data, size));
	for (unsigned int i = 0; i < CONNS; i++)
		conn[i] = begin(in_u8(&in), i);
	while (in_more(&in)) {
		uint8_t op = in_u8(&in);

		lab.accepting &= !(op & OP_REFUSE);
		if (op & OP_FLUSH || lab.ins == IN_MAX)
			lab_flush();
		segment(&in, &conn[op % CONNS]);
	}
	lab_flush();
	return 0;
}
