/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ping: ICMP echo requests, ten a second, and the round-trip times. */
#include "apps/apps.h"
#include "apps/jobs.h"
#include "cpu/clock.h"
#include "lib/print.h"
#include "net/neighbor.h"

#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/mem.h"
#include "lwip/prot/ip4.h"
#include "lwip/raw.h"

#include <string.h>

#define INTERVAL_US   100000
#define WAIT_US       1000000 /* for the last answer */
#define COUNT_DEFAULT 4
#define LEN_DEFAULT   56

struct ping {
	struct job job; /* first: the job functions cast */
	struct raw_pcb *pcb;
	ip_addr_t addr;
	uint16_t id, length;
	unsigned int tries;
	uint64_t count, sent, received, sent_us;
	uint64_t min_us, max_us, sum_us;
};

static void result(struct ping *p)
{
	char peer[IP4ADDR_STRLEN_MAX];

	ip4addr_ntoa_r(&p->addr, peer, sizeof(peer));
	print("ping: done peer=%s sent=%lu received=%lu min_us=%lu avg_us=%lu max_us=%lu\n", peer,
	      p->sent, p->received, p->received ? p->min_us : 0,
	      p->received ? p->sum_us / p->received : 0, p->max_us);
	raw_remove(p->pcb);
	mem_free(p);
	apps_client_end();
}

/* Only the answer to the latest request counts: the interval is far longer than a round trip. */
static u8_t input(void *arg, struct raw_pcb *pcb, struct pbuf *packet, const ip_addr_t *addr)
{
	struct ping *p = arg;
	struct icmp_echo_hdr echo;
	struct ip_hdr ip;
	uint64_t us = clock_us() - p->sent_us;

	(void)pcb;
	pbuf_copy_partial(packet, &ip, sizeof(ip), 0);
	if (pbuf_copy_partial(packet, &echo, sizeof(echo), IPH_HL_BYTES(&ip)) != sizeof(echo) ||
	    echo.type != ICMP_ER || echo.id != p->id || !ip_addr_cmp(addr, &p->addr) ||
	    lwip_ntohs(echo.seqno) != (u16_t)p->sent)
		return 0; /* not eaten: lwIP goes on with it */
	p->received++;
	p->sum_us += us;
	p->min_us = LWIP_MIN(p->min_us, us);
	p->max_us = LWIP_MAX(p->max_us, us);
	pbuf_free(packet);
	return 1;
}

static void request_send(struct ping *p)
{
	u16_t bytes = (u16_t)(sizeof(struct icmp_echo_hdr) + p->length);
	struct pbuf *packet = pbuf_alloc(PBUF_IP, bytes, PBUF_RAM);
	struct icmp_echo_hdr *echo;

	p->sent++;
	p->sent_us = clock_us();
	if (!packet)
		return; /* counts as unanswered */
	echo = packet->payload;
	memset(echo, 0, bytes);
	echo->type = ICMP_ECHO;
	echo->id = p->id;
	echo->seqno = lwip_htons((u16_t)p->sent);
	echo->chksum = inet_chksum(echo, bytes);
	raw_sendto(p->pcb, packet, &p->addr);
	pbuf_free(packet);
}

static uint64_t ping_run(struct job *job, uint64_t now_us)
{
	struct ping *p = (struct ping *)job;

	if (!p->sent && !neighbor_known(&p->addr) && ++p->tries < 100)
		return now_us + 20000;
	if (p->sent == p->count) {
		if (p->received < p->sent && now_us - p->sent_us < WAIT_US)
			return now_us + 20000;
		result(p);
		return JOB_DONE;
	}
	request_send(p);
	return now_us + INTERVAL_US;
}

void ping_start(const struct request *r)
{
	static uint16_t ids;
	struct ping *p = mem_calloc(1, sizeof(*p));
	struct raw_pcb *pcb = raw_new(IP_PROTO_ICMP);

	if (!p || !pcb) {
		print("ping: error out of memory\n");
		return;
	}
	p->pcb = pcb;
	p->addr.addr = r->addr;
	p->id = ++ids;
	p->count = request_option(r, OPTION_COUNT_OF, COUNT_DEFAULT);
	p->length = (uint16_t)LWIP_MIN(request_option(r, OPTION_LEN, LEN_DEFAULT), 1472);
	p->min_us = UINT64_MAX;
	p->job.run = ping_run;
	raw_recv(pcb, input, p);
	raw_bind(pcb, IP_ADDR_ANY);
	apps_client_begin();
	job_add(&p->job);
}
