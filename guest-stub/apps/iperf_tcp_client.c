/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The iperf client for TCP, for a time or a number of bytes (lwIP's lwiperf knows only ten
 * seconds). Data go out by reference from one constant buffer. What counts is what the peer has
 * acknowledged, from the connection's start to the last acknowledgement.
 */
#include "apps/apps.h"
#include "apps/dial.h"
#include "apps/iperf_wire.h"
#include "cpu/clock.h"
#include "lib/print.h"

#include "lwip/mem.h"
#include "lwip/tcp.h"

#include <string.h>

#define TIME_DEFAULT      10
#define CHUNK             (16 * TCP_MSS)
#define POLL_HALF_SECONDS 2
#define STALL_US          20000000 /* no acknowledgement for this long: give up */

struct client {
	struct dial dial;
	uint64_t limit;   /* bytes, UINT64_MAX = by time */
	uint64_t time_us; /* UINT64_MAX = by bytes */
	uint64_t queued, acked;
	uint64_t start_us, last_us;
};

/* Begins with all-zero settings ("a plain one-way test"), then digits as iperf sends. */
static uint8_t data[CHUNK];

static void data_init(void)
{
	for (size_t i = sizeof(struct iperf_settings); i < sizeof(data); i++)
		data[i] = (uint8_t)('0' + i % 10);
}

static void detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
}

static void result(struct client *c, const char *error)
{
	uint64_t us = c->last_us - c->start_us;
	uint64_t kbps = us ? c->acked * 8000 / us : 0;
	char peer[IP4ADDR_STRLEN_MAX];

	ip4addr_ntoa_r(&c->dial.addr, peer, sizeof(peer));
	print("iperf-client: %s%s proto=tcp peer=%s:%u bytes=%lu ms=%lu mbps=%lu.%03lu\n",
	      error ? "error " : "done", error ? error : "", peer, c->dial.port, c->acked,
	      us / 1000, kbps / 1000, kbps % 1000);
	mem_free(c);
	apps_client_end();
}

static bool is_time_up(const struct client *c)
{
	return c->time_us != UINT64_MAX && clock_us() - c->start_us >= c->time_us;
}

static void send_more(struct client *c, struct tcp_pcb *pcb)
{
	while (c->queued < c->limit) {
		u16_t n = (u16_t)LWIP_MIN(LWIP_MIN(tcp_sndbuf(pcb), CHUNK), c->limit - c->queued);

		if (!n || tcp_write(pcb, data, n, 0) != ERR_OK)
			break;
		c->queued += n;
	}
	tcp_output(pcb);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct client *c = arg;

	c->acked += length;
	c->last_us = clock_us();
	if (is_time_up(c))
		c->limit = c->queued; /* what is queued still goes out and counts */
	if (c->acked < c->limit) {
		send_more(c, pcb);
		return ERR_OK;
	}
	detach(pcb);
	result(c, NULL);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static void error(void *arg, err_t err)
{
	(void)err;
	result(arg, "reset");
}

static err_t abort_with(struct client *c, struct tcp_pcb *pcb, const char *reason)
{
	detach(pcb);
	tcp_abort(pcb);
	result(c, reason);
	return ERR_ABRT;
}

/* The peer has nothing to say but its end, which it should not reach before us. */
static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)err;
	if (!p)
		return abort_with(arg, pcb, "closed by peer");
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

/* Also restarts a sender whose last tcp_write() found no memory and has nothing in flight. */
static err_t poll(void *arg, struct tcp_pcb *pcb)
{
	struct client *c = arg;

	if (clock_us() - c->last_us > STALL_US)
		return abort_with(c, pcb, "stalled");
	if (!is_time_up(c))
		send_more(c, pcb);
	return ERR_OK;
}

static void connected(void *arg, struct tcp_pcb *pcb)
{
	struct client *c = arg;

	c->start_us = c->last_us = clock_us();
	tcp_arg(pcb, c);
	tcp_sent(pcb, sent);
	tcp_recv(pcb, received);
	tcp_err(pcb, error);
	tcp_poll(pcb, poll, POLL_HALF_SECONDS);
	send_more(c, pcb);
}

static void failed(void *arg, const char *reason)
{
	result(arg, reason);
}

void iperf_tcp_client_start(const struct request *r)
{
	struct client *c = mem_calloc(1, sizeof(*c));
	bool by_bytes = r->given & 1u << OPTION_BYTES;

	if (!c) {
		print("iperf-client: error out of memory\n");
		return;
	}
	data_init();
	c->limit = by_bytes ? r->option[OPTION_BYTES] : UINT64_MAX;
	c->time_us = by_bytes ? UINT64_MAX : request_option(r, OPTION_TIME, TIME_DEFAULT) * 1000000;
	c->dial = (struct dial){
		.addr = { r->addr },
		.port = (uint16_t)request_option(r, OPTION_PORT, IPERF_PORT),
		.connected = connected,
		.failed = failed,
		.arg = c,
	};
	apps_client_begin();
	dial_start(&c->dial);
}
