/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Echo, RFC 862. UDP answers with the very buffer the datagram came in. TCP keeps received data
 * it cannot send yet and acknowledges the window only for what it has sent, so a peer that does
 * not read stops the sender instead of filling this guest's memory.
 */
#include "apps/apps.h"
#include "lib/print.h"

#include "lwip/tcp.h"
#include "lwip/udp.h"

#define PORT_DEFAULT 7

struct echo {
	struct pbuf *todo; /* received, not yet written back; NULL = none */
	bool peer_done;
};

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr,
			 u16_t port)
{
	(void)arg;
	udp_sendto(pcb, p, addr, port);
	pbuf_free(p);
}

static void echo_close(struct tcp_pcb *pcb, struct echo *e)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	if (e->todo)
		pbuf_free(e->todo);
	mem_free(e);
	if (tcp_close(pcb) != ERR_OK)
		tcp_abort(pcb);
}

/* Write as much as the send buffer takes; close when the peer has and everything is written. */
static void echo_work(struct tcp_pcb *pcb, struct echo *e)
{
	while (e->todo) {
		struct pbuf *p = e->todo;
		u16_t n = LWIP_MIN(p->len, tcp_sndbuf(pcb));

		if (!n || tcp_write(pcb, p->payload, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		tcp_recved(pcb, n);
		e->todo = pbuf_free_header(p, n);
	}
	tcp_output(pcb);
	if (e->peer_done && !e->todo)
		echo_close(pcb, e);
}

static err_t tcp_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct echo *e = arg;

	(void)err;
	if (!p)
		e->peer_done = true;
	else if (e->todo)
		pbuf_cat(e->todo, p);
	else
		e->todo = p;
	echo_work(pcb, e);
	return ERR_OK;
}

static err_t tcp_acked(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	(void)length;
	echo_work(pcb, arg);
	return ERR_OK;
}

static void tcp_broken(void *arg, err_t err)
{
	struct echo *e = arg;

	(void)err;
	if (e->todo)
		pbuf_free(e->todo);
	mem_free(e);
}

static err_t tcp_opened(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct echo *e;

	(void)arg;
	if (err != ERR_OK || !pcb)
		return ERR_VAL;
	e = mem_calloc(1, sizeof(*e));
	if (!e)
		return ERR_MEM;
	tcp_arg(pcb, e);
	tcp_recv(pcb, tcp_received);
	tcp_sent(pcb, tcp_acked);
	tcp_err(pcb, tcp_broken);
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

void echo_start(const struct request *r)
{
	u16_t port = (u16_t)request_option(r, OPTION_PORT, PORT_DEFAULT);
	struct tcp_pcb *tcp = tcp_new();
	struct udp_pcb *udp = udp_new();

	if (!tcp || !udp || tcp_bind(tcp, IP_ADDR_ANY, port) != ERR_OK ||
	    udp_bind(udp, IP_ADDR_ANY, port) != ERR_OK) {
		print("echo: error cannot listen on port %u\n", port);
		return;
	}
	tcp = tcp_listen(tcp);
	tcp_accept(tcp, tcp_opened);
	udp_recv(udp, udp_received, NULL);
	print("echo: listening port=%u\n", port);
}
