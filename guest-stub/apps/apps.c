/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/apps.h"
#include "cpu/clock.h"
#include "cpu/power.h"
#include "lib/print.h"
#include "net/netif.h"
#include "virtio/virtio_net.h"

#include "lwip/priv/tcp_priv.h"

#define CLOSE_US 3000000

static void iperf_client_start(const struct request *r)
{
	if (r->given & 1u << OPTION_UDP)
		iperf_udp_client_start(r);
	else
		iperf_tcp_client_start(r);
}

static void help_print(const struct request *r)
{
	(void)r;
	print("help: settings: ip=ADDRESS/PREFIX|dhcp gw=IP exit tsc_early_khz=N\n");
	for (enum app a = 0; a < APP_COUNT; a++)
		print("help: %s\n", app_help(a));
}

static void break_ring(const struct request *r)
{
	(void)r;
	print("break-ring: now\n");
	virtio_net_break_ring();
}

static void poweroff(const struct request *r)
{
	(void)r;
	power_off();
}

static const struct {
	void (*start)(const struct request *r);
	bool needs_address;
} starters[APP_COUNT] = {
	[APP_ECHO] = { echo_start, true },
	[APP_IPERF_SERVER] = { iperf_server_start, true },
	[APP_IPERF_CLIENT] = { iperf_client_start, true },
	[APP_HTTP] = { http_start, true },
	[APP_FLOOD] = { flood_start, false },
	[APP_SINK] = { sink_start, false },
	[APP_VERIFY_SERVER] = { verify_server_start, true },
	[APP_VERIFY_CLIENT] = { verify_client_start, true },
	[APP_PING] = { ping_start, true },
	[APP_BREAK_RING] = { break_ring, false },
	[APP_STATS] = { stats_print, false },
	[APP_HELP] = { help_print, false },
	[APP_POWEROFF] = { poweroff, false },
};

static struct request pending[WORDS_MAX_REQUESTS * 2];
static size_t pending_count;
static unsigned int clients;
static bool exit_when_done;

void apps_submit(const struct words *words)
{
	if (words->settings.exit_when_done)
		exit_when_done = true;
	for (size_t i = 0; i < words->count; i++) {
		if (pending_count == sizeof(pending) / sizeof(pending[0])) {
			print("stub: error too many requests wait for an address\n");
			return;
		}
		pending[pending_count++] = words->request[i];
	}
}

/*
 * The last client's FIN is to arrive, and its peer's to be answered; a peer that never closes is
 * not waited for.
 */
static void exit_when_closed(void)
{
	static uint64_t since_us;

	if (!since_us)
		since_us = clock_us();
	if (!tcp_active_pcbs || clock_us() - since_us > CLOSE_US)
		power_off();
}

void apps_run(void)
{
	size_t kept = 0, count = pending_count;

	for (size_t i = 0; i < count; i++) {
		const struct request r = pending[i];

		if (starters[r.app].needs_address && !stub_netif_ready())
			pending[kept++] = r;
		else
			starters[r.app].start(&r);
	}
	pending_count = kept;
	if (exit_when_done && !clients && !pending_count)
		exit_when_closed();
}

void apps_client_begin(void)
{
	clients++;
}

void apps_client_end(void)
{
	clients--;
}
