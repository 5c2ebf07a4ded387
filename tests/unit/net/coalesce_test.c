/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive coalescing: what becomes one frame, what ends it, what is odd, and all of it at random.
 * Seed and number of sequences: coalesce_test SEED SEQUENCES.
 */
#include "coalesce_lab.h"

#include "tests/fuzz/random.h"

#define CONNS 12

static uint64_t seed = 1, sequences = 100000;

static int setup(void **state)
{
	(void)state;
	lab_begin();
	random_seed(seed);
	return 0;
}

/* In a row, across the end of the sequence numbers and of the ids: one frame. */
static void test_a_row_becomes_one_frame(void **state)
{
	struct spec s = spec_start();

	(void)state;
	s.id = 0xfff0;
	s.urgent = 0x1234; /* of no meaning, but part of the sum */
	s.tos = 0x10;
	s.ack = 0x89abcdef;
	for (int i = 0; i < 30; i++, spec_next(&s))
		assert_true(give(&s));
	assert_int_equal(lab.outs, 0);
	coalesce_flush(&lab.c);
	assert_int_equal(lab.merged, 1);
	assert_int_equal(lab.c.merged, 1);
	assert_int_equal(lab.c.merged_segments, 30);
	lab_flush();
	assert_true(give(&s)); /* alone it goes out as it came */
	coalesce_flush(&lab.c);
	assert_int_equal(lab.merged, 0);
	lab_flush();
}

/* PSH, and a segment smaller than the first, end a frame with themselves. */
static void test_ends_of_a_frame(void **state)
{
	struct spec s = spec_start();

	(void)state;
	for (int i = 0; i < 6; i++, spec_next(&s)) {
		s.flags = i == 2 ? 0x18 : 0x10;
		s.payload = i == 5 ? 99 : 100;
		assert_true(give(&s));
		assert_int_equal(lab.merged, i == 5 ? 2 : i >= 2);
	}
	assert_int_equal(lab.outs, 6);
	s.flags = 0x18; /* nothing to wait for */
	assert_false(give(&s));
	spec_next(&s);
	s.flags = 0x10;
	s.payload = GSO_SIZE_MIN - 1;
	assert_false(give(&s));
	lab_flush();
}

static void test_bounds(void **state)
{
	struct spec s = spec_start();

	(void)state;
	s.payload = 1400; /* 46 of them are 64,466 bytes with the headers */
	for (int i = 0; i < 60; i++, spec_next(&s)) {
		assert_true(give(&s));
		assert_int_equal(lab.merged, i >= 46);
	}
	lab_flush();
	s.payload = 50;
	for (int i = 0; i < COALESCE_PIECES + 2; i++, spec_next(&s)) {
		assert_true(give(&s));
		assert_int_equal(lab.merged, i > COALESCE_PIECES); /* one lies in the head */
	}
	lab_flush();
}

/* IPv4's own limit, not only the frame's. */
static void test_more_than_an_mtu_is_not_merged(void **state)
{
	struct spec s = spec_start();

	(void)state;
	s.payload = PACKET_MTU - 52;
	assert_true(give(&s));
	spec_next(&s);
	assert_true(give(&s));
	spec_next(&s);
	s.payload++;
	assert_false(give(&s));
	lab_flush();
}

/* More connections than flows: the oldest makes room. */
static void test_oldest_makes_room(void **state)
{
	struct spec s = spec_start();

	(void)state;
	for (int round = 0; round < 2; round++, spec_next(&s))
		for (s.conn = 0; s.conn < COALESCE_FLOWS; s.conn++)
			assert_true(give(&s));
	assert_int_equal(lab.merged, 0);
	s.conn = COALESCE_FLOWS;
	assert_true(give(&s));
	assert_int_equal(lab.merged, 1);
	assert_true(lab.in[0].out && lab.in[COALESCE_FLOWS].out && !lab.in[1].out);
	lab_flush();
}

/* The byte at a place of frames with a tag differs, or none: two connections, or one. */
static void interleave(uint32_t place)
{
	static uint8_t f[FRAME_MAX];
	struct spec s = spec_start();
	uint32_t len;

	s.vlan = true;
	for (int i = 0; i < 4; i++) {
		len = spec_build(f, &s);
		if (place && i & 1)
			f[place] ^= 1;
		seal(f, len);
		assert_true(take(f, len, false, WHOLE));
		if (!place || i & 1)
			spec_next(&s);
	}
	coalesce_flush(&lab.c);
	assert_int_equal(lab.merged, place ? 2 : 1);
	lab_flush();
}

/* Stations, tag, addresses and ports: each byte of them tells connections apart. */
static void test_what_a_connection_is(void **state)
{
	(void)state;
	interleave(0);
	for (uint32_t i = 0; i < 18; i++)
		if (i < 12 || i == 14 || i == 15)
			interleave(i);
	for (uint32_t i = 18 + 12; i < 18 + 24; i++)
		interleave(i);
}

static void test_receiver_that_takes_none(void **state)
{
	struct spec s = spec_start();

	(void)state;
	lab.accepting = false;
	for (int i = 0; i < 3; i++, spec_next(&s))
		assert_false(give(&s));
	lab_flush();
}

/* The driver's word is taken; without it a wrong sum is found, and a right one noted. */
static void test_checksums(void **state)
{
	static uint8_t f[FRAME_MAX];
	struct spec s = spec_start();
	uint32_t len;

	(void)state;
	for (int i = 0; i < 4; i++, spec_next(&s)) {
		len = spec_build(f, &s);
		f[len - 1] ^= i == 1 || i == 3;
		assert_int_equal(take(f, len, i == 3, WHOLE), i != 1);
	}
	assert_int_equal(lab.refused, 1);
	coalesce_flush(&lab.c);
	assert_int_equal(lab.merged, 1); /* of the last two */
	lab_flush();
}

/* What is no TCP segment goes behind what is held for its station, and for it alone. */
static void test_others_overtake_nobody(void **state)
{
	static uint8_t f[FRAME_MAX];
	struct spec a = spec_start(), b = spec_start();

	(void)state;
	b.station = 2;
	for (int i = 0; i < 2; i++, spec_next(&a), spec_next(&b))
		assert_true(give(&a) && give(&b));
	make_frame(f, 60, (uint8_t[6]){ 2, 0, 0, 0, 0, 3 }, (uint8_t[6]){ 2, 0, 0, 0, 1, 1 }, 0);
	assert_false(take(f, 60, false, WHOLE));
	assert_int_equal(lab.merged, 0);
	f[5] = 2;
	assert_false(take(f, 60, false, WHOLE));
	assert_int_equal(lab.merged, 1);
	assert_false(lab.in[0].out);
	f[0] = 3; /* a group's */
	assert_false(take(f, 60, false, WHOLE));
	assert_int_equal(lab.merged, 2);
	lab_flush();
}

/* ---- one segment in a row is odd ---- */

/* In a frame without a tag: 14 is where IP begins, 34 TCP, 54 its options, 66 the payload. */
static const struct odd {
	uint8_t at; /* two bytes, to which `add` is added */
	int add;
	uint16_t len; /* of the frame, if not its own */
	bool unsealed;
	unsigned int more; /* bytes of payload */
	bool empty;        /* none of it */
	bool no_options, ip_options;
} odds[] = {
	{ .at = 40, .add = 1 },                 /* a gap */
	{ .at = 40, .add = -1 },                /* an overlap */
	{ .at = 40, .add = -100 },              /* once more */
	{ .at = 44, .add = 1 },                 /* what is acknowledged */
	{ .at = 48, .add = 1 },                 /* window */
	{ .at = 52, .add = 1 },                 /* urgent pointer */
	{ .at = 60, .add = 1 },                 /* time stamp */
	{ .at = 46, .add = 0x1000 },            /* the TCP header longer */
	{ .at = 46, .add = -0x4000 },           /* and shorter than it can be */
	{ .at = 46, .add = 0x7000, .len = 74 }, /* and longer than the frame */
	{ .at = 46, .add = 0x01 },              /* FIN */
	{ .at = 46, .add = 0x02 },              /* SYN */
	{ .at = 46, .add = 0x04 },              /* RST */
	{ .at = 46, .add = 0x20 },              /* URG */
	{ .at = 46, .add = 0x40 },              /* ECE */
	{ .at = 46, .add = 0x80 },              /* CWR */
	{ .at = 46, .add = 0x100 },             /* NS, once */
	{ .at = 46, .add = -0x10 },             /* no ACK */
	{ .at = 46, .add = -0x08 },             /* PSH in its place */
	{ .at = 14, .add = 4 },                 /* TOS */
	{ .at = 14, .add = 0x2000 },            /* IP version 6 */
	{ .at = 14, .add = -0x100 },            /* the IP header too short */
	{ .at = 16, .add = -6 },                /* the IP length: behind it is padding */
	{ .at = 16, .add = 1 },                 /* and beyond the end */
	{ .at = 18, .add = 1 },                 /* id: a gap */
	{ .at = 18, .add = -1 },                /* id: stands still where the second one counted */
	{ .at = 20, .add = -0x4000 },           /* no DF */
	{ .at = 20, .add = 0x8000 },            /* the reserved flag */
	{ .at = 20, .add = -0x2000 },           /* the first of several fragments */
	{ .at = 20, .add = 3 - 0x4000 },        /* the last of them */
	{ .at = 22, .add = 0x100 },             /* TTL */
	{ .at = 22, .add = 17 - 6 },            /* UDP */
	{ .at = 12, .add = 0x100 },             /* Ethernet type */
	{ .at = 24, .add = 1, .unsealed = true },         /* IP's checksum */
	{ .at = 50, .add = 1, .unsealed = true },         /* TCP's */
	{ .len = 53 },                                    /* no whole TCP header */
	{ .more = 1 },                                    /* larger than the first */
	{ .empty = true },                                /* an acknowledgement alone */
	{ .len = 60, .empty = true, .no_options = true }, /* and padded */
	{ .ip_options = true },
};

static uint32_t odd(const struct odd *o, uint8_t *f, struct spec s)
{
	uint32_t len;

	s.payload = o->empty ? 0 : s.payload + o->more;
	s.options = o->no_options ? 0 : s.options;
	s.ip_options = o->ip_options;
	len = spec_build(f, &s);
	put_be16(f + o->at, get_be16(f + o->at) + o->add);
	if (o->len && o->len < len)
		put_be16(f + 16, o->len - 14);
	len = o->len ? o->len : len;
	if (!o->unsealed && f[14] == 0x45 && len >= 54 && o->at != 12)
		seal(f, len);
	else if (!o->unsealed)
		seal_ip(f);
	return len;
}

/* Two are held; the odd one must not become part of their frame, nor of the next one's. */
static void test_odd_segments(void **state)
{
	static uint8_t f[FRAME_MAX];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(odds); i++) {
		struct spec s = spec_start();

		for (int n = 0; n < 2; n++, spec_next(&s))
			assert_true(give(&s));
		memset(f, 0, sizeof(f));
		take(f, odd(&odds[i], f, s), false, WHOLE);
		if (lab.merged != 1 || !lab.in[1].out)
			fail_msg("odd segment %u did not end the frame", i);
		spec_next(&s);
		for (int n = 0; n < 2; n++, spec_next(&s))
			assert_true(give(&s));
		coalesce_flush(&lab.c);
		assert_int_equal(lab.merged, 2);
		lab_flush();
	}
}

/* Differs from others in one thing, and has a frame of its own. */
static void test_other_connections(void **state)
{
	static const unsigned int other[] = { 5, 11, 29, 33, 35, 37 };
	static uint8_t f[FRAME_MAX];
	struct spec s = spec_start();

	(void)state;
	for (int i = 0; i < 2; i++, spec_next(&s)) {
		uint32_t len = spec_build(f, &s);

		take(f, len, false, WHOLE);
		for (unsigned int n = 0; n < ARRAY_SIZE(other); n++) {
			f[other[n]] ^= 0x40; /* stations, addresses, ports */
			seal(f, len);
			assert_true(take(f, len, false, WHOLE));
			f[other[n]] ^= 0x40;
		}
		s.vlan = true;
		assert_true(take(f, spec_build(f, &s), false, TAG_PUT_BACK));
		s.vlan = false;
	}
	coalesce_flush(&lab.c);
	assert_int_equal(lab.merged, COALESCE_FLOWS);
	lab_flush();
}

/* All of a row are odd in the same way: each goes alone. */
static void test_odd_rows(void **state)
{
	static uint8_t f[FRAME_MAX];
	struct spec s = spec_start();

	(void)state;
	for (int i = 0; i < 12; i++, spec_next(&s)) {
		uint32_t len;

		s.ip_flags = i / 3 == 0 ? 0xc000 : 0x4000;
		s.ip_options = i / 3 == 1;
		len = spec_build(f, &s);
		if (i / 3 == 2)
			f[34 + 12] = 0x40;
		seal(f, len);
		assert_false(take(f, len, false, i / 3 == 3 ? LAST_BYTE_APART : WHOLE));
	}
	lab_flush();
}

/* Ids that stand still are as good with DF, and only with it. */
static void test_ids(void **state)
{
	struct spec s = spec_start();

	(void)state;
	s.fixed_id = true;
	for (int df = 1; df >= 0; df--) {
		s.ip_flags = df ? 0x4000 : 0;
		for (int i = 0; i < 3; i++, spec_next(&s))
			assert_true(give(&s));
		coalesce_flush(&lab.c);
		assert_int_equal(lab.merged, df);
		lab_flush();
	}
	s.ip_flags = 0x4000; /* they begin to count */
	for (int i = 0; i < 4; i++, spec_next(&s)) {
		assert_true(give(&s));
		s.fixed_id = i < 1;
	}
	assert_int_equal(lab.merged, 1);
	assert_int_equal(lab.c.merged_segments, 5);
	lab_flush();
}

/* ---- all of it at random ---- */

/* Of a connection that acknowledges: mostly more each time. */
static void any_ack(struct spec *s)
{
	static uint8_t f[FRAME_MAX];
	uint32_t len = spec_build(f, s);

	if (len < 60 && !s->vlan) {
		memset(f + len, 0xa5, 60 - len);
		len = 60;
	}
	if (below(30) == 0)
		f[below(90U) % len] ^= 1 << below(8);
	take(f, len, below(8) == 0, below(30) ? WHOLE : PIECES);
	s->ack += below(10) ? below(20000) : 0 - below(3000);
	s->stamp += below(20) ? below(3) : 0U - 1;
	s->window = below(3) ? s->window : rnd();
	s->id += !s->fixed_id;
}

/* Mostly the next segment of its connection. */
static void any_segment(struct spec *conn)
{
	static uint8_t f[FRAME_MAX];
	struct spec *s = &conn[below(CONNS) % (1 + below(CONNS))], odd_one;
	bool vouched = below(8) == 0;
	enum shape how = s->vlan && below(2) ? TAG_PUT_BACK : below(30) ? WHOLE : PIECES;
	uint32_t len;

	s->flags = below(12) ? 0x10 : 0x18;
	if (below(40) == 0)
		s->payload = below(300);
	if (!s->payload) {
		any_ack(s);
		return;
	}
	if (below(10) == 0 && s->payload > 3) { /* the last of a row */
		odd_one = *s;
		odd_one.payload -= 1 + below(2);
		take(f, spec_build(f, &odd_one), vouched, how);
		s->seq += odd_one.payload;
		s->id += !s->fixed_id;
		return;
	}
	if (below(16)) {
		len = spec_build(f, s);
	} else {
		memset(f, 0, sizeof(f));
		odd_one = *s;
		odd_one.vlan = odd_one.ip_options = false;
		memcpy(f + 12, "\x08\x00", 2);
		len = odd(&odds[below(ARRAY_SIZE(odds))], f, odd_one);
		how = WHOLE;
	}
	for (int n = below(30) ? 0 : 1 + below(3); n; n--)
		f[below(MIN(len, below(2) ? 14U : 90U))] ^= 1 << below(8);
	if (below(60) == 0)
		len = 17 + below(len - 17);
	take(f, len, vouched, how);
	spec_next(s);
}

static void any_sequence(void)
{
	struct spec conn[CONNS];

	for (int i = 0; i < CONNS; i++) {
		conn[i] = spec_start();
		conn[i].conn = i;
		conn[i].station = i % 3;
		conn[i].vlan = below(4) == 0;
		conn[i].fixed_id = below(4) == 0;
		conn[i].ip_flags = below(4) ? 0x4000 : 0;
		conn[i].id = rnd();
		conn[i].seq = below(2) ? rnd() : 0U - below(2000);
		conn[i].options = below(11) * 4;
		conn[i].urgent = below(8) ? 0 : rnd();
		conn[i].ack = below(2) ? rnd() : 0U - below(20000);
		conn[i].stamp = below(2) ? rnd() : 0U - below(3);
		if (below(5) == 0)
			conn[i].payload = 0;
		else
			conn[i].payload = below(8) ? GSO_SIZE_MIN + below(60) : 1 + below(1400);
	}
	for (int n = below(20) ? 1 + below(24) : 1 + below(IN_MAX); n; n--)
		any_segment(conn);
}

static void test_random_sequences(void **state)
{
	uint64_t frames = 0, held = 0;

	(void)state;
	for (uint64_t i = 0; i < sequences; i++) {
		any_sequence();
		frames += lab.ins;
		held += lab.ins - lab.refused;
		lab_flush();
	}
	printf("%lu frames, %lu of them held, %lu merged into %lu, %lu acknowledgements left out\n",
	       frames, held, lab.c.merged_segments, lab.c.merged, lab.c.acks);
	/* A generator whose frames are all odd would show nothing. */
	assert_true(held > frames / 2 && lab.c.merged_segments > frames / 4);
	assert_true(lab.c.acks > frames / 100);
}

int main(int argc, char **argv)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_row_becomes_one_frame),
		T(test_ends_of_a_frame),
		T(test_bounds),
		T(test_more_than_an_mtu_is_not_merged),
		T(test_oldest_makes_room),
		T(test_what_a_connection_is),
		T(test_receiver_that_takes_none),
		T(test_checksums),
		T(test_others_overtake_nobody),
		T(test_odd_segments),
		T(test_other_connections),
		T(test_odd_rows),
		T(test_ids),
		T(test_random_sequences),
	};

	if (argc == 3) {
		seed = strtoul(argv[1], NULL, 10);
		sequences = strtoul(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests_name("coalesce", tests, NULL, NULL);
}
