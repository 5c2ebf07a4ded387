/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The iperf client for UDP: numbered datagrams at a rate, for a time or a number of bytes; then
 * final datagrams with the negative number, repeated until the server's report comes.
 */
#include "apps/apps.h"
#include "apps/iperf_wire.h"
#include "apps/jobs.h"
#include "apps/pace.h"
#include "cpu/clock.h"
#include "lib/print.h"
#include "net/neighbor.h"
#include "virtio/virtio_net.h"

#include "lwip/def.h"
#include "lwip/mem.h"
#include "lwip/udp.h"

#include <string.h>

#define TIME_DEFAULT 10
#define BW_DEFAULT   1000000
#define LEN_DEFAULT  1470
#define LEN_MAX      1472 /* one frame */
#define RESOLVE_US   20000
#define RESOLVE_MAX  250 /* tries: 5 s */
#define FINAL_US     50000
#define FINAL_MAX    40

/* What begins each datagram, and is the whole of a short one. */
struct head {
	struct iperf_datagram datagram;
	struct iperf_settings settings;
};

struct client {
	struct job job; /* first: the job functions cast */
	struct udp_pcb *pcb;
	struct pace pace;
	uint64_t limit, time_us; /* datagrams; UINT64_MAX = none */
	uint64_t sent, end_us;
	uint16_t length, port;
	unsigned int tries;
	bool resolved, reported;
	ip_addr_t addr;
	struct iperf_report report;
};

static uint8_t filling[LEN_MAX];

static struct head head_for(int32_t id, uint64_t now_us)
{
	return (struct head){
		.datagram = {
			.id = lwip_htonl((u32_t)id),
			.sec = lwip_htonl((u32_t)(now_us / 1000000)),
			.usec = lwip_htonl((u32_t)(now_us % 1000000)),
		},
	};
}

/* The head is copied, the filling goes by reference: two descriptors. */
static struct pbuf *datagram_build(const struct client *c, int32_t id)
{
	struct head head = head_for(id, clock_us());
	u16_t head_bytes = (u16_t)LWIP_MIN(sizeof(head), c->length);
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, head_bytes, PBUF_RAM), *rest;

	if (!p)
		return NULL;
	memcpy(p->payload, &head, head_bytes);
	if (c->length == head_bytes)
		return p;
	rest = pbuf_alloc_reference(filling, (u16_t)(c->length - head_bytes), PBUF_ROM);
	if (!rest) {
		pbuf_free(p);
		return NULL;
	}
	pbuf_cat(p, rest);
	return p;
}

static bool datagram_send(struct client *c, int32_t id)
{
	struct pbuf *p = datagram_build(c, id);
	err_t err;

	if (!p)
		return false;
	err = udp_send(c->pcb, p);
	pbuf_free(p);
	return err == ERR_OK;
}

static void result(struct client *c, const char *error)
{
	const struct iperf_report *rep = &c->report;
	uint64_t us = c->end_us - c->pace.start_us, bytes = c->sent * c->length;
	uint64_t kbps = us ? bytes * 8000 / us : 0;
	char peer[IP4ADDR_STRLEN_MAX];

	ip4addr_ntoa_r(&c->addr, peer, sizeof(peer));
	print("iperf-client: %s%s proto=udp peer=%s:%u bytes=%lu ms=%lu mbps=%lu.%03lu "
	      "datagrams=%lu",
	      error ? "error " : "done", error ? error : "", peer, c->port, bytes, us / 1000,
	      kbps / 1000, kbps % 1000, c->sent);
	if (c->reported)
		print(" server_bytes=%lu server_datagrams=%u lost=%u late=%u jitter_us=%u",
		      (uint64_t)lwip_ntohl(rep->bytes_high) << 32 | lwip_ntohl(rep->bytes_low),
		      lwip_ntohl(rep->datagrams), lwip_ntohl(rep->lost),
		      lwip_ntohl(rep->out_of_order), lwip_ntohl(rep->jitter_usec));
	print("\n");
	udp_remove(c->pcb);
	mem_free(c);
	apps_client_end();
}

static void report_input(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr,
			 u16_t port)
{
	struct client *c = arg;
	struct iperf_report report = { 0 };
	/* Version 1 of the report ends before the transit times; that much must be there. */
	const u16_t needed = offsetof(struct iperf_report, transit);

	(void)pcb;
	(void)addr;
	(void)port;
	if (c->end_us &&
	    pbuf_copy_partial(p, &report, needed, sizeof(struct iperf_datagram)) == needed &&
	    (lwip_ntohl(report.flags) & IPERF_FLAG_REPORT)) {
		c->report = report;
		c->reported = true;
	}
	pbuf_free(p);
}

static uint64_t run_final(struct client *c, uint64_t now_us)
{
	if (c->reported || ++c->tries > FINAL_MAX) {
		result(c, c->reported ? NULL : "no report");
		return JOB_DONE;
	}
	datagram_send(c, (int32_t) - (int64_t)(c->sent + 1));
	return now_us + FINAL_US;
}

static uint64_t run_resolve(struct client *c, uint64_t now_us)
{
	if (neighbor_known(&c->addr)) {
		c->resolved = true;
		c->tries = 0;
		c->pace.start_us = now_us;
		return now_us;
	}
	if (++c->tries > RESOLVE_MAX) {
		c->end_us = c->pace.start_us;
		result(c, "no such neighbor");
		return JOB_DONE;
	}
	return now_us + RESOLVE_US;
}

static bool is_over(const struct client *c, uint64_t now_us)
{
	return c->sent >= c->limit || now_us - c->pace.start_us >= c->time_us;
}

static uint64_t run_send(struct client *c, uint64_t now_us)
{
	uint64_t owed = pace_owed(&c->pace, now_us, c->sent);
	unsigned int room = virtio_net_room();

	for (; owed && room && c->sent < c->limit; owed--, room--) {
		if (!datagram_send(c, (int32_t)(c->sent + 1)))
			return now_us + PACE_US; /* out of memory: sent frames will free some */
		c->sent++;
	}
	return room ? pace_next_us(&c->pace, now_us, c->sent) : JOB_WAIT_ROOM;
}

static uint64_t client_run(struct job *job, uint64_t now_us)
{
	struct client *c = (struct client *)job;

	if (!c->resolved)
		return run_resolve(c, now_us);
	if (!c->end_us && !is_over(c, now_us))
		return run_send(c, now_us);
	if (!c->end_us)
		c->end_us = now_us;
	return run_final(c, now_us);
}

static bool client_init(struct client *c, const struct request *r)
{
	uint64_t bytes = request_option(r, OPTION_BYTES, 0);

	c->addr.addr = r->addr;
	c->port = (uint16_t)request_option(r, OPTION_PORT, IPERF_PORT);
	c->length = (uint16_t)LWIP_MIN(request_option(r, OPTION_LEN, LEN_DEFAULT), LEN_MAX);
	c->limit = bytes ? (bytes + c->length - 1) / c->length : UINT64_MAX;
	c->time_us = bytes ? UINT64_MAX : request_option(r, OPTION_TIME, TIME_DEFAULT) * 1000000;
	c->job.run = client_run;
	pace_start(&c->pace, request_option(r, OPTION_BW, BW_DEFAULT), c->length);
	c->pcb = udp_new();
	if (!c->pcb)
		return false;
	udp_recv(c->pcb, report_input, c);
	if (udp_connect(c->pcb, &c->addr, c->port) == ERR_OK)
		return true;
	udp_remove(c->pcb);
	return false;
}

void iperf_udp_client_start(const struct request *r)
{
	struct client *c = mem_calloc(1, sizeof(*c));

	if (!c || !client_init(c, r)) {
		print("iperf-client: error out of memory\n");
		if (c)
			mem_free(c);
		return;
	}
	for (size_t i = 0; i < sizeof(filling); i++)
		filling[i] = (uint8_t)('0' + i % 10);
	apps_client_begin();
	job_add(&c->job);
}
