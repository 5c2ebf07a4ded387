// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * witness MAC...: counts, inside the driver VM, the frames from or to these addresses that its
 * kernel hands to packet sockets, on every interface but lo. The kernel's filter picks them and
 * the kernel counts them, so a frame that is not a guest's costs a few instructions, and nothing
 * is lost when there are many.
 *
 * Each reader of /run/witness gets one line with the totals since the start:
 *
 *     witness eth0=12/1 br0=12/1 v0=12/1 end
 *
 * NAME=UNICAST/GROUP: frames to one station, and to a group (address resolution: what every
 * station hears).
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIFO       "/run/witness"
#define MACS_MAX   12
#define WATCH_MAX  8
#define INSNS_MAX  (2 + 8 * MACS_MAX + 2)
#define SETTLE_US  10000
#define OFFSET_DST 0
#define OFFSET_SRC 6

static struct watch {
	char name[IF_NAMESIZE];
	int fd[2]; /* unicast, group */
	uint64_t frames[2];
} watch[WATCH_MAX];
static unsigned int watches;

static unsigned char mac[MACS_MAX][6];
static unsigned int macs;

static struct sock_filter insn[INSNS_MAX];
static unsigned int insns;

static void emit(uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	insn[insns++] = (struct sock_filter){ code, yes, no, k };
}

/* Is the address at that offset this one? Yes: to `accept`; no: to what follows. */
static void emit_compare(const unsigned char *m, uint32_t offset, unsigned int accept)
{
	emit(BPF_LD | BPF_W | BPF_ABS, offset + 2, 0, 0);
	emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)m[2] << 24 | m[3] << 16 | m[4] << 8 | m[5], 0, 2);
	emit(BPF_LD | BPF_H | BPF_ABS, offset, 0, 0);
	emit(BPF_JMP | BPF_JEQ | BPF_K, m[0] << 8 | m[1], accept - insns - 1, 0);
}

/* Accepts with one byte: the frame's contents are of no interest. */
static void make_filter(bool group)
{
	unsigned int reject = 2 + 8 * macs, accept = reject + 1;

	insns = 0;
	emit(BPF_LD | BPF_B | BPF_ABS, OFFSET_DST, 0, 0);
	emit(BPF_JMP | BPF_JSET | BPF_K, 1, group ? 0 : reject - 2, group ? reject - 2 : 0);
	for (unsigned int i = 0; i < macs; i++) {
		emit_compare(mac[i], OFFSET_DST, accept);
		emit_compare(mac[i], OFFSET_SRC, accept);
	}
	emit(BPF_RET | BPF_K, 0, 0, 0);
	emit(BPF_RET | BPF_K, 1, 0, 0);
}

/* It takes frames only once it is bound, so none passes before the filter is there. */
static int open_socket(unsigned int ifindex, bool group)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = ifindex };
	struct sock_fprog filter = { .filter = insn };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int room = 1; /* the least: nothing is read */

	make_filter(group);
	filter.len = insns;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "packet socket");
	return fd;
}

static void watch_all(void)
{
	struct if_nameindex *list = if_nameindex();

	if (!list)
		err(1, "interfaces");
	for (struct if_nameindex *i = list; i->if_index && watches < WATCH_MAX; i++) {
		if (strcmp(i->if_name, "lo") == 0)
			continue;
		snprintf(watch[watches].name, IF_NAMESIZE, "%s", i->if_name);
		watch[watches].fd[0] = open_socket(i->if_index, false);
		watch[watches].fd[1] = open_socket(i->if_index, true);
		watches++;
	}
	if_freenameindex(list);
}

/* The kernel's counter starts anew at each reading; frames without room in the queue included. */
static void count(struct watch *w)
{
	for (int g = 0; g < 2; g++) {
		struct tpacket_stats s;
		socklen_t len = sizeof(s);

		if (getsockopt(w->fd[g], SOL_PACKET, PACKET_STATISTICS, &s, &len))
			err(1, "statistics of %s", w->name);
		w->frames[g] += s.tp_packets;
	}
}

static void answer(int fd)
{
	dprintf(fd, "witness");
	for (struct watch *w = watch; w < watch + watches; w++) {
		count(w);
		dprintf(fd, " %s=%lu/%lu", w->name, w->frames[0], w->frames[1]);
	}
	dprintf(fd, " end\n");
}

/* A reader that has not yet noticed the end when the next answer begins gets the line twice. */
static void serve(void)
{
	int fd = open(FIFO, O_WRONLY); /* waits for a reader */

	if (fd < 0)
		err(1, FIFO);
	answer(fd);
	close(fd);
	usleep(SETTLE_US);
}

static void usage(FILE *to)
{
	fputs("usage: witness MAC...\n"
	      "Counts frames from or to these addresses; each reader of " FIFO
	      " gets the totals.\n",
	      to);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	for (int i = 1; i < argc && macs < MACS_MAX; i++, macs++) {
		unsigned char *m = mac[macs];

		if (sscanf(argv[i], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4,
			   m + 5) != 6)
			errx(1, "not an address: %s", argv[i]);
	}
	if (!macs) {
		usage(stderr);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader may be gone before its answer */
	watch_all();
	unlink(FIFO);
	if (mkfifo(FIFO, 0600))
		err(1, FIFO);
	if (daemon(0, 1))
		err(1, "daemon");
	for (;;)
		serve();
}
