/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile driver against everything at once: rings, descriptors, headers, frames, ports, at
 * random from a fixed seed. Beside it two honest VMs talk all the time: each of their frames must
 * arrive once and unchanged, their RAM must have no byte that they did not ask for, and only the
 * hostile VM may ever be killed.
 */
#include "fake.h"

#include "net/poll.h"

#define ROUNDS    500000
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define GUARD_GPA 0x140000UL /* no buffer of an honest VM lies from here to the rings */

enum { UPLINK, HONEST, HOSTILE, CARDS };

static struct net_switch sw;
static struct virtio_net vn[CARDS];
static struct drv d[CARDS];
static uint8_t frame[70000], got[140000], expected[2000];
static uint64_t state64 = 0x5eed5eed5eed5eedUL;
static uint64_t kills, frames_out, accepted, sequence;

static uint32_t rnd(void)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return state64 >> 16;
}

static uint32_t below(uint32_t n)
{
	return rnd() % n;
}

static uint64_t some_gpa(void)
{
	static const uint64_t edges[] = { 0,
					  1,
					  RAM_SIZE - 1,
					  RAM_SIZE - 16,
					  RAM_SIZE - 1514,
					  RAM_SIZE,
					  RAM_SIZE + 4096,
					  -1UL,
					  -16UL,
					  1UL << 32,
					  1UL << 63,
					  TABLE_GPA };

	switch (below(8)) {
	case 0:
		return edges[below(ARRAY(edges))];
	case 1:
		return RING_GPA(below(2)) + below(0x2000); /* into its own rings */
	default:
		return 0x40000 + below(RAM_SIZE - 0x40000 - 70000);
	}
}

static uint32_t some_len(void)
{
	static const uint32_t edges[] = { 0,       1,          11,         12,        13,    25,
					  26,      27,         60,         1514,      1526,  1530,
					  1531,    65535,      65550,      65562,     65563, 70000,
					  0x10000, 0xffff0000, 0x7fffffff, 0xffffffff };

	return below(4) ? below(2000) : edges[below(ARRAY(edges))];
}

static void some_desc(struct vring_desc *at, unsigned int count, uint16_t legal)
{
	*at = (struct vring_desc){
		some_gpa(),
		below(8) ? 1 + below(3000) : some_len(),
		below(16) ? (legal | (below(3) == 0)) : below(8),
		below(64) ? below(count) : rnd(),
	};
}

/* A chain in the hostile VM's ring, mostly legal in form. */
static void some_chain(int q)
{
	struct drv *h = &d[HOSTILE];
	uint16_t legal = q == VNET_RX ? VRING_DESC_WRITE : 0;
	unsigned int head = below(QSIZE), n = 1 + below(6);
	struct vring_desc *table = drv_desc(h, q, 0);

	for (unsigned int i = 0; i < n; i++)
		some_desc(&table[(head + i) % QSIZE], QSIZE, legal);
	if (below(4) == 0) {
		struct vring_desc *inner = ram(h->vm, TABLE_GPA);

		for (unsigned int i = 0; i < 32; i++)
			some_desc(&inner[i], 32, legal);
		table[head] = (struct vring_desc){ TABLE_GPA, 16 * (1 + below(32)),
						   below(16) ? 4 : 5, rnd() };
	}
	drv_publish(h, q, below(200) ? head : rnd());
}

static void some_header(struct virtio_net_hdr *h)
{
	*h = (struct virtio_net_hdr){
		.flags = below(4),
		.gso_type = below(3)   ? 0
			    : below(2) ? 1
			    : below(8) ? 4
				       : rnd(),
		.hdr_len = rnd(),
		.gso_size = below(4) ? 1460 - below(100) : rnd(),
		.csum_start = below(4)   ? 34
			      : below(4) ? 54
					 : rnd(),
		.csum_offset = below(4) ? 16 : rnd(),
	};
}

/* A frame with headers that are mostly right, in a few descriptors. */
static void some_frame(void)
{
	struct drv *h = &d[HOSTILE];
	uint32_t len = below(3) ? 14 + below(1600) : 54 + below(65600), at = 0, n;
	unsigned int i = below(QSIZE), head = i;
	uint8_t *all = ram(h->vm, 0x160000);
	struct virtio_net_hdr hdr;

	some_header(&hdr);
	make_frame(frame, 60, vms[below(CARDS)]->mac, vms[HOSTILE]->mac, rnd());
	if (below(4) == 0)
		memcpy(frame, broadcast, 6);
	if (below(16) == 0)
		frame[6 + below(6)] = rnd(); /* spoof */
	memcpy(frame + 12,
	       hdr.gso_type == 4 ? "\x86\xdd\x60\0\0\0\0\0\x06\x40\0\0"
				 : "\x08\x00\x45\x00\x05\xdc\0\0\x40\0\x40\x06",
	       12);
	frame[46] = frame[66] = below(8) ? 0x50 : rnd();
	if (below(4) == 0)
		frame[14 + below(46)] = rnd();
	memcpy(all, &hdr, sizeof(hdr));
	memcpy(all + sizeof(hdr), frame, 60);
	for (len += sizeof(hdr); at < len; at += n, i++) {
		n = MIN(len - at, 1 + below(at ? 40000 : 100));
		*drv_desc(h, 1, i % QSIZE) =
			(struct vring_desc){ 0x160000 + at, n, at + n < len, (i + 1) % QSIZE };
	}
	drv_publish(h, 1, head);
}

static void some_port_access(void)
{
	struct vm *vm = vms[HOSTILE];
	uint32_t val = below(2) ? rnd() : below(16);
	unsigned int size = 1u << below(3);

	switch (below(3)) {
	case 0:
		vpci_io(vm, d[HOSTILE].port + below(256), size, below(4), &val);
		break;
	case 1:
		vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | (below(256) & 0xfc));
		vpci_io(vm, 0xcfc + below(4), size, below(4), &val);
		break;
	default:
		vpci_mmio(vm, vn[HOSTILE].pci.bar[1] + below(4096), size, below(4), &val);
	}
}

static void hostile_step(void)
{
	struct drv *h = &d[HOSTILE];
	uint32_t one = 1;

	switch (below(12)) {
	case 0:
		some_port_access();
		break;
	case 1:
		if (below(50) == 0)
			drv_avail(h, below(2))[1] = rnd(); /* index jump */
		break;
	case 2: /* anything, anywhere in its rings */
		((uint8_t *)ram(h->vm, RING_GPA(0)))[below(0x8000)] = rnd();
		break;
	case 3:
		some_chain(VNET_TX);
		break;
	case 4:
	case 5:
		some_chain(VNET_RX);
		break;
	default:
		some_frame();
	}
	vpci_io(h->vm, h->port + 0x60 + 4 * VNET_TX, 2, true, &one); /* it may have moved its BAR */
}

/* Brings the hostile VM back after a kill, or after it broke its own device beyond use. */
static void revive(void)
{
	struct vm *vm = vms[HOSTILE];
	uint64_t without;

	kills += vm->state == VM_KILLED;
	vm->state = VM_RUNNING;
	accepted += vn[HOSTILE].port.tx.packets;
	vn[HOSTILE].port.tx.packets = 0;
	cfg_out(vm, 0x10, 4, 0xc000 + SLOT * 256);
	cfg_out(vm, 0x14, 4, 0xe0000000 + SLOT * 4096);
	without = (rnd() & (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF)) |
		  (below(2) ? 0x3f80 : 0); /* segmentation both ways: all or nothing */
	drv_start(&d[HOSTILE], &vn[HOSTILE], ~without);
	for (int i = 0; i < 40; i++) {
		*drv_desc(&d[HOSTILE], 0, i) =
			(struct vring_desc){ 0x40000 + i * 2048, 2048, 2, 0 };
		drv_publish(&d[HOSTILE], 0, i);
	}
}

/*
 * The honest VMs' turn: everything that arrived is looked at; what honest sent must be in it,
 * once.
 */
static unsigned int take_all(int at, int from, uint32_t len)
{
	struct virtio_net_hdr hdr;
	unsigned int found = 0;
	int n;

	while ((n = drv_receive(&d[at], &hdr, got, true)) >= 0) {
		assert_true(n >= 14 && n <= 65550);
		if (memcmp(got + 6, vms[from]->mac, 6) == 0) {
			assert_int_equal(n, len);
			assert_memory_equal(got, expected, len);
			found++;
		} else {
			assert_memory_equal(got + 6, vms[HOSTILE]->mac,
					    6); /* no spoof came through */
			frames_out++;
		}
	}
	return found;
}

static void honest_talk(int from, int to)
{
	static const struct virtio_net_hdr plain;
	uint32_t len = 14 + below(1500);
	unsigned int found = 0;

	make_frame(expected, len, vms[to]->mac, vms[from]->mac, sequence++);
	drv_send(&d[from], &plain, expected, len);
	drv_kick(&d[from], VNET_TX);
	for (int i = 0; i < 8; i++) { /* the hostile one may be first in the uplink's room */
		poll_run();
		found += take_all(to, from, len);
		assert_int_equal(take_all(from, to, 0), 0);
		drv_kick(&d[to], VNET_RX);
		drv_kick(&d[from], VNET_RX);
		fake_pass_us(500);
	}
	assert_int_equal(found, 1);
}

static void check_honest(void)
{
	for (int i = UPLINK; i <= HONEST; i++) {
		const uint8_t *p = ram(vms[i], 0);

		assert_int_equal(vms[i]->state, VM_RUNNING);
		for (unsigned int at = 0; at < TABLE_GPA; at++)
			assert_int_equal(p[at], 0);
		for (unsigned int at = GUARD_GPA; at < RING_GPA(0); at++)
			assert_int_equal(p[at], 0);
	}
}

static void test_hostile_driver(void **state)
{
	(void)state;
	fake_reset();
	poll_init(&sw);
	for (int i = 0; i < CARDS; i++)
		assert_int_equal(virtio_net_add(&vn[i], &sw, fake_vm(i), SLOT, PIN), 0);
	switch_set_uplink(&sw, &vn[UPLINK].port);
	for (int i = UPLINK; i <= HONEST; i++) {
		drv_start(&d[i], &vn[i], i == UPLINK ? DRV_ALL : VIRTIO_F_VERSION_1 | BIT(15));
		drv_post(&d[i], QSIZE);
	}
	revive();
	for (int i = 0; i < ROUNDS; i++) {
		hostile_step();
		if (i % 8 == 0) {
			honest_talk(HONEST, UPLINK);
			honest_talk(UPLINK, HONEST);
		}
		if (vms[HOSTILE]->state == VM_KILLED || below(200) == 0)
			revive();
	}
	check_honest();
	printf("# %lu kills, %lu frames taken from the hostile VM, %lu arrived\n", kills, accepted,
	       frames_out);
	/* It must have got somewhere, or the test shows nothing. */
	assert_true(kills > 5000 && accepted > 10000 && frames_out > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hostile_driver) };
	int failed = cmocka_run_group_tests_name("net_fuzz", tests, NULL, NULL);

	fake_reset();
	return failed;
}
