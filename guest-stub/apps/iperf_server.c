/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The iperf server for TCP is lwIP's own lwiperf (it does the dual and trade-off tests too); this
 * file starts it and prints its reports. UDP is iperf_udp_server.c.
 */
#include "apps/apps.h"
#include "apps/iperf_wire.h"
#include "lib/print.h"

#include "lwip/apps/lwiperf.h"

static const char *result_word(enum lwiperf_report_type type)
{
	switch (type) {
	case LWIPERF_TCP_DONE_SERVER:
	case LWIPERF_TCP_DONE_CLIENT:
		return "done";
	default:
		return "aborted";
	}
}

/* lwIP counts bytes in 32 bits: a connection of more than 4 GiB reports too few. */
static void report(void *arg, enum lwiperf_report_type type, const ip_addr_t *local, u16_t port,
		   const ip_addr_t *remote, u16_t remote_port, u32_t bytes, u32_t ms, u32_t kbps)
{
	char peer[IP4ADDR_STRLEN_MAX];

	(void)arg;
	(void)local;
	(void)port;
	ip4addr_ntoa_r(remote, peer, sizeof(peer));
	print("iperf-server: %s proto=tcp dir=%s peer=%s:%u bytes=%u ms=%u mbps=%u.%03u\n",
	      result_word(type), type == LWIPERF_TCP_DONE_CLIENT ? "tx" : "rx", peer, remote_port,
	      bytes, ms, kbps / 1000, kbps % 1000);
}

void iperf_server_start(const struct request *r)
{
	u16_t port = (u16_t)request_option(r, OPTION_PORT, IPERF_PORT);

	if (!lwiperf_start_tcp_server(IP_ADDR_ANY, port, report, NULL)) {
		print("iperf-server: error cannot listen on TCP port %u\n", port);
		return;
	}
	iperf_udp_server_start(port);
	print("iperf-server: listening port=%u\n", port);
}
