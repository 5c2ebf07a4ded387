/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink: receives floods, checks each frame, and tells lost, repeated, late and damaged ones
 * apart. A stream is over when every frame has come and no repeated one for a moment, or when none
 * has come for `time` seconds.
 */
#include "apps/apps.h"
#include "apps/jobs.h"
#include "apps/raw_frame.h"
#include "cpu/clock.h"
#include "lib/print.h"
#include "net/netif.h"

#include "lwip/def.h"

#include <string.h>

#define STREAMS  64
#define WINDOW   4096 /* how far back a repeated frame is recognised */
#define GRACE_US 300000
#define CHECK_US 200000

struct stream {
	bool active;
	uint8_t src[6], dst[6];
	uint32_t id, total;
	uint32_t first; /* lowest sequence number seen */
	uint32_t next;  /* one above the highest sequence number seen */
	uint32_t unique, repeated, late, damaged;
	uint64_t bytes, first_us, last_us;
	uint64_t seen[WINDOW / 64]; /* bit per sequence number modulo WINDOW */
};

static struct stream streams[STREAMS];
static struct job sink_job;
static bool running;
static uint64_t silence_us;

static struct stream *stream_find(const struct raw_frame *f)
{
	struct stream *free_one = NULL;

	for (struct stream *s = streams; s < streams + STREAMS; s++) {
		if (!s->active)
			free_one = s;
		else if (s->id == f->stream && !memcmp(s->src, f->src, 6))
			return s;
	}
	if (!free_one)
		return NULL;
	memset(free_one, 0, sizeof(*free_one));
	free_one->active = true;
	free_one->id = f->stream;
	free_one->total = lwip_ntohl(f->total);
	free_one->first = UINT32_MAX;
	free_one->first_us = clock_us();
	memcpy(free_one->src, f->src, 6);
	memcpy(free_one->dst, f->dst, 6);
	return free_one;
}

static bool fill_is_right(const struct pbuf *p, const struct raw_frame *f)
{
	uint32_t sequence = lwip_ntohl(f->sequence), n = p->len - (uint32_t)sizeof(*f);

	for (uint32_t i = 0; i < n; i++) {
		if (f->fill[i] != raw_frame_fill(sequence, i))
			return false;
	}
	return true;
}

/* Forget what the window leaves behind when it moves up to `sequence`. */
static void window_advance(struct stream *s, uint32_t sequence)
{
	if (sequence - s->next >= WINDOW)
		memset(s->seen, 0, sizeof(s->seen));
	for (; s->next <= sequence && sequence - s->next < WINDOW; s->next++)
		s->seen[s->next % WINDOW / 64] &= ~(1ull << s->next % 64);
	s->next = sequence + 1;
}

static void count_sequence(struct stream *s, uint32_t sequence)
{
	uint64_t bit = 1ull << sequence % 64;
	uint64_t *word = &s->seen[sequence % WINDOW / 64];

	if (sequence >= s->next) {
		window_advance(s, sequence);
	} else if (s->next - sequence > WINDOW || (*word & bit)) {
		s->repeated++;
		return;
	} else {
		s->late++;
	}
	*word |= bit;
	s->unique++;
	s->first = LWIP_MIN(s->first, sequence);
}

static void print_mac(const char *name, const uint8_t *m)
{
	print(" %s=%02x:%02x:%02x:%02x:%02x:%02x", name, m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* The number tells lines apart whose content is the same. */
static void report(struct stream *s)
{
	static unsigned int number;

	print("sink: done report=%u", ++number);
	print_mac("src", s->src);
	print_mac("dst", s->dst);
	print(" stream=%u frames=%u bytes=%lu lost=%u late=%u repeated=%u damaged=%u first=%u "
	      "ms=%lu last=%u\n",
	      lwip_ntohl(s->id), s->unique, s->bytes, s->total - s->unique, s->late, s->repeated,
	      s->damaged, s->first, (s->last_us - s->first_us) / 1000, s->next - 1);
	s->active = false;
}

static bool is_over(const struct stream *s, uint64_t now_us)
{
	uint64_t quiet = now_us - s->last_us;

	return quiet > silence_us || (s->unique >= s->total && quiet > GRACE_US);
}

static uint64_t sink_check(struct job *job, uint64_t now_us)
{
	(void)job;
	for (struct stream *s = streams; s < streams + STREAMS; s++) {
		if (s->active && is_over(s, now_us))
			report(s);
	}
	return now_us + CHECK_US;
}

/* A switch may flood frames for others to everybody: those are not ours to count. */
static bool is_for_us(const struct raw_frame *f)
{
	return (f->dst[0] & 1) || !memcmp(f->dst, stub_netif()->hwaddr, 6);
}

err_t raw_frame_input(struct pbuf *p)
{
	const struct raw_frame *f = p->payload;
	struct stream *s;

	if (!running || p->len < sizeof(*f) || f->type != PP_HTONS(RAW_FRAME_TYPE) ||
	    f->magic != PP_HTONL(RAW_FRAME_MAGIC) || !is_for_us(f))
		return ERR_VAL;
	s = stream_find(f);
	if (!s)
		return ERR_VAL;
	s->last_us = clock_us();
	s->bytes += p->tot_len;
	if (lwip_ntohl(f->sequence) >= s->total || p->len != p->tot_len || !fill_is_right(p, f))
		s->damaged++;
	else
		count_sequence(s, lwip_ntohl(f->sequence));
	pbuf_free(p);
	return ERR_OK;
}

void sink_start(const struct request *r)
{
	if (running)
		return;
	running = true;
	silence_us = request_option(r, OPTION_TIME, 1) * 1000000;
	sink_job.run = sink_check;
	job_add(&sink_job);
	print("sink: listening type=0x%x\n", RAW_FRAME_TYPE);
}
