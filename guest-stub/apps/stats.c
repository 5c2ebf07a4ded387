/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats: every counter, one subsystem a line. */
#include "apps/apps.h"
#include "cpu/clock.h"
#include "cpu/idle.h"
#include "cpu/idt.h"
#include "lib/print.h"
#include "virtio/virtio_net.h"

#include "lwip/stats.h"

static void print_protocol(const char *name, const struct stats_proto *s)
{
	print("stats: %s tx=%u rx=%u drop=%u csum_err=%u len_err=%u mem_err=%u proto_err=%u "
	      "err=%u\n",
	      name, s->xmit, s->recv, s->drop, s->chkerr, s->lenerr, s->memerr, s->proterr, s->err);
}

static void print_memory(void)
{
	print("stats: mem used=%u max=%u of=%u err=%u\n", (unsigned int)lwip_stats.mem.used,
	      (unsigned int)lwip_stats.mem.max, (unsigned int)lwip_stats.mem.avail,
	      lwip_stats.mem.err);
	for (unsigned int i = 0; i < MEMP_MAX; i++) {
		const struct stats_mem *m = lwip_stats.memp[i];

		if (m->max)
			print("stats: pool%u used=%u max=%u of=%u err=%u\n", i,
			      (unsigned int)m->used, (unsigned int)m->max, (unsigned int)m->avail,
			      m->err);
	}
}

void stats_print(const struct request *r)
{
	const struct virtio_net_stats *n = virtio_net_stats();

	(void)r;
	print("stats: up_ms=%lu sleeps=%lu irq_queue=%lu irq_config=%lu irq_timer=%lu\n",
	      clock_us() / 1000, idle_count, irq_counts.net_queue, irq_counts.net_config,
	      irq_counts.timer);
	print("stats: rx frames=%lu bytes=%lu kicks=%lu csum_skipped=%lu bad=%lu starved=%lu\n",
	      n->rx_frames, n->rx_bytes, n->rx_kicks, n->rx_csum_skipped, n->rx_bad, n->rx_starved);
	print("stats: tx frames=%lu bytes=%lu kicks=%lu descriptors=%lu csum_offloaded=%lu "
	      "queued=%lu refused=%lu\n",
	      n->tx_frames, n->tx_bytes, n->tx_kicks, n->tx_descriptors, n->tx_csum_offloaded,
	      n->tx_queued, n->tx_refused);
	print_protocol("arp", &lwip_stats.etharp);
	print_protocol("ip", &lwip_stats.ip);
	print_protocol("icmp", &lwip_stats.icmp);
	print_protocol("udp", &lwip_stats.udp);
	print_protocol("tcp", &lwip_stats.tcp);
	print_memory();
}
