/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Header validation (R17), checksum completion and segmentation, against a second implementation
 * written here from the RFCs, byte by byte: what comes out must be valid packets that together
 * hold the same TCP stream.
 */
#include "fake.h"
#include "ref_sum.h"

#define FRAME_MAX 66000

static uint8_t frame[FRAME_MAX], out[FRAME_MAX];
static struct packet_seg segs[600];
static struct packet pkt;
static const struct packet_rights all_rights = { true, true, true, true };
static uint32_t random_state;

static uint32_t rnd(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

struct shape {
	bool ip6, vlan, udp;
	uint32_t ip_options, tcp_options, payload;
	uint8_t flags;
};

static uint32_t l3_of(const struct shape *s)
{
	return s->vlan ? 18 : 14;
}

static uint32_t l4_of(const struct shape *s)
{
	return l3_of(s) + (s->ip6 ? 40 : 20 + s->ip_options);
}

static uint32_t hlen_of(const struct shape *s)
{
	return l4_of(s) + (s->udp ? 8 : 20 + s->tcp_options);
}

static uint32_t ref_pseudo(const uint8_t *f, const struct shape *s, uint32_t l4_len)
{
	const uint8_t *ip = f + l3_of(s);
	uint32_t sum = (s->udp ? 17 : 6) + l4_len;

	return s->ip6 ? ref_sum(ip + 8, 32, sum) : ref_sum(ip + 12, 8, sum);
}

/* A frame as Linux hands it to the device: the checksum field holds the pseudo header's sum. */
static uint32_t build(const struct shape *s)
{
	uint32_t l3 = l3_of(s), l4 = l4_of(s), hlen = hlen_of(s), len = hlen + s->payload;
	uint8_t *ip = frame + l3, *tcp = frame + l4;

	memset(frame, 0, hlen);
	make_frame(frame, 14, broadcast, (uint8_t[6]){ 2, 2, 2, 2, 2, 2 }, 0);
	if (s->vlan)
		memcpy(frame + 12, "\x81\x00\x00\x05", 4);
	memcpy(frame + l3 - 2, s->ip6 ? "\x86\xdd" : "\x08\x00", 2);
	if (s->ip6) {
		ip[0] = 0x60;
		put_be16(ip + 4, len - l4);
		ip[6] = s->udp ? 17 : 6;
		for (int i = 8; i < 40; i++)
			ip[i] = 3 * i;
	} else {
		ip[0] = 0x40 | (20 + s->ip_options) / 4;
		put_be16(ip + 2, len - l3);
		put_be16(ip + 4, 0xfffe); /* the id wraps */
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = s->udp ? 17 : 6;
		memcpy(ip + 12, "\x0a\x58\x00\x0b\x0a\x58\x00\x01", 8);
		memset(ip + 20, 1, s->ip_options);
		put_be16(ip + 10, ~ref_sum(ip, 20 + s->ip_options, 0));
	}
	put_be16(tcp, 4321);
	put_be16(tcp + 2, 80);
	if (s->udp) {
		put_be16(tcp + 4, len - l4);
		put_be16(tcp + 6, ref_pseudo(frame, s, len - l4));
	} else {
		put_be32(tcp + 4, 0xfffffff0); /* wraps too */
		tcp[12] = (20 + s->tcp_options) / 4 << 4;
		tcp[13] = s->flags;
		memset(tcp + 20, 1, s->tcp_options);
		put_be16(tcp + 16, ref_pseudo(frame, s, len - l4));
	}
	for (uint32_t i = hlen; i < len; i++)
		frame[i] = rnd(256);
	return len;
}

/* Cuts the frame into segments of random lengths, odd ones too. */
static unsigned int scatter(uint32_t len)
{
	unsigned int n = 0;

	for (uint32_t at = 0; at < len; n++) {
		uint32_t part = MIN(len - at, 1 + rnd(n < 500 ? 700 : 60000));

		segs[n] = (struct packet_seg){ frame + at, part };
		at += part;
	}
	return n;
}

static struct virtio_net_hdr header(const struct shape *s, uint16_t gso_size)
{
	return (struct virtio_net_hdr){
		.flags = 1,
		.gso_type = gso_size ? (s->ip6 ? 4 : 1) : 0,
		.hdr_len = 0xffff, /* not looked at */
		.gso_size = gso_size,
		.csum_start = l4_of(s),
		.csum_offset = s->udp ? 6 : 16,
	};
}

static int load(const struct shape *s, uint16_t gso_size)
{
	struct virtio_net_hdr hdr = header(s, gso_size);
	uint32_t len = build(s);

	packet_from_segs(&pkt, segs, scatter(len), 0, len);
	return packet_check(&pkt, &hdr, &all_rights);
}

/* Flattens a frame that came out. */
static uint32_t flatten(struct offload_frame *f)
{
	uint32_t len = f->head_len, left = f->body_len, n;
	const uint8_t *piece;

	memcpy(out, f->head, f->head_len);
	while (left && (n = packet_cursor_next(&f->body, left, &piece))) {
		memcpy(out + len, piece, n);
		len += n;
		left -= n;
	}
	assert_int_equal(left, 0);
	return len;
}

static void check_l4_sum(const struct shape *s, uint32_t len, bool completed)
{
	uint32_t l4 = l4_of(s), sum = ref_pseudo(out, s, len - l4);

	if (completed)
		assert_int_equal(ref_sum(out + l4, len - l4, sum), 0xffff);
	else
		assert_int_equal(get_be16(out + l4 + (s->udp ? 6 : 16)), sum);
}

/* One segment of a stream of s->payload bytes, of which `at` are done. */
static void check_segment(const struct shape *s, uint32_t len, uint32_t at, uint32_t gso, bool csum)
{
	const uint8_t *ip = out + l3_of(s), *tcp = out + l4_of(s);
	uint32_t hlen = hlen_of(s), n = len - hlen;
	bool first = at == 0, last = at + n == s->payload;
	uint8_t flags = s->flags;

	assert_int_equal(n, MIN(gso, s->payload - at));
	assert_memory_equal(out, frame, l3_of(s));
	assert_memory_equal(out + hlen, frame + hlen + at, n);
	if (s->ip6) {
		assert_int_equal(get_be16(ip + 4), len - l4_of(s));
		assert_memory_equal(ip + 6, frame + l3_of(s) + 6, 34);
	} else {
		assert_int_equal(get_be16(ip + 2), len - l3_of(s));
		assert_int_equal(get_be16(ip + 4), (uint16_t)(0xfffe + at / gso));
		assert_int_equal(ref_sum(ip, 20 + s->ip_options, 0), 0xffff);
		assert_memory_equal(ip + 12, frame + l3_of(s) + 12, 8 + s->ip_options);
	}
	if (!first)
		flags &= ~0x80;
	if (!last)
		flags &= ~0x09;
	assert_int_equal(tcp[13], flags);
	assert_int_equal(get_be32(tcp + 4), 0xfffffff0 + at);
	check_l4_sum(s, len, !csum);
}

static void cut_and_check(const struct shape *s, uint16_t gso, bool csum, uint32_t stop_at)
{
	struct offload_caps caps = { .csum = csum };
	static struct offload_iter it;
	struct offload_frame f;
	uint32_t at = 0;
	unsigned int frames = 0;

	assert_int_equal(load(s, gso), 0);
	offload_begin(&it, &pkt, &caps);
	while (offload_next(&it, &f)) {
		uint32_t len = flatten(&f);

		check_segment(s, len, at, gso, csum);
		assert_int_equal(f.hdr.flags, csum);
		assert_int_equal(f.hdr.gso_type, 0);
		if (csum)
			assert_int_equal(f.hdr.csum_start, l4_of(s));
		at += len - hlen_of(s);
		assert_int_equal(f.payload_done, at);
		if (++frames == stop_at) { /* as if the receiver were full: go on later */
			pkt.resume = f.payload_done;
			offload_begin(&it, &pkt, &caps);
		}
	}
	assert_int_equal(at, s->payload);
	assert_int_equal(frames, packet_wire_frames(&pkt));
}

static void test_r17_segmentation(void **state)
{
	(void)state;
	random_state = 7;
	for (int i = 0; i < 400; i++) {
		struct shape s = {
			.ip6 = rnd(2),
			.vlan = rnd(2),
			.ip_options = rnd(11) * 4,
			.tcp_options = rnd(11) * 4,
			.flags = rnd(256),
		};
		uint16_t gso = GSO_SIZE_MIN + rnd(1300);

		if (i % 5 == 0)
			gso = GSO_SIZE_MIN;
		s.payload = gso + 1 + rnd(i % 3 ? 60000 - gso : 3000);
		cut_and_check(&s, gso, rnd(2), rnd(5));
	}
}

/* A receiver that can segment gets the frame whole, with the same request. */
static void test_pass_through(void **state)
{
	struct offload_caps caps = { true, true, true, true, 1448 };
	struct shape s = { .payload = 30001, .tcp_options = 12, .flags = 0x18 };
	static struct offload_iter it;
	struct offload_frame f;

	(void)state;
	assert_int_equal(load(&s, 1448), 0);
	offload_begin(&it, &pkt, &caps);
	assert_true(offload_next(&it, &f));
	assert_int_equal(flatten(&f), 66 + 30001);
	assert_memory_equal(out, frame, 66 + 30001);
	assert_int_equal(f.hdr.flags, 1);
	assert_int_equal(f.hdr.gso_type, 1);
	assert_int_equal(f.hdr.gso_size, 1448);
	assert_int_equal(f.hdr.hdr_len, 66);
	assert_int_equal(f.hdr.csum_start, 34);
	assert_int_equal(f.hdr.csum_offset, 16);
	assert_false(offload_next(&it, &f));
	/* A receiver without ECN must not see CWR repeated: it gets segments. */
	caps.ecn = false;
	pkt.gso_ecn = true;
	offload_begin(&it, &pkt, &caps);
	assert_true(offload_next(&it, &f));
	assert_int_equal(f.hdr.gso_type, 0);
	/* Begun in pieces, ended in pieces. */
	caps.ecn = true;
	pkt.resume = 1448;
	offload_begin(&it, &pkt, &caps);
	assert_true(offload_next(&it, &f));
	assert_int_equal(f.payload_done, 2 * 1448);
	/* Segments too small for who is behind the receiver. */
	pkt.resume = 0;
	offload_begin(&it, &pkt, &caps);
	assert_false(it.cut);
	caps.segment_min++;
	offload_begin(&it, &pkt, &caps);
	assert_true(it.cut);
}

/* Whoever takes checksums is told that one was looked at; nobody is told so of one that was not. */
static void test_verdict(void **state)
{
	static const uint8_t expected[8] = { [3] = 2, [5] = 1, [7] = 1 };
	struct offload_caps caps = { 0 };
	static struct offload_iter it;
	struct offload_frame f;

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct shape s = { .payload = 100 };

		assert_int_equal(load(&s, 0), 0);
		caps.csum = i & 1;
		pkt.csum_valid = i & 2;
		pkt.needs_csum = i & 4;
		offload_begin(&it, &pkt, &caps);
		assert_true(offload_next(&it, &f));
		assert_int_equal(f.hdr.flags, expected[i]);
	}
}

static void test_r17_completion(void **state)
{
	struct offload_caps none = { 0 };
	static struct offload_iter it;
	struct offload_frame f;

	(void)state;
	random_state = 3;
	for (int i = 0; i < 500; i++) {
		struct shape s = {
			.ip6 = rnd(2),
			.vlan = rnd(2),
			.udp = rnd(2),
			.payload = rnd(1400),
		};
		uint32_t len;

		assert_int_equal(load(&s, 0), 0);
		offload_begin(&it, &pkt, &none);
		assert_true(offload_next(&it, &f));
		assert_int_equal(f.hdr.flags, 0);
		len = flatten(&f);
		assert_int_equal(len, hlen_of(&s) + s.payload);
		check_l4_sum(&s, len, true);
		assert_false(offload_next(&it, &f));
	}
}

/* A UDP sum that comes out as 0 is sent as ffff: 0 would mean that there is none. */
static void test_udp_zero(void **state)
{
	struct offload_caps none = { 0 };
	struct shape s = { .udp = true, .payload = 2 };
	struct virtio_net_hdr hdr = header(&s, 0);
	static struct offload_iter it;
	struct offload_frame f;
	uint32_t len = build(&s);

	(void)state;
	put_be16(frame + 42, 0);
	put_be16(frame + 42, ~ref_sum(frame + 34, len - 34, 0)); /* fills the sum up to ffff */
	segs[0] = (struct packet_seg){ frame, len };
	packet_from_segs(&pkt, segs, 1, 0, len);
	assert_int_equal(packet_check(&pkt, &hdr, &all_rights), 0);
	offload_begin(&it, &pkt, &none);
	assert_true(offload_next(&it, &f));
	flatten(&f);
	assert_int_equal(get_be16(out + 40), 0xffff);
}

/* Pieces without a byte are no end of the frame, wherever they stand. */
static void test_empty_pieces(void **state)
{
	struct offload_caps none = { 0 };
	struct shape s = { .payload = 1000 };
	static struct offload_iter it;
	struct offload_frame f;
	uint32_t len = build(&s), at = PACKET_HEAD_MAX;

	(void)state;
	segs[0] = (struct packet_seg){ frame, 0 };
	segs[1] = (struct packet_seg){ frame, at };
	segs[2] = (struct packet_seg){ frame, 0 };
	segs[3] = (struct packet_seg){ frame + at, 100 };
	segs[4] = (struct packet_seg){ frame, 0 };
	segs[5] = (struct packet_seg){ frame + at + 100, len - at - 100 };
	segs[6] = (struct packet_seg){ frame, 0 };
	packet_from_segs(&pkt, segs, 7, 0, len);
	offload_begin(&it, &pkt, &none);
	assert_true(offload_next(&it, &f));
	memset(out, 0, len);
	flatten(&f);
	assert_memory_equal(out, frame, len);
	assert_false(offload_next(&it, &f));
}

#define CHECK()                                                                                \
	(segs[0] = (struct packet_seg){ frame, len }, packet_from_segs(&pkt, segs, 1, 0, len), \
	 packet_check(&pkt, &hdr, &all_rights))
#define REFUSED(change)                         \
	do {                                    \
		hdr = good;                     \
		change;                         \
		assert_int_equal(CHECK(), -22); \
		hdr = good;                     \
		assert_int_equal(CHECK(), 0);   \
	} while (0)

/* Each of these must be refused; without its flaw it is taken. */
static void test_r17_bad_requests(void **state)
{
	struct shape s = { .payload = 5000 };
	struct virtio_net_hdr good = header(&s, 1460), hdr;
	uint32_t len = build(&s);

	(void)state;
	REFUSED(hdr.flags = 0);    /* segmentation needs the checksum */
	REFUSED(hdr.gso_type = 4); /* IPv6 it is not */
	REFUSED(hdr.gso_type = 3); /* UDP */
	REFUSED(hdr.gso_type = 5);
	REFUSED(hdr.gso_type = 0x80);
	REFUSED(hdr.gso_size = 0);
	REFUSED(hdr.gso_size = GSO_SIZE_MIN - 1);
	REFUSED(hdr.gso_size = 1461); /* longer than the wire's frames */
	REFUSED(hdr.gso_size = 0xffff);
	REFUSED(hdr.csum_start = 33);
	REFUSED(hdr.csum_start = 0xffff);
	REFUSED(hdr.csum_offset = 6);
	REFUSED(hdr.csum_offset = 0xffff);
	hdr = good;
	assert_int_equal(packet_check(&pkt, &hdr, &(struct packet_rights){ .csum = true }), -22);
	hdr.gso_type = 0x81;
	assert_int_equal(
		packet_check(&pkt, &hdr, &(struct packet_rights){ .csum = true, .tso4 = true }),
		-22);
	assert_int_equal(CHECK(), 0);
}

/* A good request for a frame whose headers do not fit it, or are cut off. */
static void test_r17_bad_headers(void **state)
{
	struct shape s = { .payload = 5000 };
	struct virtio_net_hdr good = header(&s, 1460), hdr;
	uint32_t len = build(&s), whole = len;
	static uint8_t clean[FRAME_MAX];
	static const struct {
		uint16_t at;
		uint8_t val;
	} spoil[] = {
		{ 12, 0x86 },               /* not IPv4 */
		{ 14, 0x65 },               /* version */
		{ 14, 0x44 },               /* header of 16 bytes */
		{ 14, 0x46 },               /* TCP is not where csum_start says */
		{ 14, 0x4f }, { 20, 0x20 }, /* more fragments */
		{ 21, 0x01 },               /* offset */
		{ 23, 17 },                 /* UDP */
		{ 46, 0x40 },               /* TCP header of 16 bytes */
	};

	(void)state;
	memcpy(clean, frame, len);
	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		hdr = good;
		frame[spoil[i].at] = spoil[i].val;
		assert_int_equal(CHECK(), -22);
		memcpy(frame, clean, len);
	}
	for (len = 14; len <= 54; len++) { /* cut off in the headers, or nothing behind them */
		hdr = good;
		assert_int_equal(CHECK(), -22);
	}
	len = whole;
	hdr = good;
	assert_int_equal(CHECK(), 0);
}

static void test_r17_csum_bounds(void **state)
{
	struct shape s = { .payload = 20 };
	uint32_t len = build(&s);
	struct virtio_net_hdr hdr = header(&s, 0);

	(void)state;
	hdr.csum_start = len - 2;
	hdr.csum_offset = 0;
	assert_int_equal(CHECK(), 0);
	hdr.csum_offset = 1;
	assert_int_equal(CHECK(), -22);
	hdr.csum_start = 13;
	assert_int_equal(CHECK(), -22);
	hdr = header(&s, 0);
	assert_int_equal(CHECK(), 0);
	assert_int_equal(packet_check(&pkt, &hdr, &(struct packet_rights){ 0 }), -22);
	hdr.flags = 0; /* then the rest is not looked at */
	hdr.csum_start = 0xffff;
	packet_from_segs(&pkt, segs, 1, 0, len);
	assert_int_equal(packet_check(&pkt, &hdr, &(struct packet_rights){ 0 }), 0);
	assert_false(pkt.needs_csum);
}

/* A sum that is written there would make another sender of it, or another protocol. */
static void test_r17_sum_is_on_no_address(void **state)
{
	(void)state;
	for (unsigned int vlan = 0; vlan < 2; vlan++) {
		struct shape s = { .payload = 60, .vlan = vlan };
		uint32_t len = build(&s), l3 = vlan ? 18 : 14;
		struct virtio_net_hdr hdr = header(&s, 0);

		for (hdr.csum_start = 0; hdr.csum_start < l3 + 40; hdr.csum_start++)
			for (hdr.csum_offset = 0; hdr.csum_offset < 20; hdr.csum_offset++)
				assert_int_equal(CHECK(), hdr.csum_start < l3 + 20 ? -22 : 0);
	}
}

static void test_r17_length(void **state)
{
	struct shape s = { .payload = 1465 }; /* with 54 of headers: 1 more than MTU and VLAN tag */
	struct virtio_net_hdr hdr = { 0 };
	uint32_t len = build(&s);

	(void)state;
	assert_int_equal(len, 1519);
	assert_int_equal(CHECK(), -7);
	len--;
	assert_int_equal(CHECK(), 0);
	/* Segmentation of what is one segment is none: and then the limit holds again. */
	s.payload = 1000;
	len = build(&s);
	hdr = header(&s, 1460);
	assert_int_equal(CHECK(), 0);
	assert_int_equal(pkt.gso, GSO_NONE);
	assert_true(pkt.needs_csum);
}

/* Each length at each place in a word, and carries all the way: the place must not matter. */
static void test_sums(void **state)
{
	static uint8_t bytes[8 + 1600];
	const uint8_t fill[] = { 0, 0xff, 0x80 };

	(void)state;
	for (unsigned int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = round < 3 ? fill[round] : rnd(256);
		for (uint32_t len = 0; len <= 1600; len++) {
			const uint8_t *p = bytes + (round + len) % 8;
			struct csum c = { .sum = csum_bytes(p, len) };
			uint32_t sum = ref_sum(p, len, 0);

			assert_int_equal(csum_fold(&c), __builtin_bswap16(sum));
			c = (struct csum){ 0 };
			csum_add(&c, p, len / 3);
			csum_add(&c, p + len / 3, len - len / 3);
			assert_int_equal(csum_fold(&c), __builtin_bswap16(sum));
		}
	}
}

/* What a list of one piece makes, this makes. */
static void test_packet_of_one_piece(void **state)
{
	static struct packet listed;

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		frame[i] = i + i / 256;
	for (uint32_t len = ETH_HLEN; len < 300; len++) {
		struct packet_seg piece = { frame, len }, seg = piece;

		memset(&pkt, 0xee, sizeof(pkt)); /* the one before */
		memset(&listed, 0xee, sizeof(listed));
		packet_from_piece(&pkt, &piece);
		packet_from_segs(&listed, &seg, 1, 0, len);
		assert_int_equal(pkt.segs, len > PACKET_HEAD_MAX);
		assert_int_equal(piece.len, len - pkt.head_len);
		assert_ptr_equal(piece.data, frame + pkt.head_len);
		assert_ptr_equal(pkt.seg, &piece);
		listed.request = (struct virtio_net_hdr){ 0 };
		listed.seg = pkt.seg; /* of nothing it may point anywhere */
		assert_memory_equal(&pkt, &listed, sizeof(pkt));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r17_segmentation),
		cmocka_unit_test(test_pass_through),
		cmocka_unit_test(test_r17_completion),
		cmocka_unit_test(test_udp_zero),
		cmocka_unit_test(test_r17_bad_requests),
		cmocka_unit_test(test_r17_bad_headers),
		cmocka_unit_test(test_r17_csum_bounds),
		cmocka_unit_test(test_r17_sum_is_on_no_address),
		cmocka_unit_test(test_r17_length),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_empty_pieces),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_packet_of_one_piece),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
