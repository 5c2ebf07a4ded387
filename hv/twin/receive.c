/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The native napi_gro_receive(): receive demultiplexing. */
#include "twin/receive.h"

#include "kernel_abi.h"
#include "lib/string.h"
#include "net/net.h"
#include "net/switch.h"
#include "twin/castor.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/uplink.h"

#define GRO_NORMAL 3

struct receive_counts receive_counts;

static bool is_group(const uint8_t *dst)
{
	return dst[0] & 1;
}

/* The skb and its buffer change hands: they leave the table before the driver VM can free them. */
static void give_to_dvm(dva_t skb)
{
	struct pool_object *o = pool_find(skb), *data = NULL;
	struct castor_slot slot = { .dva = skb, .kind = CASTOR_SKB };

	if (!o)
		native_kill("received skb %lx is not ours", skb);
	if (!castor_room(CASTOR_RING_RX)) {
		receive_counts.dropped++;
		skb_recycle_rx(skb);
		return;
	}
	if (o->kind == CASTOR_HEAD)
		data = pool_find(GET(o->hva, SK_BUFF_HEAD));
	if (data)
		pool_give(data);
	pool_give(o);
	castor_push(CASTOR_RING_RX, &slot);
	receive_counts.to_dvm++;
}

/* A copy for each guest that should have it. */
static void give_to_guests(const struct skb_frame *f)
{
	struct packet_seg seg = { f->frame, f->len };
	struct packet pkt;

	packet_from_segs(&pkt, &seg, 1, 0, f->len);
	if (switch_input(net_switch(), uplink_port(), &pkt) == 0)
		receive_counts.to_guests++;
}

static uint32_t native_napi_gro_receive(dva_t napi, dva_t skb)
{
	struct skb_frame f;
	bool group, own;

	(void)napi;
	if (skb_frame_of(skb, &f))
		native_kill("received skb %lx is inconsistent", skb);
	receive_counts.frames++;
	receive_counts.bytes += f.len;
	group = is_group(f.frame);
	own = uplink_is_dvm_address(f.frame);
	receive_counts.own += own;
	if (group || !own)
		give_to_guests(&f);
	if (group || own)
		give_to_dvm(skb);
	else
		skb_recycle_rx(skb);
	return GRO_NORMAL;
}
NATIVE("napi_gro_receive", native_napi_gro_receive);
