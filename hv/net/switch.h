/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Ethernet switch between the VMs' network cards and the uplink, the port that leads to the
 * wire.
 *
 * A port is locked to its own address: frames from it with another source, in Ethernet or in ARP,
 * are dropped and counted; so are those with another IPv4 sender where it has one of its own.
 *
 * A trunk may send any source address, and those are learned (bounded, least recently seen goes
 * first, forgotten after 5 minutes); one that is a locked port's is a frame come back, and dropped
 * (R13). Exactly one port is the uplink, which is always a trunk; switch_set_uplink() moves it in
 * one step. Broadcasts and multicasts go to every other port, frames to an unknown address to the
 * other trunks.
 *
 * Room: the uplink never drops a frame for lack of room but pushes it back (-EAGAIN, the frame
 * stays with its sender); any other port drops it, so that no guest can hold up another, and keeps
 * some for those who sent little (threshold.h). One copy, from the sender's memory to the
 * receiver's. All functions: interrupts off, one CPU at a time.
 */
#ifndef HV_NET_SWITCH_H
#define HV_NET_SWITCH_H

#include "net/packet.h"

#define SWITCH_PORTS_MAX 26
#define SWITCH_OWNERS    64  /* a power of two, larger than that */
#define SWITCH_MACS      256 /* learned addresses, in sets of SWITCH_WAYS */
#define SWITCH_WAYS      4
#define SWITCH_AGE_S     300
#define PORT_NAME_LEN    12

struct port;

/* What a port does. Called by the switch and the poll loop only. */
struct port_ops {
	/*
	 * Sends a frame out of the switch. 0; -EAGAIN: no room, come again (pkt->resume says how
	 * far it got); -ENOSPC: it will never fit, or room was waited for too long; another
	 * negative value: nobody is there. May hold back what it got until flush, so that a batch
	 * becomes one interrupt or one doorbell.
	 */
	int (*deliver)(struct port *port, struct packet *pkt);
	/* After a port pushed a frame back: is another try worth it? */
	bool (*has_room)(struct port *port);
	/* The end of a batch of deliver and take. */
	void (*flush)(struct port *port);
	/*
	 * Takes the next frame from the VM and gives it to switch_input(). Returns the frame's
	 * length, 0 when there is none, -EAGAIN when the frame was pushed back.
	 */
	int (*take)(struct port *port);
	/* Nothing came for a while: wait for a kick again. False: something just came. */
	bool (*sleep)(struct port *port);
};

enum port_drop {
	DROP_NO_BUFFER,   /* receiver has no room */
	DROP_DOWN,        /* receiver is not running, or has no driver */
	DROP_SPOOF,       /* source address is not the port's */
	DROP_SPOOF_IP,    /* nor is the sender of ARP or IPv4 (identity.h) */
	DROP_LOOP,        /* came back from the uplink */
	DROP_BAD_REQUEST, /* checksum or segmentation request that does not fit the frame */
	DROP_LENGTH,      /* too short or too long for a frame */
	DROP_FILTERED,    /* destination is behind the same port, or link-local */
	DROP_UNKNOWN,     /* unknown destination and no trunk to send it to */
	DROP_REASONS
};

/* tx: from the VM; rx: to the VM. wire: frames after segmentation. */
struct port_counters {
	uint64_t packets, wire_frames, bytes;
};

struct port {
	const struct port_ops *ops;
	char name[PORT_NAME_LEN];
	unsigned int id; /* in the switch */
	uint8_t mac[6];
	uint64_t address; /* the same as a number; the switch's */
	uint32_t ip;      /* IPv4 address that a locked port is locked to, or 0 */
	bool trunk;
	bool merges; /* takes TCP frames of IPv4 larger than the wire's, merged of several */
	/*
	 * Has a way of its own to what is behind another uplink (the driver VM, while the twin is
	 * the uplink): then no frame goes between the two (R13).
	 */
	bool apart;
	struct port_counters tx, rx;
	/*
	 * Packets of the sender; for the first two reasons wire frames that the receiver did not
	 * get.
	 */
	uint64_t drops[DROP_REASONS];
	uint64_t pushed_back; /* frames of this port that had to wait for the uplink */

	/* Wire frames whose work has not been paid for yet (net_charge()). */
	uint32_t moved;  /* by its VM */
	uint32_t served; /* of an uplink that queues: by the guests that they were of */
	uint32_t given;  /* by its VM to one that is apart, which spends time on them */

	/* The poll loop's (net/poll.c). */
	bool active, dirty, worked;
	bool blocked; /* its next frame waits for room in the uplink */
	int32_t deficit;
};

struct mac_entry {
	uint64_t mac;  /* 0: free */
	uint32_t seen; /* seconds */
	uint8_t port;
};

/*
 * Where a frame to one station went: the next one between the same two goes there too, unless a
 * table has changed since, or a second has passed, so that the source is learned again.
 */
struct switch_way {
	const struct port *from; /* NULL: none is known */
	struct port *to;
	uint8_t stations[12];
	uint64_t until; /* tsc */
};

/*
 * Nothing gets lost uncounted: tx of all ports + copies = rx of all ports + drops of the first two
 * reasons, in wire frames.
 */
struct net_switch {
	struct port *port[SWITCH_PORTS_MAX];
	unsigned int ports;
	struct port *uplink;
	bool overrun; /* a frame was dropped for want of room at its receiver; the reader clears */
	bool given;   /* some port has, see there; net_charge_dvm() clears */
	struct mac_entry macs[SWITCH_MACS];
	struct switch_way latest;
	uint8_t owners[SWITCH_OWNERS]; /* ports by their own address, hashed: id + 1, or 0 */
	uint64_t floods, unknown, learned, evicted, uplink_moves;
	uint64_t copies; /* wire frames given to a second or further port */
};

/* Adds a port whose ops, name and mac are set. -ENOSPC; -EEXIST: another one has this address. */
int switch_add(struct net_switch *sw, struct port *port);

/* Gives a port of the switch another address; if another port has it already, that one keeps it. */
void switch_set_address(struct net_switch *sw, struct port *port, const uint8_t mac[6]);

/*
 * Makes a port of the switch the uplink, or none with NULL. Forgets what was learned behind the
 * old one.
 */
void switch_set_uplink(struct net_switch *sw, struct port *port);

/*
 * A checked frame from a port. 0: forwarded, or dropped and counted; -EAGAIN: nothing happened
 * beyond pkt->resume, offer it again.
 */
int switch_input(struct net_switch *sw, struct port *from, struct packet *pkt);

/*
 * Does what comes from a trunk go to one locked port alone, and may it be merged there? A group's
 * frame does not, nor one whose source is a locked port's.
 */
bool switch_merges(const struct net_switch *sw, const struct packet *pkt);

/* A frame that never became a packet. */
static inline void port_drop(struct port *port, enum port_drop why)
{
	port->drops[why]++;
}

void port_count(struct port_counters *c, const struct packet *pkt);
const char *port_drop_name(enum port_drop why);

#endif
