/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UDP side of the iperf server: counts numbered datagrams per sender, and answers the final,
 * negative ones with a report, as often as they come (the client repeats them until it has one).
 */
#include "apps/apps.h"
#include "apps/iperf_wire.h"
#include "cpu/clock.h"
#include "lib/print.h"

#include "lwip/def.h"
#include "lwip/udp.h"

#include <string.h>

#define FLOWS      8
#define RELEASE_US 10000000 /* an ended or silent flow's place may be taken after this */

struct flow {
	bool active, ended, seq64;
	ip_addr_t addr;
	u16_t port;
	int64_t highest; /* sequence number; the client's first is 1 or 0 */
	uint64_t bytes, received, lost, out_of_order;
	uint64_t first_us, last_us;
	int64_t transit_us, jitter_us16; /* RFC 1889 A.8; jitter in 1/16 microseconds */
};

static struct flow flows[FLOWS];

static bool is_reusable(const struct flow *f, uint64_t now_us)
{
	return !f->active || now_us - f->last_us > RELEASE_US;
}

static struct flow *flow_find(const ip_addr_t *addr, u16_t port, uint64_t now_us)
{
	struct flow *free_one = NULL;

	for (struct flow *f = flows; f < flows + FLOWS; f++) {
		if (f->active && f->port == port && ip_addr_cmp(&f->addr, addr))
			return f;
		if (is_reusable(f, now_us))
			free_one = f;
	}
	if (!free_one)
		return NULL;
	memset(free_one, 0, sizeof(*free_one));
	free_one->active = true;
	free_one->addr = *addr;
	free_one->port = port;
	free_one->first_us = now_us;
	return free_one;
}

/* The first datagram carries the client's settings; later ones are only numbered. */
static void flow_begin(struct flow *f, const struct pbuf *p)
{
	struct iperf_settings settings = { 0 };

	pbuf_copy_partial(p, &settings, sizeof(settings), sizeof(struct iperf_datagram));
	f->seq64 = lwip_ntohl(settings.flags) & IPERF_FLAG_SEQ64;
}

static int64_t sequence_of(const struct flow *f, const struct iperf_datagram *d)
{
	if (f->seq64)
		return (int64_t)((uint64_t)lwip_ntohl(d->id_high) << 32 | lwip_ntohl(d->id));
	return (int32_t)lwip_ntohl(d->id);
}

static void flow_jitter(struct flow *f, const struct iperf_datagram *d, uint64_t now_us)
{
	int64_t sent_us = (int64_t)lwip_ntohl(d->sec) * 1000000 + lwip_ntohl(d->usec);
	int64_t transit = (int64_t)now_us - sent_us, delta = transit - f->transit_us;

	if (f->received > 1)
		f->jitter_us16 += (delta < 0 ? -delta : delta) - (f->jitter_us16 + 8) / 16;
	f->transit_us = transit;
}

static void flow_count(struct flow *f, int64_t sequence, u16_t bytes, uint64_t now_us)
{
	f->bytes += bytes;
	f->last_us = now_us;
	if (!f->received++) {
		f->highest = sequence;
	} else if (sequence > f->highest) {
		f->lost += (uint64_t)(sequence - f->highest - 1);
		f->highest = sequence;
	} else {
		f->out_of_order++;
		if (f->lost)
			f->lost--;
	}
}

static void flow_report_line(const struct flow *f)
{
	char peer[IP4ADDR_STRLEN_MAX];
	uint64_t us = f->last_us - f->first_us;
	uint64_t kbps = us ? f->bytes * 8000 / us : 0;

	ip4addr_ntoa_r(&f->addr, peer, sizeof(peer));
	print("iperf-server: done proto=udp dir=rx peer=%s:%u bytes=%lu ms=%lu mbps=%lu.%03lu "
	      "datagrams=%lu lost=%lu late=%lu jitter_us=%ld\n",
	      peer, f->port, f->bytes, us / 1000, kbps / 1000, kbps % 1000, f->received, f->lost,
	      f->out_of_order, f->jitter_us16 / 16);
}

/* iperf calls "datagrams" all it knows of, the lost ones included. */
static void report_fill(struct iperf_report *out, const struct flow *f)
{
	uint64_t us = f->last_us - f->first_us, all = f->received + f->lost;
	uint64_t jitter_us = (uint64_t)f->jitter_us16 / 16;

	*out = (struct iperf_report){
		.flags = PP_HTONL(IPERF_FLAG_REPORT | IPERF_FLAG_SEQ64),
		.bytes_high = lwip_htonl((u32_t)(f->bytes >> 32)),
		.bytes_low = lwip_htonl((u32_t)f->bytes),
		.sec = lwip_htonl((u32_t)(us / 1000000)),
		.usec = lwip_htonl((u32_t)(us % 1000000)),
		.lost = lwip_htonl((u32_t)f->lost),
		.out_of_order = lwip_htonl((u32_t)f->out_of_order),
		.datagrams = lwip_htonl((u32_t)all),
		.jitter_sec = lwip_htonl((u32_t)(jitter_us / 1000000)),
		.jitter_usec = lwip_htonl((u32_t)(jitter_us % 1000000)),
		.lost_high = lwip_htonl((u32_t)(f->lost >> 32)),
		.out_of_order_high = lwip_htonl((u32_t)(f->out_of_order >> 32)),
		.datagrams_high = lwip_htonl((u32_t)(all >> 32)),
	};
}

static void report_send(struct udp_pcb *pcb, const struct flow *f, const struct iperf_datagram *d)
{
	struct pbuf *p =
		pbuf_alloc(PBUF_TRANSPORT, sizeof(*d) + sizeof(struct iperf_report), PBUF_RAM);
	struct iperf_report report;

	if (!p)
		return; /* the client asks again */
	report_fill(&report, f);
	pbuf_take(p, d, sizeof(*d));
	pbuf_take_at(p, &report, sizeof(report), sizeof(*d));
	udp_sendto(pcb, p, &f->addr, f->port);
	pbuf_free(p);
}

static void input(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr, u16_t port)
{
	uint64_t now_us = clock_us();
	struct iperf_datagram d;
	struct flow *f;
	int64_t sequence;

	(void)arg;
	if (pbuf_copy_partial(p, &d, sizeof(d), 0) < sizeof(d))
		goto out;
	f = flow_find(addr, port, now_us);
	if (!f)
		goto out;
	if (!f->received)
		flow_begin(f, p);
	sequence = sequence_of(f, &d);
	if (!f->ended) {
		/* The datagram that ends the test is data too; repetitions of it are not. */
		flow_count(f, sequence < 0 ? -sequence : sequence, p->tot_len, now_us);
		flow_jitter(f, &d, now_us);
	}
	if (sequence < 0) {
		if (!f->ended)
			flow_report_line(f);
		f->ended = true;
		report_send(pcb, f, &d);
	}
out:
	pbuf_free(p);
}

void iperf_udp_server_start(uint16_t port)
{
	struct udp_pcb *pcb = udp_new();

	if (!pcb || udp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK) {
		print("iperf-server: error cannot listen on UDP port %u\n", port);
		return;
	}
	udp_recv(pcb, input, NULL);
}
