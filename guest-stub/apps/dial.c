/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/dial.h"

#include "lwip/timeouts.h"

static void dial_try(void *arg);

static void dial_error(void *arg, err_t err)
{
	struct dial *d = arg;

	if (d->tries_left)
		sys_timeout(DIAL_RETRY_MS, dial_try, d);
	else
		d->failed(d->arg, err == ERR_RST ? "refused" : "no connection");
}

static err_t dial_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct dial *d = arg;

	(void)err; /* always ERR_OK, says lwIP */
	tcp_arg(pcb, NULL);
	tcp_err(pcb, NULL);
	d->connected(d->arg, pcb);
	return ERR_OK;
}

static void dial_try(void *arg)
{
	struct dial *d = arg;
	struct tcp_pcb *pcb = tcp_new();

	d->tries_left--;
	if (!pcb) {
		dial_error(d, ERR_MEM);
		return;
	}
	tcp_arg(pcb, d);
	tcp_err(pcb, dial_error);
	if (tcp_connect(pcb, &d->addr, d->port, dial_connected) != ERR_OK) {
		tcp_err(pcb, NULL);
		tcp_abort(pcb);
		dial_error(d, ERR_RTE);
	}
}

void dial_start(struct dial *d)
{
	d->tries_left = DIAL_TRIES;
	dial_try(d);
}
