/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of short datagrams: right ones, each bit of one damaged, and what is none. */
#include "fake.h"
#include "ref_sum.h"

#include "net/udp_sum.h"

#define UDP (ETH_HLEN + 20)

/* A datagram of so many bytes of payload, behind a VLAN tag or none: the frame's length. */
static uint32_t build(uint8_t *f, bool vlan, uint32_t payload)
{
	uint32_t l3 = ETH_HLEN + (vlan ? VLAN_HLEN : 0), len = 8 + payload;
	uint8_t *ip = f + l3, *udp = ip + 20;

	memset(f, 0x55, l3);
	if (vlan)
		memcpy(f + 12, "\x81\x00\x00\x05", 4);
	memcpy(ip - 2, "\x08\x00", 2);
	memcpy(ip,
	       "\x45\x00\x00\x00\x12\x34\x40\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02",
	       20);
	put_be16(ip + 2, 20 + len);
	memcpy(udp, "\x12\x34\x00\x35", 4);
	put_be16(udp + 4, len);
	for (uint32_t i = 0; i < payload; i++)
		udp[8 + i] = i * 37 + payload;
	put_be16(udp + 6, 0);
	put_be16(udp + 6, ~ref_sum(udp, len, ref_sum(ip + 12, 8, 17 + len)));
	return l3 + 20 + len;
}

static bool holds(uint8_t *f, uint32_t len)
{
	struct packet_seg seg = { f, len };
	struct packet pkt;

	packet_from_piece(&pkt, &seg);
	return udp_sum_holds(&pkt);
}

static void test_right_ones(void **state)
{
	uint8_t f[200];

	(void)state;
	for (uint32_t payload = 0; UDP + 8 + payload + VLAN_HLEN <= PACKET_HEAD_MAX; payload++)
		for (int vlan = 0; vlan < 2; vlan++)
			assert_true(holds(f, build(f, vlan, payload)));
}

static void test_padding_is_no_part_of_it(void **state)
{
	uint8_t f[200];

	(void)state;
	memset(f, 0xa5, sizeof(f));
	build(f, false, 5);
	assert_true(holds(f, 60));
}

/* Addresses, lengths, ports, checksum, payload: each single bit. */
static void test_each_damaged_bit_is_seen(void **state)
{
	uint8_t f[200];
	uint32_t len = build(f, false, 33);

	(void)state;
	for (uint32_t bit = (ETH_HLEN + 12) * 8; bit < len * 8; bit++) {
		f[bit / 8] ^= 1 << bit % 8;
		if (holds(f, len))
			fail_msg("bit %u of byte %u", bit % 8, bit / 8);
		f[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(holds(f, len));
}

/* Others, which may be right as what they are: nothing is claimed of them. */
static void test_what_is_none(void **state)
{
	static const struct {
		uint8_t at, value;
	} odd[] = {
		{ 12, 0x86 }, /* no IPv4 by its type */
		{ 14, 0x65 }, /* nor by its version */
		{ 14, 0x46 }, /* options */
		{ 17, 0x00 }, /* IP's length is shorter than the datagram's */
		{ 17, 0xff }, /* and longer */
		{ 20, 0x20 }, /* the first of several fragments */
		{ 21, 0x01 }, /* another of them */
		{ 23, 6 },    /* TCP */
		{ 38, 0x40 }, /* UDP's length goes over the end */
		{ 39, 7 },    /* and is none */
	};
	uint8_t f[200];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++) {
		uint32_t len = build(f, false, 40);

		f[odd[i].at] = odd[i].value;
		if (holds(f, len))
			fail_msg("odd one %u", i);
	}
}

static void test_without_a_sum(void **state)
{
	uint8_t f[200];
	uint32_t len = build(f, false, 40);

	(void)state;
	put_be16(f + UDP + 6, 0);
	assert_false(holds(f, len));
}

/* Whatever its end is, nothing behind it is read: the sanitizer sees that. */
static void test_cut_off(void **state)
{
	uint8_t whole[200];
	uint32_t len = build(whole, true, 40);

	(void)state;
	for (uint32_t n = ETH_HLEN; n < len; n++) {
		uint8_t *f = malloc(n);

		memcpy(f, whole, n);
		assert_false(holds(f, n));
		free(f);
	}
}

static void test_longer_than_the_head(void **state)
{
	uint8_t f[400];

	(void)state;
	assert_false(holds(f, build(f, false, PACKET_HEAD_MAX - UDP - 8 + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_ones),
		cmocka_unit_test(test_padding_is_no_part_of_it),
		cmocka_unit_test(test_each_damaged_bit_is_seen),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_without_a_sum),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_longer_than_the_head),
	};

	return cmocka_run_group_tests_name("udp_sum", tests, NULL, NULL);
}
