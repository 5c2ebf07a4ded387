/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's one switch and what is plugged into it. */
#include "net/net.h"

#include "debug/log.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "mem/phys.h"
#include "net/poll.h"
#include "net/virtio_net.h"
#include "vm/vm.h"

static struct net_switch the_switch;

struct net_switch *net_switch(void)
{
	return &the_switch;
}

void net_init(void)
{
	poll_init(&the_switch);
}

int net_add_nic(struct vm *vm, unsigned int slot, unsigned int pin)
{
	struct virtio_net *vn = phys_alloc_hv(sizeof(*vn));
	int err = virtio_net_add(vn, &the_switch, vm, slot, pin);

	if (err) {
		log_warn("%s: no network card: error %d", vm->name, err);
		return err;
	}
	vm->vnic = vn;
	vn->port.apart = vm->kind == VM_DVM;
	if (vm->kind == VM_DVM && !the_switch.uplink)
		switch_set_uplink(&the_switch, &vn->port);
	return 0;
}

void net_set_links(bool up)
{
	for (unsigned int i = 0; i < vm_count; i++)
		if (vms[i]->vnic && vms[i]->kind == VM_GUEST)
			virtio_net_set_link(vms[i]->vnic, up);
}

void net_drain(struct vm *vm)
{
	struct port *port = &vm->vnic->port;

	for (int i = 0; i < VRING_SIZE_MAX && port->ops->take(port) > 0; i++)
		;
	poll_activate(port); /* receivers are told at the end of the next run */
}

void net_poll(void)
{
	poll_run();
}

bool net_end_rest(void)
{
	return poll_end_rest();
}

static struct virtio_net *card_of(struct port *port)
{
	for (unsigned int i = 0; i < vm_count; i++)
		if (vms[i]->vnic && &vms[i]->vnic->port == port)
			return vms[i]->vnic;
	return NULL;
}

static void show_port(struct port *port)
{
	const uint8_t *m = port->mac;
	struct virtio_net *vn = card_of(port);

	mon("%-11s %02x:%02x:%02x:%02x:%02x:%02x%s%s tx %lu/%lu bytes, rx %lu/%lu bytes",
	    port->name, m[0], m[1], m[2], m[3], m[4], m[5],
	    port == the_switch.uplink ? " uplink" : "", port->active ? " busy" : "",
	    port->tx.packets, port->tx.bytes, port->rx.packets, port->rx.bytes);
	for (int i = 0; i < DROP_REASONS; i++)
		if (port->drops[i])
			mon("  dropped, %s: %lu", port_drop_name(i), port->drops[i]);
	if (port->pushed_back)
		mon("  waited for the uplink: %lu", port->pushed_back);
	if (vn)
		mon("  features %lx, kicks %lu tx %lu rx, interrupts %lu, out of buffers %lu, "
		    "lent %u",
		    vn->pci.features, vn->pci.kicks[VNET_TX], vn->pci.kicks[VNET_RX], vn->pci.irqs,
		    vn->starvations, vn->lender.out);
}

static int monitor_net(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (unsigned int i = 0; i < the_switch.ports; i++)
		show_port(the_switch.port[i]);
	mon("switch: floods %lu (copies %lu), unknown %lu, learned %lu, uplink moves %lu",
	    the_switch.floods, the_switch.copies, the_switch.unknown, the_switch.learned,
	    the_switch.uplink_moves);
	mon("polls %lu, timer %lu", poll_counters.runs, poll_counters.timer);
	return 0;
}
MONITOR("net", "ports of the switch, their counters and drops", monitor_net);

static void json_counters(const char *way, const struct port_counters *c)
{
	json_begin_object(way);
	json_u64("packets", c->packets);
	json_u64("wire_frames", c->wire_frames);
	json_u64("bytes", c->bytes);
	json_end_object();
}

static void json_port(struct port *port)
{
	struct virtio_net *vn = card_of(port);

	json_begin_object(port->name);
	json_bool("uplink", port == the_switch.uplink);
	json_counters("tx", &port->tx);
	json_counters("rx", &port->rx);
	json_begin_object("drops");
	for (int i = 0; i < DROP_REASONS; i++)
		json_u64(port_drop_name(i), port->drops[i]);
	json_end_object();
	json_u64("pushed_back", port->pushed_back);
	if (vn) {
		json_u64("features", vn->pci.features);
		json_u64("tx_kicks", vn->pci.kicks[VNET_TX]);
		json_u64("rx_kicks", vn->pci.kicks[VNET_RX]);
		json_u64("interrupts", vn->pci.irqs);
		json_u64("starvations", vn->starvations);
		json_u64("lent", vn->lender.out);
	}
	json_end_object();
}

static void stats_net(void)
{
	json_begin_object("ports");
	for (unsigned int i = 0; i < the_switch.ports; i++)
		json_port(the_switch.port[i]);
	json_end_object();
	json_begin_object("switch");
	json_string("uplink", the_switch.uplink ? the_switch.uplink->name : "");
	json_u64("floods", the_switch.floods);
	json_u64("copies", the_switch.copies);
	json_u64("unknown", the_switch.unknown);
	json_u64("learned", the_switch.learned);
	json_u64("evicted", the_switch.evicted);
	json_u64("uplink_moves", the_switch.uplink_moves);
	json_u64("polls", poll_counters.runs);
	json_u64("poll_timer", poll_counters.timer);
	json_u64("poll_sleeps", poll_counters.sleeps);
	json_end_object();
}
STATS("net", stats_net);
