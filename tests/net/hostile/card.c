/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio network card: registers, features, rings, headers, frames. */
#include "card.h"

#include "cpu/x86.h"
#include "hostile.h"
#include "virtio/pci.h"

#include <string.h>

#define SLOT    (5u << 11)
#define SIZE    CARD_QUEUE_SIZE
#define BUFFER  2048
#define BUFFERS 8 /* of frames' buffers: a power of two */

/* Registers of BAR 0 (hv/dev/virtio_pci.h) and of the common group (virtio 1.2 4.1.4.3). */
enum {
	OFFERED_SELECT = 0,
	OFFERED = 4,
	FEATURE_SELECT = 8,
	FEATURE = 12,
	STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_ENABLE = 0x1c,
	QUEUE_DESC = 0x20,
	NOTIFY = 0x60,
	BAR0_BYTES = 0x100
};

/* Of the features (virtio 1.2 5.1.3). */
enum {
	CSUM = 1 << 0,
	GUEST_CSUM = 1 << 1,
	GUEST_TSO4 = 1 << 7,
	GUEST_TSO6 = 1 << 8,
	GUEST_ECN = 1 << 9,
	HOST_TSO4 = 1 << 11,
	HOST_TSO6 = 1 << 12,
	HOST_ECN = 1 << 13
};

struct queue queues[2];
static uint8_t buffers[BUFFERS][BUFFER] __attribute__((aligned(4096)));
static struct desc indirect[64] __attribute__((aligned(4096)));
static uint16_t port;
int broken = 1; /* rings and device need to be set up */

static void find(void)
{
	pci_write16(SLOT, 4, 7); /* I/O, memory, bus master */
	port = (uint16_t)(pci_read32(SLOT, 0x10) & ~3u);
}

static void set_address(uint16_t reg, uint64_t gpa)
{
	out32((uint16_t)(port + reg), (uint32_t)gpa);
	out32((uint16_t)(port + reg + 4), (uint32_t)(gpa >> 32));
}

static void set_up_queue(uint16_t n)
{
	struct queue *q = &queues[n];

	out16(port + QUEUE_SELECT, n);
	out16(port + QUEUE_SIZE, SIZE);
	set_address(QUEUE_DESC, (uint64_t)q->desc);
	set_address(QUEUE_DESC + 8, (uint64_t)&q->avail);
	set_address(QUEUE_DESC + 16, (uint64_t)&q->used);
	out16(port + QUEUE_ENABLE, 1);
}

void card_set_up(uint32_t low)
{
	find();
	set_ups += SET_UP_TRIED;
	out8(port + STATUS, 0); /* first: a card that runs would see the rings jump back */
	memset(queues, 0, sizeof(queues));
	out8(port + STATUS, 3);
	out32(port + OFFERED_SELECT, 0);
	out32(port + FEATURE_SELECT, 0);
	out32(port + FEATURE, low & in32(port + OFFERED));
	out32(port + FEATURE_SELECT, 1);
	out32(port + FEATURE, 1);
	out8(port + STATUS, 11);
	set_up_queue(0);
	set_up_queue(1);
	out8(port + STATUS, 15);
	broken = in8(port + STATUS) != 15;
	set_ups += !broken;
}

/* With what others of them need (virtio 1.2 5.1.3.1). */
static uint32_t complete(uint32_t features)
{
	if (features & GUEST_ECN)
		features |= GUEST_TSO4;
	if (features & HOST_ECN)
		features |= HOST_TSO4;
	if (features & (GUEST_TSO4 | GUEST_TSO6))
		features |= GUEST_CSUM;
	return features & (HOST_TSO4 | HOST_TSO6) ? features | CSUM : features;
}

/* A good driver's start: all features, some that go together, or, seldom, some that need not. */
static void set_up(void)
{
	uint32_t some = (uint32_t)random64() & CARD_FEATURES;

	if (random_below(2))
		some = CARD_FEATURES;
	card_set_up(random_below(8) ? complete(some) : some);
}

void kick(uint16_t n)
{
	out16((uint16_t)(port + NOTIFY + 4 * n), n);
}

/* Registers of every width at every offset, BARs moved or not. */
void op_registers(void)
{
	uint16_t at;

	if (!port || random_below(64) == 0)
		find();
	at = (uint16_t)(port + random_below(BAR0_BYTES));
	broken = 1;
	switch (random_below(6)) {
	case 0:
		in8(at);
		break;
	case 1:
		in16(at);
		break;
	case 2:
		in32(at);
		break;
	case 3:
		out8(at, (uint8_t)random_value());
		break;
	case 4:
		out16(at, (uint16_t)random_value());
		break;
	default:
		out32(at, (uint32_t)random_value());
	}
}

/* The steps of negotiation and of queue set-up in any order, with any value. */
void op_features(void)
{
	static const uint8_t status[] = { 0, 1, 3, 11, 15, 4, 8, 128, 255 };

	find();
	broken = 1;
	for (unsigned int steps = random_below(16); steps; steps--)
		switch (random_below(6)) {
		case 0:
			out8(port + STATUS, status[random_below(9)]);
			break;
		case 1:
			out32(port + FEATURE_SELECT, random_below(3));
			out32(port + FEATURE, (uint32_t)random_value());
			break;
		case 2:
			out16(port + QUEUE_SELECT, (uint16_t)random_below(3));
			out16(port + QUEUE_SIZE,
			      (uint16_t)(random_below(2) ? SIZE : random_value()));
			break;
		case 3:
			set_address((uint16_t)(QUEUE_DESC + 8 * random_below(3)),
				    random_below(8) ? (uint64_t)queues & ~0xfffull
						    : random_address());
			break;
		case 4:
			out16(port + QUEUE_ENABLE, (uint16_t)random_below(2));
			break;
		default:
			kick((uint16_t)random_below(4));
		}
}

static struct desc random_desc(void)
{
	struct desc d = { (uint64_t)buffers[random_below(BUFFERS)], random_below(BUFFER),
			  (uint16_t)random_below(2), (uint16_t)random_below(SIZE) };

	switch (random_below(1024)) {
	case 0:
		d.addr = random_address();
		break;
	case 1:
		d.len = (uint32_t)random_value();
		break;
	case 2:
		d.flags = (uint16_t)random_value();
		break;
	case 3:
		d.next = (uint16_t)random_value();
		break;
	case 4:
		d = (struct desc){ (uint64_t)indirect, 16 * random_below(65), 4, 0 };
		break;
	default:
		break;
	}
	return d;
}

/* Defects now and then: loops, outside RAM, too long, wrong direction, a jumping index. */
void op_chains(void)
{
	uint16_t n = random_below(4) != 0;
	struct queue *q = &queues[n];

	if (broken || random_below(512) == 0)
		set_up();
	for (unsigned int i = 0; i < 16; i++)
		q->desc[random_below(SIZE)] = random_desc();
	for (unsigned int i = 0; i < 8; i++)
		indirect[random_below(64)] = random_desc();
	q->avail.ring[q->avail.idx % SIZE] =
		(uint16_t)(random_below(512) ? random_below(SIZE) : random_value());
	q->avail.flags = (uint16_t)random_below(2);
	q->avail.used_event = (uint16_t)random64();
	__asm__ volatile("" : : : "memory");
	q->avail.idx += (uint16_t)(random_below(1024) ? 1 : random_value());
	kick(n);
}

static const uint8_t own[] = { 0x52, 0x54, 0, 0x88, 0, 0x12 };
static const uint8_t victim[] = { 0x52, 0x54, 0, 0x88, 0, 0x11 };

/* To whom it may concern: the victim's address, or another one of its network, is at mine. */
static void make_claim(uint8_t *f)
{
	static const uint8_t arp[] = { 0, 1, 8, 0, 6, 4, 0 };
	uint8_t address[] = { 10, 88, 0, random_below(4) ? 11 : (uint8_t)random64() };

	memset(f, 0xff, 6);
	memcpy(f + 6, own, 6);
	f[12] = 0x08;
	f[13] = 0x06;
	memcpy(f + 14, arp, sizeof(arp));
	f[21] = (uint8_t)(1 + random_below(2)); /* a question or an answer */
	memcpy(f + 22, random_below(4) ? own : victim, 6);
	memcpy(f + 28, address, 4);
	memset(f + 32, 0xff, 6);
	memcpy(f + 38, address, 4);
}

/* Each field right or not, addresses own, stolen or made up. */
static uint32_t make_frame(uint8_t *f)
{
	static const uint16_t types[] = { 0x0008, 0x0608, 0xdd86, 0x0081, 0xffff, 0x0000 };
	uint32_t len = random_below(8) ? 14 + random_below(1501) : random_below(BUFFER - 12);
	uint16_t type = types[random_below(6)];

	for (uint32_t i = 0; i < len; i++)
		f[i] = (uint8_t)random64();
	memcpy(f + 6, random_below(4) ? own : victim, random_below(8) ? 6 : 3);
	if (random_below(2))
		memcpy(f, victim, 6);
	memcpy(f + 12, &type, 2);
	f[14] = random_below(4) ? 0x45 : (uint8_t)random64();
	f[23] = random_below(2) ? 6 : 17;
	if (type == types[1] && len >= 42)
		make_claim(f);
	return len;
}

/* TCP for the card to cut, all right: it is rewritten while it waits. */
static uint32_t make_segments(uint8_t *b)
{
	static const uint8_t header[] = { 1, 1, 54, 0, 0, 1, 34, 0, 16, 0 }; /* 256 bytes each */
	static const uint8_t ip[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6 };
	uint32_t len = 54 + 1 + random_below(BUFFER - 12 - 54);
	uint8_t *f = b + 12;

	memset(b, 0, 12);
	memcpy(b, header, sizeof(header));
	memset(f, 0, len);
	memcpy(f, victim, 6);
	memcpy(f + 6, own, 6);
	f[12] = 0x08;
	memcpy(f + 14, ip, sizeof(ip));
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[46] = 0x50;
	return len;
}

/* What was handed over, its header and those of the frame first of all, becomes another. */
static void rewrite(void)
{
	for (unsigned int i = random_below(8); i; i--)
		buffers[random_below(BUFFERS)][random_below(random_below(4) ? 12 + 54 : BUFFER)] =
			(uint8_t)random_value();
}

/* One good chain, a random header, a frame that is one or not; some are rewritten meanwhile. */
void op_frames(void)
{
	struct queue *q = &queues[1];
	uint16_t slot = q->avail.idx % BUFFERS;
	uint8_t *b = buffers[slot];
	uint32_t len;

	if (broken || random_below(4096) == 0)
		set_up();
	for (unsigned int i = 0;
	     (uint16_t)(q->avail.idx - *(volatile uint16_t *)&q->used.idx) >= BUFFERS; i++) {
		if (i == 1000) {
			broken = 1; /* what op_chains() left there is in the way */
			return;
		}
		kick(1);
	}
	for (unsigned int i = 0; i < 12; i++)
		b[i] = random_below(4) ? 0 : (uint8_t)random64();
	b[1] = (uint8_t)(random_below(2) ? random_below(6) : b[1]);
	len = 12 + (random_below(4) ? make_frame(b + 12) : make_segments(b));
	q->desc[slot] = (struct desc){ (uint64_t)b, len, 0, 0 };
	q->avail.ring[q->avail.idx % SIZE] = slot;
	__asm__ volatile("" : : : "memory");
	q->avail.idx++;
	if (random_below(4) == 0)
		rewrite();
	kick(1);
	if (random_below(4) == 0)
		rewrite();
}

void op_kicks(void)
{
	if (broken)
		set_up();
	for (unsigned int i = 0; i < 32; i++)
		kick((uint16_t)random_below(3));
}
