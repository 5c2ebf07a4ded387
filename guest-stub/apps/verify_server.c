/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/apps.h"
#include "apps/verify.h"
#include "cpu/clock.h"
#include "lib/print.h"

#include "lwip/mem.h"
#include "lwip/tcp.h"

struct transfer {
	uint64_t bytes, hash, start_us;
};

static void detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
}

static err_t finish(struct tcp_pcb *pcb, struct transfer *t)
{
	char answer[24];
	size_t n = print_to(answer, sizeof(answer), "%016lx\n", t->hash);
	uint64_t ms = (clock_us() - t->start_us) / 1000;

	print("verify-server: done bytes=%lu ms=%lu hash=%016lx\n", t->bytes, ms, t->hash);
	mem_free(t);
	detach(pcb);
	if (tcp_write(pcb, answer, (u16_t)n, TCP_WRITE_FLAG_COPY) == ERR_OK &&
	    tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct transfer *t = arg;

	(void)err;
	if (!p)
		return finish(pcb, t);
	for (const struct pbuf *q = p; q; q = q->next)
		t->hash = verify_hash(t->hash, q->payload, q->len);
	t->bytes += p->tot_len;
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static void error(void *arg, err_t err)
{
	(void)err;
	print("verify-server: error reset bytes=%lu\n", ((struct transfer *)arg)->bytes);
	mem_free(arg);
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct transfer *t;

	(void)arg;
	if (err != ERR_OK || !pcb)
		return ERR_VAL;
	t = mem_calloc(1, sizeof(*t));
	if (!t)
		return ERR_MEM;
	t->hash = VERIFY_HASH_START;
	t->start_us = clock_us();
	tcp_arg(pcb, t);
	tcp_recv(pcb, received);
	tcp_err(pcb, error);
	return ERR_OK;
}

void verify_server_start(const struct request *r)
{
	u16_t port = (u16_t)request_option(r, OPTION_PORT, VERIFY_PORT);
	struct tcp_pcb *pcb = tcp_new();

	if (!pcb || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK) {
		print("verify-server: error cannot listen on port %u\n", port);
		return;
	}
	pcb = tcp_listen(pcb);
	tcp_accept(pcb, accepted);
	print("verify-server: listening port=%u\n", port);
}
