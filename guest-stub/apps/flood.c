/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood: numbered raw frames to one MAC address. They are made as fast as the transmit ring takes
 * them (bw=0) or at a rate; never more than the ring has room for, so that none is lost in this
 * guest.
 */
#include "apps/apps.h"
#include "apps/jobs.h"
#include "apps/pace.h"
#include "apps/raw_frame.h"
#include "lib/print.h"
#include "net/netif.h"
#include "virtio/virtio_net.h"

#include "lwip/def.h"
#include "lwip/mem.h"

#include <string.h>

struct flood {
	struct job job; /* first: the job functions cast */
	struct pace pace;
	uint8_t dst[6];
	uint32_t stream, count, sent;
	uint16_t length;
};

static struct pbuf *frame_build(const struct flood *f)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW_TX, f->length, PBUF_RAM);
	struct raw_frame *frame;

	if (!p)
		return NULL;
	frame = p->payload;
	memcpy(frame->dst, f->dst, 6);
	memcpy(frame->src, stub_netif()->hwaddr, 6);
	frame->type = PP_HTONS(RAW_FRAME_TYPE);
	frame->magic = PP_HTONL(RAW_FRAME_MAGIC);
	frame->stream = lwip_htonl(f->stream);
	frame->sequence = lwip_htonl(f->sent);
	frame->total = lwip_htonl(f->count);
	for (uint32_t i = 0; i < f->length - sizeof(*frame); i++)
		frame->fill[i] = raw_frame_fill(f->sent, i);
	return p;
}

/* False: nothing could be sent now. */
static bool send_one(struct flood *f)
{
	struct pbuf *p = frame_build(f);
	err_t err;

	if (!p)
		return false;
	err = virtio_net_send(p, (struct virtio_net_csum){ 0 });
	pbuf_free(p);
	f->sent += err == ERR_OK;
	return err == ERR_OK;
}

static uint64_t finish(struct flood *f, uint64_t now_us)
{
	uint64_t us = now_us > f->pace.start_us ? now_us - f->pace.start_us : 0;

	print("flood: done frames=%u bytes=%lu ms=%lu pps=%lu\n", f->sent,
	      (uint64_t)f->sent * f->length, us / 1000, us ? (uint64_t)f->sent * 1000000 / us : 0);
	mem_free(f);
	apps_client_end();
	return JOB_DONE;
}

static uint64_t flood_run(struct job *job, uint64_t now_us)
{
	struct flood *f = (struct flood *)job;
	uint64_t owed = pace_owed(&f->pace, now_us, f->sent);
	unsigned int room = virtio_net_room();

	for (; f->sent < f->count && owed && room; owed--, room--) {
		if (!send_one(f))
			return now_us +
			       1000; /* out of memory: the ring's completions will free some */
	}
	if (f->sent == f->count)
		return finish(f, now_us);
	return room ? pace_next_us(&f->pace, now_us, f->sent) : JOB_WAIT_ROOM;
}

void flood_start(const struct request *r)
{
	static uint32_t streams;
	struct flood *f = mem_calloc(1, sizeof(*f));

	if (!f) {
		print("flood: error out of memory\n");
		return;
	}
	memcpy(f->dst, r->mac, 6);
	f->stream = streams++;
	f->count = (uint32_t)request_option(r, OPTION_COUNT_OF, 1000);
	f->length = (uint16_t)LWIP_MAX(request_option(r, OPTION_LEN, RAW_FRAME_MAX), RAW_FRAME_MIN);
	pace_start(&f->pace, request_option(r, OPTION_BW, 0), f->length);
	f->job.run = flood_run;
	apps_client_begin();
	job_add(&f->job);
}
