/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges each frame that comes in on an interface, until SIGTERM:
 *
 *   wire-judge INTERFACE MAC IPV4 KNOWN_MAC...
 *
 * MAC is the guest whose frames it is about: it must not send ARP or IPv4 of another sender than
 * IPV4, nor a MAC that is not its own, and what it sends to 02:00:00:00:00:01 must be as
 * hostile/offers.c makes it (unless it lies: the test knows). The others are KNOWN_MAC.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ether.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tally.h"

#define BUFFER_BYTES (256 << 20) /* of the socket: no frame may be missed */
#define FRAME_MAX    1518
#define VLAN_HLEN    4
#define KNOWN_MAX    8

static const uint8_t nobody[] = { 2, 0, 0, 0, 0, 1 };

static uint8_t known[KNOWN_MAX][6], ip[4];
static int nr_known; /* the sample is the guest */
static struct tally good;
static uint64_t all, foreign, spoofed, large;
static char sample[3 * 64 + 1]; /* the last frame that was wrong, bytes of it */
static volatile sig_atomic_t over;

static void end(int sig)
{
	(void)sig;
	over = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void remember(const uint8_t *f, size_t len)
{
	for (size_t i = 0; i < len && i < 64; i++)
		sprintf(sample + 3 * i, "%02x ", f[i]);
}

static bool is_own(const uint8_t *sender)
{
	static const uint8_t none[4];

	return memcmp(sender, ip, 4) == 0 || memcmp(sender, none, 4) == 0;
}

/* What the guest says of itself in ARP and IPv4, behind a tag too. */
static bool identity_holds(const uint8_t *f, size_t len)
{
	size_t l3 = f[12] == 0x81 && f[13] == 0 && len >= 18 ? 18 : 14;
	unsigned int type = f[l3 - 2] << 8 | f[l3 - 1];

	if (type == ETHERTYPE_ARP)
		return len >= l3 + 28 && memcmp(f + l3 + 8, known[0], 6) == 0 &&
		       is_own(f + l3 + 14);
	if (type == ETHERTYPE_IP)
		return len >= l3 + 20 && is_own(f + l3 + 12);
	return type != ETHERTYPE_VLAN && type != 0x88a8;
}

static void judge(const uint8_t *f, size_t len)
{
	int i = 0;

	all++;
	while (i < nr_known && memcmp(f + 6, known[i], 6) != 0)
		i++;
	if (i == nr_known) {
		foreign++;
		remember(f, len);
		return;
	}
	if (i)
		return;
	if (!identity_holds(f, len)) {
		spoofed++;
		remember(f, len);
	}
	large += len > FRAME_MAX;
	if (memcmp(f, nobody, 6) == 0 && !tally_frame(&good, f, (uint32_t)len, false) && !spoofed)
		remember(f, len);
}

/* A tag that the kernel took off is put back. False: there was no frame. */
static bool receive(int s, int flags)
{
	static uint8_t f[1 << 17];
	struct sockaddr_ll from;
	char control[256];
	struct iovec iov = { f + VLAN_HLEN, sizeof(f) - VLAN_HLEN };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s, &m, flags);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct tpacket_auxdata aux = { 0 };

	if (n < ETH_HLEN || from.sll_pkttype == PACKET_OUTGOING)
		return n >= 0;
	if (c && c->cmsg_type == PACKET_AUXDATA)
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) {
		judge(f + VLAN_HLEN, (size_t)n);
		return true;
	}
	memmove(f, f + VLAN_HLEN, 12);
	uint16_t tag[2] = { htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
									    : ETHERTYPE_VLAN),
			    htons(aux.tp_vlan_tci) };
	memcpy(f + 12, tag, sizeof(tag));
	judge(f, (size_t)n + VLAN_HLEN);
	return true;
}

static int open_socket(const char *name)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0), one = 1, bytes = BUFFER_BYTES;
	struct timeval look = { .tv_usec = 100000 }; /* for the signal */
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	at.sll_ifindex = (int)if_nametoindex(name);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look)) ||
	    setsockopt(s, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)))
		die(name);
	return s;
}

static void report(int s)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		die("statistics");
	printf("all=%lu foreign=%lu spoofed=%lu large=%lu missed=%u frames=%lu bytes=%lu ends=%lu "
	       "wrong=%lu sample=%s\n",
	       all, foreign, spoofed, large, stats.tp_drops, good.frames, good.bytes, good.ends,
	       good.wrong, sample);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = end };
	int s;

	for (int i = 2; i < argc; i++) {
		struct ether_addr *mac = i == 3 ? NULL : ether_aton(argv[i]);

		if (i == 3 ? !inet_aton(argv[i], (struct in_addr *)ip) : !mac)
			return 2;
		if (mac && nr_known < KNOWN_MAX)
			memcpy(known[nr_known++], mac, 6);
	}
	if (argc < 4)
		return 2;
	s = open_socket(argv[1]);
	sigaction(SIGTERM, &act, NULL);
	puts("judging");
	fflush(stdout);
	while (!over)
		receive(s, 0);
	while (receive(s, MSG_DONTWAIT))
		;
	report(s);
	return 0;
}
