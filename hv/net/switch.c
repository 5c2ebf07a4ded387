/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Ethernet switch. */
#include "net/switch.h"

#include "cpu/timer.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/identity.h"

/*
 * Addresses are numbers of 48 bits, the first byte the lowest.
 * 01:80:c2:00:00:0x is for the two ends of one link (IEEE 802.1Q 8.6.3).
 */
#define LINK_LOCAL      0x000000c28001UL
#define LINK_LOCAL_MASK 0xf0ffffffffffUL
#define GROUP_BIT       0x000000000001UL

static uint64_t get_mac(const uint8_t p[6])
{
	uint32_t low;
	uint16_t high;

	__builtin_memcpy(&low, p, sizeof(low));
	__builtin_memcpy(&high, p + sizeof(low), sizeof(high));
	return low | (uint64_t)high << 32;
}

static bool is_group(uint64_t mac)
{
	return mac & GROUP_BIT;
}

static uint32_t seconds(void)
{
	return tsc_now() / (tsc_khz * 1000);
}

static struct mac_entry *mac_set(struct net_switch *sw, uint64_t mac)
{
	uint64_t hash = mac * 0x9e3779b97f4a7c15UL >> 32;

	return &sw->macs[hash % (SWITCH_MACS / SWITCH_WAYS) * SWITCH_WAYS];
}

static struct mac_entry *mac_find(struct net_switch *sw, uint64_t mac)
{
	struct mac_entry *e = mac_set(sw, mac);

	for (int i = 0; i < SWITCH_WAYS; i++)
		if (e[i].mac == mac && seconds() - e[i].seen < SWITCH_AGE_S)
			return &e[i];
	return NULL;
}

/* Each change of a table, and of who is the uplink, does this. */
static void forget_way(struct net_switch *sw)
{
	sw->latest.from = NULL;
}

/*
 * Takes the place of the address not seen for the longest time; a flood of addresses only spoils
 * the table.
 */
static void mac_learn(struct net_switch *sw, uint64_t mac, const struct port *port)
{
	struct mac_entry *e = mac_set(sw, mac), *old = e;

	for (int i = 0; i < SWITCH_WAYS; i++) {
		if (e[i].mac == mac) {
			if (e[i].port != port->id)
				forget_way(sw);
			e[i].seen = seconds();
			e[i].port = port->id;
			return;
		}
		if (!e[i].mac || (old->mac && e[i].seen < old->seen))
			old = &e[i];
	}
	forget_way(sw);
	if (old->mac)
		sw->evicted++;
	sw->learned++;
	*old = (struct mac_entry){ mac, seconds(), port->id };
}

static bool is_trunk(const struct net_switch *sw, const struct port *port)
{
	return port->trunk || port == sw->uplink;
}

/* Where the search for an address begins; there always is a free place that ends it. */
static unsigned int owner_place(const struct net_switch *sw, uint64_t mac)
{
	unsigned int i = mac * 0x9e3779b97f4a7c15UL >> 32 & (SWITCH_OWNERS - 1);

	while (sw->owners[i] && sw->port[sw->owners[i] - 1]->address != mac)
		i = (i + 1) & (SWITCH_OWNERS - 1);
	return i;
}

/* The locked port that owns an address, or NULL. */
static struct port *owner(const struct net_switch *sw, uint64_t mac)
{
	uint8_t n = sw->owners[owner_place(sw, mac)];

	return n && !is_trunk(sw, sw->port[n - 1]) ? sw->port[n - 1] : NULL;
}

/* Of two ports with one address the first has it. */
static void find_owners(struct net_switch *sw)
{
	forget_way(sw);
	memset(sw->owners, 0, sizeof(sw->owners));
	for (unsigned int i = 0; i < sw->ports; i++) {
		unsigned int place = owner_place(sw, sw->port[i]->address);

		if (!sw->owners[place])
			sw->owners[place] = i + 1;
	}
}

int switch_add(struct net_switch *sw, struct port *port)
{
	port->address = get_mac(port->mac);
	if (sw->owners[owner_place(sw, port->address)])
		return -EEXIST;
	if (sw->ports == SWITCH_PORTS_MAX)
		return -ENOSPC;
	port->id = sw->ports;
	sw->port[sw->ports++] = port;
	find_owners(sw);
	return 0;
}

void switch_set_address(struct net_switch *sw, struct port *port, const uint8_t mac[6])
{
	memcpy(port->mac, mac, sizeof(port->mac));
	port->address = get_mac(mac);
	find_owners(sw);
}

void switch_set_uplink(struct net_switch *sw, struct port *port)
{
	if (sw->uplink == port)
		return;
	for (unsigned int i = 0; i < SWITCH_MACS; i++)
		if (sw->uplink && sw->macs[i].port == sw->uplink->id)
			sw->macs[i].mac = 0;
	for (unsigned int i = 0; i < sw->ports; i++)
		sw->port[i]->blocked = false;
	forget_way(sw);
	sw->uplink = port;
	sw->uplink_moves++;
}

void port_count(struct port_counters *c, const struct packet *pkt)
{
	c->packets++;
	c->wire_frames += packet_wire_frames(pkt);
	c->bytes += pkt->len;
}

/* The sender's fault or luck: counted, and not forwarded. */
static int drop(struct port *from, enum port_drop why)
{
	port_drop(from, why);
	return -ENOENT;
}

/* The receiver did not get what is left of it. */
static void lost(struct net_switch *sw, struct port *to, const struct packet *pkt, int err)
{
	bool full = err == -EAGAIN || err == -ENOSPC;

	to->drops[full ? DROP_NO_BUFFER : DROP_DOWN] += packet_frames_left(pkt);
	sw->overrun |= full;
}

static void count_given(struct net_switch *sw, struct port *from, const struct packet *pkt)
{
	from->given += packet_wire_frames(pkt);
	sw->given = true;
}

/* To a port that is not the uplink, which gets all of it. */
static inline void send(struct net_switch *sw, struct port *to, struct packet *pkt)
{
	struct port *from = sw->port[pkt->sender];
	int err;

	pkt->resume = 0;
	err = to->ops->deliver(to, pkt);
	to->dirty = true;
	if (is_trunk(sw, from))
		to->moved += packet_wire_frames(pkt);
	else if (to->apart && !err)
		count_given(sw, from, pkt);
	if (err)
		lost(sw, to, pkt, err);
}

/* To the uplink, for the first or a further time. */
static int send_up(struct net_switch *sw, struct packet *pkt)
{
	struct port *uplink = sw->uplink;
	int err = uplink->ops->deliver(uplink, pkt);

	uplink->dirty = true;
	if (err && err != -EAGAIN)
		lost(sw, uplink, pkt, err);
	return err == -EAGAIN ? err : 0;
}

static int send_to(struct net_switch *sw, struct port *to, struct packet *pkt)
{
	if (to == sw->uplink)
		return send_up(sw, pkt);
	send(sw, to, pkt);
	return 0;
}

static bool are_apart(const struct net_switch *sw, const struct port *a, const struct port *b)
{
	return (a->apart && b == sw->uplink) || (b->apart && a == sw->uplink);
}

/*
 * The uplink first: if it pushes the frame back nobody has got it yet, so that nobody gets it
 * twice.
 */
static int flood(struct net_switch *sw, struct port *from, struct packet *pkt, bool trunks_only)
{
	unsigned int copies = 0;

	if (sw->uplink && from != sw->uplink && !are_apart(sw, from, sw->uplink)) {
		if (send_up(sw, pkt))
			return -EAGAIN;
		copies++;
	}
	for (unsigned int i = 0; i < sw->ports; i++) {
		struct port *to = sw->port[i];

		if (to == from || to == sw->uplink || are_apart(sw, from, to) ||
		    (trunks_only && !is_trunk(sw, to)))
			continue;
		send(sw, to, pkt);
		copies++;
	}
	if (!copies)
		return drop(from, DROP_UNKNOWN);
	sw->copies += (copies - 1) * packet_wire_frames(pkt);
	return 0;
}

/* Whether the source may send this; learns it. */
static int admit(struct net_switch *sw, struct port *from, const struct packet *pkt, uint64_t src)
{
	if (!is_trunk(sw, from)) {
		if (src != from->address)
			return drop(from, DROP_SPOOF);
		return identity_holds(pkt, from->ip) ? 0 : drop(from, DROP_SPOOF_IP);
	}
	if (is_group(src) || owner(sw, src))
		return drop(from, DROP_LOOP);
	mac_learn(sw, src, from);
	return 0;
}

static int forward(struct net_switch *sw, struct port *from, struct packet *pkt, uint64_t dst)
{
	struct port *to = owner(sw, dst);
	struct mac_entry *e;

	if (!to) {
		e = mac_find(sw, dst);
		if (!e) {
			sw->unknown++;
			return flood(sw, from, pkt, true);
		}
		to = sw->port[e->port];
	}
	if (to == from || are_apart(sw, from, to))
		return drop(from, DROP_FILTERED);
	sw->latest = (struct switch_way){ .from = from, .to = to };
	sw->latest.until = tsc_now() + tsc_khz * 1000;
	memcpy(sw->latest.stations, pkt->head, sizeof(sw->latest.stations));
	return send_to(sw, to, pkt);
}

/* The receiver of a frame that goes where the latest went; NULL: it has to be looked for. */
static struct port *known_way(const struct net_switch *sw, const struct port *from,
			      const struct packet *pkt)
{
	const struct switch_way *way = &sw->latest;

	if (way->from != from || tsc_now() >= way->until ||
	    __builtin_memcmp(way->stations, pkt->head, sizeof(way->stations)) != 0)
		return NULL;
	return is_trunk(sw, from) || identity_holds(pkt, from->ip) ? way->to : NULL;
}

static __noinline int find_way(struct net_switch *sw, struct port *from, struct packet *pkt)
{
	uint64_t dst = get_mac(pkt->head), src = get_mac(pkt->head + 6);
	int err = admit(sw, from, pkt, src);

	if (err)
		return err;
	if ((dst & LINK_LOCAL_MASK) == LINK_LOCAL)
		return drop(from, DROP_FILTERED);
	if (!is_group(dst))
		return forward(sw, from, pkt, dst);
	sw->floods++;
	return flood(sw, from, pkt, false);
}

static int route(struct net_switch *sw, struct port *from, struct packet *pkt)
{
	struct port *to = known_way(sw, from, pkt);

	return to ? send_to(sw, to, pkt) : find_way(sw, from, pkt);
}

int switch_input(struct net_switch *sw, struct port *from, struct packet *pkt)
{
	int err;

	pkt->sender = from->id;
	err = route(sw, from, pkt);
	if (err == -EAGAIN) {
		from->pushed_back++;
		return err;
	}
	if (!err)
		port_count(&from->tx, pkt);
	return 0;
}

bool switch_merges(const struct net_switch *sw, const struct packet *pkt)
{
	uint64_t src = get_mac(pkt->head + 6);
	const struct port *to = owner(sw, get_mac(pkt->head));

	return to && to->merges && !is_group(src) && !owner(sw, src);
}

const char *port_drop_name(enum port_drop why)
{
	static const char *const names[DROP_REASONS] = {
		[DROP_NO_BUFFER] = "no_buffer", [DROP_DOWN] = "down",
		[DROP_SPOOF] = "spoof",         [DROP_SPOOF_IP] = "spoof_ip",
		[DROP_LOOP] = "loop",           [DROP_BAD_REQUEST] = "bad_request",
		[DROP_LENGTH] = "length",       [DROP_FILTERED] = "filtered",
		[DROP_UNKNOWN] = "unknown",
	};

	return why < DROP_REASONS ? names[why] : "?";
}
