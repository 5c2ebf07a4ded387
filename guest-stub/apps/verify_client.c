/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apps/apps.h"
#include "apps/dial.h"
#include "apps/verify.h"
#include "cpu/clock.h"
#include "cpu/x86.h"
#include "lib/print.h"

#include "lwip/mem.h"
#include "lwip/tcp.h"

#include <string.h>

#define BYTES_DEFAULT (1024 * 1024)
#define CHUNK         4096
#define ANSWER_BYTES  17 /* 16 digits, newline */
/*
 * No progress for this long: give up. A driver VM that starts anew may be away for a minute on a
 * busy host, and TCP asks again after 1.5, 4.5, 10.5, 22.5, 46.5, 94.5 and 190.5 seconds only.
 */
#define STALL_US 240000000

struct transfer {
	struct dial dial;
	uint64_t bytes, written, hash, random, start_us, last_us;
	bool ended; /* our side is closed */
	char answer[ANSWER_BYTES];
	size_t answer_bytes;
};

/*
 * xorshift64, eight bytes at a time. CHUNK is a multiple of eight, so the stream does not depend
 * on the cuts.
 */
static void random_fill(struct transfer *t, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		t->random ^= t->random << 13;
		t->random ^= t->random >> 7;
		t->random ^= t->random << 17;
		memcpy(out + i, &t->random, 8);
	}
}

static void detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
}

static void result(struct transfer *t, const char *error)
{
	print("verify-client: %s%s bytes=%lu ms=%lu hash=%016lx\n", error ? "error " : "done",
	      error ? error : "", t->written, (clock_us() - t->start_us) / 1000, t->hash);
	mem_free(t);
	apps_client_end();
}

/*
 * Whole chunks only: the generator must not run ahead of what TCP took. A chunk that is not taken
 * is made again from the remembered state.
 */
static void send_more(struct transfer *t, struct tcp_pcb *pcb)
{
	uint8_t chunk[CHUNK];

	while (t->written < t->bytes) {
		u16_t n = (u16_t)LWIP_MIN(CHUNK, t->bytes - t->written);
		uint64_t state = t->random;

		if (tcp_sndbuf(pcb) < n)
			break;
		random_fill(t, chunk, sizeof(chunk));
		if (tcp_write(pcb, chunk, n, TCP_WRITE_FLAG_COPY) != ERR_OK) {
			t->random = state;
			break;
		}
		t->hash = verify_hash(t->hash, chunk, n);
		t->written += n;
	}
	if (t->written == t->bytes && !t->ended)
		t->ended = tcp_shutdown(pcb, 0, 1) == ERR_OK;
	tcp_output(pcb);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct transfer *t = arg;

	(void)length;
	t->last_us = clock_us();
	send_more(t, pcb);
	return ERR_OK;
}

static const char *judge(const struct transfer *t)
{
	char expected[ANSWER_BYTES + 1];

	print_to(expected, sizeof(expected), "%016lx\n", t->hash);
	if (!t->ended || t->answer_bytes != ANSWER_BYTES)
		return "closed by peer";
	return memcmp(t->answer, expected, ANSWER_BYTES) ? "hashes differ" : NULL;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct transfer *t = arg;

	(void)err;
	if (p) {
		t->answer_bytes += pbuf_copy_partial(
			p, t->answer + t->answer_bytes,
			(u16_t)LWIP_MIN(p->tot_len, ANSWER_BYTES - t->answer_bytes), 0);
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
		return ERR_OK;
	}
	detach(pcb);
	result(t, judge(t));
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

static err_t poll(void *arg, struct tcp_pcb *pcb)
{
	struct transfer *t = arg;

	if (clock_us() - t->last_us > STALL_US) {
		detach(pcb);
		tcp_abort(pcb);
		result(t, "stalled");
		return ERR_ABRT;
	}
	send_more(t, pcb);
	return ERR_OK;
}

static void connected(void *arg, struct tcp_pcb *pcb)
{
	struct transfer *t = arg;

	t->start_us = t->last_us = clock_us();
	tcp_arg(pcb, t);
	tcp_sent(pcb, sent);
	tcp_recv(pcb, received);
	tcp_err(pcb, error);
	tcp_poll(pcb, poll, 2);
	send_more(t, pcb);
}

static void failed(void *arg, const char *reason)
{
	result(arg, reason);
}

void verify_client_start(const struct request *r)
{
	struct transfer *t = mem_calloc(1, sizeof(*t));

	if (!t) {
		print("verify-client: error out of memory\n");
		return;
	}
	t->bytes = request_option(r, OPTION_BYTES, BYTES_DEFAULT);
	t->hash = VERIFY_HASH_START;
	t->random = rdtsc() | 1;
	t->dial = (struct dial){
		.addr = { r->addr },
		.port = (uint16_t)request_option(r, OPTION_PORT, VERIFY_PORT),
		.connected = connected,
		.failed = failed,
		.arg = t,
	};
	apps_client_begin();
	dial_start(&t->dial);
}
