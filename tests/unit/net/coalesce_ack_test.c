/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acknowledgements without data (hv/net/coalesce.c): which a later one stands for, and which are
 * left alone. The lab looks at each that goes out, and at each that does not.
 */
#include "coalesce_lab.h"

#define FLAG_ECE 0x40

static int setup(void **state)
{
	(void)state;
	lab_begin();
	return 0;
}

static struct spec acknowledgement(uint32_t options)
{
	struct spec s = spec_start();

	s.payload = 0;
	s.ack = 0xfffff000; /* and across the end of its numbers */
	s.stamp = 0xffffffff;
	s.options = options;
	return s;
}

static void says_more(struct spec *s)
{
	s->ack += 1448;
	s->stamp++;
	s->id++;
	s->window += 3;
}

/* With the padding of a short frame, whose bytes are anything. */
static bool give_padded(const struct spec *s)
{
	static uint8_t f[FRAME_MAX];
	uint32_t len = spec_build(f, s);

	memset(f + len, 0xa5, sizeof(f) - len);
	return take(f, MAX(len, 60U), false, WHOLE);
}

static void test_last_one_says_it_all(void **state)
{
	(void)state;
	for (uint32_t options = 0; options <= 12; options += 12) {
		struct spec s = acknowledgement(options);

		for (int i = 0; i < 20; i++, says_more(&s))
			assert_true(give_padded(&s));
		assert_int_equal(lab.outs, 0);
		coalesce_flush(&lab.c);
		assert_int_equal(lab.left_out, 19);
		lab_flush();
		lab_begin();
	}
}

/* What differs in the second of two, so that both go out. */
static const struct change {
	const char *what;
	int ack, stamp, seq;
	uint8_t flags, tos;
	uint32_t options;
} changes[] = {
	{ "acknowledges the same", .ack = -1448 },
	{ "acknowledges less", .ack = -1449 },
	{ "acknowledges 2^31 more", .ack = 0x7fffffff - 1448 + 1 },
	{ "an older time stamp", .stamp = -2 },
	{ "another sequence number", .seq = 1 },
	{ "ECE", .flags = FLAG_ECE },
	{ "congestion met", .tos = 3 },
	{ "more options", .options = 12 },
	{ "fewer options", .options = -12U },
};

static void test_others_are_left_alone(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *c = &changes[i];
		struct spec s = acknowledgement(12);

		assert_true(give(&s));
		says_more(&s);
		s.ack += c->ack;
		s.stamp += c->stamp;
		s.seq += c->seq;
		s.flags |= c->flags;
		s.tos |= c->tos;
		s.options += c->options;
		give_padded(&s);
		coalesce_flush(&lab.c);
		if (lab.left_out || lab.outs != 2)
			fail_msg("left out before: %s", c->what);
		lab_flush();
	}
}

/* Loss is told by acknowledgements that repeat the last one: all of them arrive. */
static void test_repeated_ones_all_arrive(void **state)
{
	struct spec s = acknowledgement(12);

	(void)state;
	assert_true(give(&s));
	says_more(&s);
	for (int i = 0; i < 4; i++, s.stamp++)
		assert_true(give(&s));
	says_more(&s);
	assert_true(give(&s));
	coalesce_flush(&lab.c);
	assert_int_equal(lab.left_out, 2); /* the first, and the last one that was repeated */
	assert_int_equal(lab.ins, 6);
	lab_flush();
}

/* Bytes that differ from the frame that says more; sealed: with checksums made right. */
static void test_damaged_and_unusual_ones_stand_for_none(void **state)
{
	static const struct {
		uint8_t at, bits;
		bool sealed;
	} odd[] = {
		{ 24, 1, false },                       /* IP's checksum */
		{ 50, 1, false },                       /* TCP's */
		{ 44, 8, false },                       /* what it acknowledges */
		{ 54, 4, true },                        /* an option of another kind: SACK's is 5 */
		{ 55, 4, true },    { 20, 0x80, true }, /* IP's reserved flag */
		{ 46, 1, true },                        /* NS */
		{ 47, 8, true },                        /* PSH */
		{ 47, 1, true },                        /* FIN */
		{ 47, 0x20, true },                     /* URG */
		{ 17, 4, true },                        /* IP's length */
	};
	static uint8_t f[FRAME_MAX];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++) {
		struct spec s = acknowledgement(12);
		uint32_t len;

		assert_true(give(&s));
		says_more(&s);
		len = spec_build(f, &s);
		f[odd[i].at] ^= odd[i].bits;
		if (odd[i].sealed)
			seal(f, len);
		if (take(f, len, false, WHOLE) || lab.outs != 2 || lab.left_out)
			fail_msg("odd one %u was held", i);
		lab_flush();
	}
}

/* Data goes behind what is held, in both ways, and another connection's ends nothing. */
static void test_data_keeps_its_place(void **state)
{
	struct spec s = acknowledgement(12), other = acknowledgement(12);

	(void)state;
	other.conn = 2;
	assert_true(give(&s) && give(&other));
	says_more(&s);
	s.payload = 100;
	assert_true(give(&s));
	assert_true(lab.in[0].out && !lab.in[1].out && !lab.in[2].out);
	spec_next(&s);
	s.payload = 0;
	assert_true(give(&s));
	assert_true(lab.in[2].out && !lab.in[3].out);
	says_more(&other);
	assert_true(give(&other));
	coalesce_flush(&lab.c);
	assert_int_equal(lab.left_out, 1);
	lab_flush();
}

static void test_receiver_that_takes_none(void **state)
{
	struct spec s = acknowledgement(12);

	(void)state;
	lab.accepting = false;
	for (int i = 0; i < 3; i++, says_more(&s))
		assert_false(give(&s));
	lab_flush();
	assert_int_equal(lab.left_out, 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(test_last_one_says_it_all),     T(test_others_are_left_alone),
		T(test_repeated_ones_all_arrive), T(test_damaged_and_unusual_ones_stand_for_none),
		T(test_data_keeps_its_place),     T(test_receiver_that_takes_none),
	};

	return cmocka_run_group_tests_name("coalesce_ack", tests, NULL, NULL);
}
