/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings and card (hv/net, hv/dev/virtio_pci*.c) against a hostile driver, with two honest VMs
 * beside it. The input is a row of steps: the driver writes into its rings and registers, sends
 * frames, kicks, is reset; the device works; time passes; the honest ones talk. Writes can also be
 * laid up for the middle of the device's work: they happen at the memory accesses of
 * race/net/barrier.h.
 *
 * Whatever it does: frames between the honest VMs arrive unchanged, once or, counted, not at all;
 * their other memory stays zero, they stay alive, and nobody's source address but the hostile VM's
 * own is on its frames.
 */
#include "fake.h"

#include "guided.h"
#include "net/poll.h"

#define GUARD_GPA 0x140000UL /* no buffer of an honest VM lies from here to the rings */
#define RINGS     0x8000     /* bytes of both rings */
#define RACES     16
#define STEPS_MAX 300

enum { UPLINK, HONEST, HOSTILE, CARDS };

static struct net_switch sw;
static struct virtio_net vn[CARDS];
static struct drv d[CARDS];
static uint8_t got[140000], expected[2000];
static uint32_t sequence;

/* What the hostile driver writes while the device works: at the turn-th access from now on. */
static struct race {
	uint16_t turn, off, val;
} races[RACES];
static unsigned int armed;

static void ring_write(uint16_t off, uint16_t val)
{
	memcpy((uint8_t *)ram(vms[HOSTILE], RING_GPA(0)) + off % (RINGS - 1), &val, 2);
}

void fuzz_race(void)
{
	for (unsigned int i = 0; i < armed; i++) {
		if (races[i].turn--)
			continue;
		ring_write(races[i].off, races[i].val);
		races[i] = races[--armed];
	}
}

/* ---- the hostile driver ---- */

/* Mostly an address in RAM; borders and rings too. */
static uint64_t some_gpa(struct input *in)
{
	uint8_t kind = in_u8(in);

	switch (kind % 8) {
	case 0:
		return in_number(in, 8);
	case 1:
		return RAM_SIZE - in_u8(in);
	case 2:
		return RING_GPA(0) + in_u16(in) % RINGS;
	case 3:
		return TABLE_GPA + in_u8(in);
	default:
		return 0x40000 + in_number(in, 3) % (RAM_SIZE - 0x40000);
	}
}

static void write_desc(struct input *in)
{
	uint8_t where = in_u8(in);
	struct vring_desc *to =
		where & 1   ? drv_desc(&d[HOSTILE], 0, where >> 2)
		: where & 2 ? drv_desc(&d[HOSTILE], 1, where >> 2)
			    : (struct vring_desc *)ram(vms[HOSTILE], TABLE_GPA) + (where >> 2);

	to->addr = some_gpa(in);
	to->len = in_u8(in) & 1 ? in_u32(in) : in_u16(in);
	to->flags = in_u8(in);
	to->next = in_u8(in);
}

/* A frame with its headers from the input, cut into descriptors at a place of the input. */
static void send_frame(struct input *in)
{
	struct drv *h = &d[HOSTILE];
	uint8_t *all = ram(h->vm, 0x160000), choice = in_u8(in);
	uint32_t cut = 1 + in_u8(in), len = in_u16(in);
	unsigned int i = h->q[1].next;
	struct virtio_net_hdr hdr;

	in_bytes(in, &hdr, sizeof(hdr));
	memcpy(all, &hdr, sizeof(hdr));
	memcpy(all + 12, choice & 1 ? broadcast : vms[choice >> 1 & 1 ? UPLINK : HONEST]->mac, 6);
	memcpy(all + 18, vms[HOSTILE]->mac, 6);
	if (choice & 4)
		all[18 + in_u8(in) % 6] = in_u8(in);
	in_bytes(in, all + 24, choice & 8 ? 60 : 2);
	len += 14;
	*drv_desc(h, 1, i % QSIZE) = (struct vring_desc){ 0x160000, cut, 1, (i + 1) % QSIZE };
	*drv_desc(h, 1, (i + 1) % QSIZE) = (struct vring_desc){ 0x160000 + cut, len, 0, 0 };
	h->q[1].next += 2;
	drv_publish(h, 1, i % QSIZE);
}

static void access_register(struct input *in)
{
	struct vm *vm = vms[HOSTILE];
	uint8_t where = in_u8(in), off = in_u8(in), how = in_u8(in);
	uint32_t val = how & 8 ? in_u32(in) : in_u8(in), size = 1u << how % 4 % 3;

	if (where % 4 == 0) {
		vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | (off & 0xfc));
		vpci_io(vm, 0xcfc + (off & 3), size, how & 16, &val);
	} else if (where % 4 == 1) {
		vpci_mmio(vm, vn[HOSTILE].pci.bar[1] + off, size, how & 16, &val);
	} else {
		vpci_io(vm, vn[HOSTILE].pci.bar[0] + off, size, how & 16, &val);
	}
}

/* The driver begins anew, with features of the input; before that the VM, if it was killed. */
static void start_over(struct input *in)
{
	struct vm *vm = vms[HOSTILE];
	uint32_t without = in_u32(in);

	if (without & 1 || vm->state == VM_KILLED) {
		vm->state = VM_RUNNING;
		virtio_pci_power_up(&vn[HOSTILE].pci);
	}
	cfg_out(vm, 0x10, 4, 0xc000 + SLOT * 256);
	drv_start(&d[HOSTILE], &vn[HOSTILE],
		  ~(uint64_t)(without & (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX |
					 VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_CSUM)) &
			  ~(without & VIRTIO_NET_F_GUEST_CSUM
				    ? VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
					      VIRTIO_NET_F_GUEST_ECN
				    : 0UL));
	drv_post(&d[HOSTILE], without >> 8 & 63);
}

/* ---- the honest ones ---- */

/* Looks at everything that came; how many of those are the frame that is expected. */
static unsigned int take_all(int at, int from, uint32_t len)
{
	struct virtio_net_hdr hdr;
	unsigned int found = 0;
	int n;

	while ((n = drv_receive(&d[at], &hdr, got, true)) >= 0) {
		CHECK(n >= ETH_HLEN && n <= PACKET_LEN_MAX);
		if (memcmp(got + 6, vms[from]->mac, 6)) {
			CHECK(memcmp(got + 6, vms[HOSTILE]->mac, 6) == 0);
			continue;
		}
		CHECK((uint32_t)n == len && memcmp(got, expected, len) == 0);
		found++;
	}
	return found;
}

/*
 * A frame that finds the receiver's ring full of the hostile VM's is lost, but counted; the uplink
 * loses none.
 */
static void honest_talk(int from, int to)
{
	static const struct virtio_net_hdr plain;
	uint64_t lost = vn[to].port.drops[DROP_NO_BUFFER];
	uint32_t len = ETH_HLEN + sequence * 37 % 1500;
	unsigned int found = 0;

	make_frame(expected, len, vms[to]->mac, vms[from]->mac, sequence++);
	drv_send(&d[from], &plain, expected, len);
	drv_kick(&d[from], VNET_TX);
	for (int i = 0; i < 8 || (!found && i < 200); i++) {
		poll_run();
		found += take_all(to, from, len);
		CHECK(take_all(from, to, 0) == 0);
		drv_kick(&d[to], VNET_RX);
		drv_kick(&d[from], VNET_RX);
		fake_pass_us(500);
	}
	CHECK(found == 1 || (!found && to != UPLINK && vn[to].port.drops[DROP_NO_BUFFER] > lost));
}

static void check_honest(void)
{
	static const uint8_t zero[RAM_SIZE];

	for (int i = UPLINK; i <= HONEST; i++) {
		CHECK(vms[i]->state == VM_RUNNING);
		CHECK(memcmp(ram(vms[i], 0), zero, TABLE_GPA) == 0);
		CHECK(memcmp(ram(vms[i], GUARD_GPA), zero, RING_GPA(0) - GUARD_GPA) == 0);
	}
	CHECK(vms[HOSTILE]->state == VM_RUNNING || vms[HOSTILE]->reason[0]);
}

/* ---- the steps ---- */

static void device_turn(struct input *in)
{
	fake_pass_us(in_u8(in) * 10);
	poll_run();
}

static void kick(struct input *in)
{
	uint32_t q = in_u8(in) % 2;

	vpci_io(vms[HOSTILE], vn[HOSTILE].pci.bar[0] + 0x60 + 4 * q, 2, true, &q);
}

static void write_ring(struct input *in)
{
	uint16_t off = in_u16(in);

	ring_write(off, in_u16(in));
}

static void publish(struct input *in)
{
	uint8_t how = in_u8(in);

	if (how & 2)
		drv_avail(&d[HOSTILE], how & 1)[1] = in_u16(in);
	else
		drv_publish(&d[HOSTILE], how & 1, how & 4 ? in_u16(in) : in_u8(in));
}

static void lay_up_write(struct input *in)
{
	uint16_t turn = in_u8(in), off = in_u16(in), val = in_u16(in);

	if (armed < RACES)
		races[armed++] = (struct race){ turn, off, val };
}

static void talk(struct input *in)
{
	bool up = in_u8(in) & 1;

	honest_talk(up ? HONEST : UPLINK, up ? UPLINK : HONEST);
}

static void end_of_vm(struct input *in)
{
	uint8_t how = in_u8(in);

	if (how & 1)
		vm_kill(vms[HOSTILE], "by the harness");
	else
		virtio_net_set_link(&vn[HOSTILE], how & 2);
}

/* Allocating RAM would take most of the time, so it stays; the hostile VM's is cleared. */
static void begin(void)
{
	if (vms[0])
		fake_again();
	for (int i = 0; !vms[CARDS - 1]; i++)
		fake_vm(i);
	memset(ram(vms[HOSTILE], 0), 0, RAM_SIZE);
	memset(&sw, 0, sizeof(sw));
	memset(vn, 0, sizeof(vn));
	armed = sequence = 0;
	poll_init(&sw);
	for (int i = 0; i < CARDS; i++)
		CHECK(virtio_net_add(&vn[i], &sw, vms[i], SLOT, PIN) == 0);
	switch_set_uplink(&sw, &vn[UPLINK].port);
	for (int i = UPLINK; i <= HONEST; i++) {
		drv_start(&d[i], &vn[i], i == UPLINK ? DRV_ALL : VIRTIO_F_VERSION_1 | BIT(15));
		drv_post(&d[i], QSIZE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(struct input * in) = {
		write_desc,      write_desc, publish,     publish,     write_ring,
		lay_up_write,    send_frame, device_turn, device_turn, kick,
		access_register, start_over, talk,        end_of_vm,
	};
	struct input in = { data, data + size };

	begin();
	start_over(&in);
	for (int i = 0; i < STEPS_MAX && in_more(&in); i++)
		steps[in_u8(&in) % ARRAY_SIZE(steps)](&in);
	armed = 0;
	honest_talk(HONEST, UPLINK);
	honest_talk(UPLINK, HONEST);
	check_honest();
	return 0;
}
