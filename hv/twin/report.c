/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The twin in the monitor and in the statistics. */
#include "cpu/timer.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "twin/attach.h"
#include "twin/judge.h"
#include "twin/load.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/outage.h"
#include "twin/pool.h"
#include "twin/receive.h"
#include "twin/run.h"
#include "twin/stlb.h"
#include "twin/stuck.h"
#include "twin/supply.h"
#include "twin/transmit.h"
#include "twin/upcall.h"
#include "twin/uplink.h"
#include "twin/window.h"

static const char *engine_name(void)
{
	return twin_image.head ? judge_engine_name(twin_image.head->engine) : "none";
}

static int monitor_twin(int argc, char **argv)
{
	const struct attach_counts *c = attach_counts();
	struct receive_merged merged = receive_merged();

	(void)argc;
	(void)argv;
	mon("%s; attachments %lu, deaths %lu%s%s", attach_state_name(), c->attachments, c->deaths,
	    c->deaths ? ", last: " : "", c->last_why);
	mon("invocations %lu, interrupts %lu, polls %lu, packets %lu, warnings %lu",
	    run_counts.invocations, uplink_counts.interrupts, uplink_counts.polls,
	    uplink_counts.packets, run_counts.warns);
	mon("interrupts passed to the driver VM %lu, not the device's %lu", uplink_counts.passed,
	    uplink_counts.not_ours);
	mon("received %lu frames: %lu to guests, %lu to the driver VM, %lu dropped, %lu too large "
	    "for guests",
	    receive_counts.frames, receive_counts.to_guests, receive_counts.to_dvm,
	    receive_counts.dropped, receive_counts.too_large);
	mon("merged %lu of them into %lu frames; a later one stood for %lu acknowledgements",
	    merged.segments, merged.frames, merged.acks);
	mon("transmitted %lu of %lu queued (%lu for the card to cut, %lu on the wire); stopped "
	    "%lu, busy %lu, locked %lu, no buffer %lu",
	    transmit_counts.sent, transmit_counts.queued, transmit_counts.large,
	    transmit_counts.wire, transmit_counts.stopped, transmit_counts.busy,
	    transmit_counts.locked, transmit_counts.no_buffer);
	mon("not copied %lu frames of %lu bytes; lent now %u, the card was asked about %lu; copied "
	    "as the card does not reach them %lu",
	    loan_counts.frames, loan_counts.bytes, loan_out(), loan_counts.orphans,
	    loan_counts.far);
	mon("stood still: transmit %lu, receive %lu; the driver VM ended for that %lu times",
	    stuck_counts.transmit, stuck_counts.receive, stuck_counts.dvm);
	mon("window: %lu pages, fills %lu (large %lu, registers %lu), dropped %lu, refused %lu",
	    window_pages(), window_stats.fills, window_stats.large_fills, window_stats.bar_fills,
	    window_stats.dropped, window_stats.refused);
	mon("engine %s", engine_name());
	if (stlb_is_open())
		mon("stlb: misses %lu, of another page's entry %lu, refused %lu, faults %lu, "
		    "flushes %lu",
		    stlb_stats.misses, stlb_stats.replaced, stlb_stats.refused, stlb_stats.faults,
		    stlb_stats.flushes);
	mon("pool: %u skbs, %u heads, %u fragments of %u bytes, %u pages, %u out, %u too small; "
	    "given %lu, leaked %lu (and %lu of the driver VM's own), empty %lu, renewed %lu",
	    pool_level(CASTOR_SKB), pool_level(CASTOR_HEAD), pool_level(CASTOR_FRAG),
	    pool_need(CASTOR_FRAG), pool_level(CASTOR_PAGE), pool_out(), pool_stale(),
	    pool_counts.given, pool_counts.leaked, pool_counts.foreign, pool_counts.empty,
	    pool_counts.renewed);
	if (twin_att.netdev)
		mon("the driver's data: net_device %lx, napi %lx; direct map from %lx",
		    twin_att.netdev, twin_att.napi, twin_att.page_offset_base);
	mon("the driver VM is trusted: it owns a DMA engine, and no IOMMU confines it");
	return 0;
}
MONITOR("twin", "state and counters of the twin", monitor_twin);

static void stats_twin(void)
{
	const struct attach_counts *c = attach_counts();
	struct receive_merged merged = receive_merged();

	json_string("state", attach_state_name());
	json_string("last_death", c->last_why);
	json_u64("attachments", c->attachments);
	json_u64("deaths", c->deaths);
	outage_stats();
	json_u64("stuck_tx", stuck_counts.transmit);
	json_u64("stuck_rx", stuck_counts.receive);
	json_u64("stuck_dvm", stuck_counts.dvm);
	json_u64("invocations", run_counts.invocations);
	json_u64("us", run_counts.tsc * 1000 / tsc_khz);
	json_u64("interrupts", uplink_counts.interrupts);
	json_u64("irqs_passed", uplink_counts.passed);
	json_u64("polls", uplink_counts.polls);
	json_u64("tx_packets", transmit_counts.sent);
	json_u64("rx_packets", receive_counts.frames);
	json_u64("rx_to_guests", receive_counts.to_guests);
	json_u64("rx_to_dvm", receive_counts.to_dvm);
	json_u64("rx_own", receive_counts.own);
	json_u64("rx_merged", merged.frames);
	json_u64("rx_merged_segments", merged.segments);
	json_u64("rx_acks_left_out", merged.acks);
	json_u64("rx_too_large", receive_counts.too_large);
	json_u64("tx_queued", transmit_counts.queued);
	json_u64("tx_large", transmit_counts.large);
	json_u64("tx_wire", transmit_counts.wire);
	json_u64("tx_lent", loan_counts.frames);
	json_u64("tx_lent_bytes", loan_counts.bytes);
	json_u64("tx_far", loan_counts.far);
	json_u64("tx_far_bytes", loan_counts.far_bytes);
	json_u64("loans", loan_out());
	json_u64("loans_orphaned", loan_counts.orphans);
	json_u64("tx_discarded", transmit_counts.discarded);
	json_u64("tx_stopped", transmit_counts.stopped);
	json_u64("tx_busy", transmit_counts.busy);
	json_u64("tx_own", transmit_counts.own);
	json_u64("jiffies", run_counts.jiffies);
	json_u64("jiffies_ahead", run_counts.jiffies_ahead);
	json_u64("window_faults", run_counts.faults);
	json_u64("window_fills", window_stats.fills);
	json_u64("window_dropped", window_stats.dropped);
	json_string("engine", engine_name());
	json_u64("stlb_misses", stlb_stats.misses);
	json_u64("stlb_replaced", stlb_stats.replaced);
	json_u64("stlb_faults", stlb_stats.faults);
	json_u64("upcalls", upcall_total());
	json_u64("pool_skb", pool_level(CASTOR_SKB));
	json_u64("pool_head", pool_level(CASTOR_HEAD));
	json_u64("pool_frag", pool_level(CASTOR_FRAG));
	json_u64("pool_page", pool_level(CASTOR_PAGE));
	json_u64("pool_tied", pool_tied());
	json_u64("pool_empty", pool_counts.empty);
	json_u64("pool_leaked", pool_counts.leaked);
	json_u64("pool_frag_bytes", pool_need(CASTOR_FRAG));
	json_bool("pool_adds_up", supply_adds_up());
}
STATS("twin", stats_twin);
