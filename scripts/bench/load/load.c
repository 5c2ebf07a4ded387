/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The benchmark's generator, for a Linux that is measured, and its peer.
 *
 *	load serve				the peer
 *	load WORKLOAD PEER COUNT [windows=N] [check]
 *	load mark N				a mark alone
 *
 * WORKLOAD and what COUNT counts: udp-tx, udp-rx datagrams of 64 bytes (rx: in bursts of 64, one
 * asked for after the other); udp-rr pairs, one at a time; ping echoes of 64 bytes, answered by the
 * peer's kernel, one at a time; tcp-tx, tcp-rx KiB, in calls of 128 KiB.
 * Each window lies between two marks, which a counting emulator knows (scripts/profile/machine.c);
 * one line `load: WORKLOAD units=N bytes=N ns=N lost=N bad=N tsc=N` follows, tsc: ticks of the time
 * stamp counter between the marks; behind a ping's the round trips in ns, ` p50=N p99=N`. check:
 * each word of TCP's data is made and compared, which costs; datagrams are made and compared
 * always, at the peer, echoes here.
 * Exit status 0; 1 when data was damaged or the peer is gone; 2 for a wrong command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "wire.h"

#define BURST           64
#define WARM_UP         256         /* datagrams */
#define WARM_BYTES      (4UL << 20) /* of TCP: its window is open then */
#define SETTLE_US       50000
#define PATIENCE_UDP_MS 1000 /* behind a lost datagram */
/* nopl MARK(%rax), MARK = 0x504f0000 + number */
#define MARK(n) asm volatile(".byte 0x0f, 0x1f, 0x80\n\t.long 0x504f0000 + %c0" ::"i"(n) : "memory")
#define BEGIN   1
#define END     2

struct job {
	const char *peer;
	uint64_t count; /* of the workload's unit */
	bool check;
	uint64_t lost, bad; /* of the last window */
	uint64_t *trips;    /* of the last window, if it had any: ns of each, sorted */
	int control, udp;
};

static uint64_t buffer[CHUNK / 8];
static uint64_t ticks; /* of the last window */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static void begin(uint64_t *ns)
{
	*ns = now_ns();
	ticks = __builtin_ia32_rdtsc();
	MARK(BEGIN);
}

static void end(uint64_t *ns)
{
	MARK(END);
	ticks = __builtin_ia32_rdtsc() - ticks;
	*ns = now_ns() - *ns;
}

static void dial(struct job *j)
{
	struct sockaddr_in a = address_of(j->peer, CONTROL);
	int one = 1;

	j->control = socket(AF_INET, SOCK_STREAM, 0);
	if (j->control < 0 || connect(j->control, (void *)&a, sizeof(a)))
		die(j->peer);
	setsockopt(j->control, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	set_patience(j->control, PATIENCE_S * 1000);
}

/* The peer's answer is its port. */
static void dial_udp(struct job *j)
{
	struct sockaddr_in a;
	char line[LINE];
	int bytes = RECEIVE_BUFFER;
	unsigned int port;

	if (!read_line(j->control, line) || sscanf(line, "port %u", &port) != 1) {
		fprintf(stderr, "load: the peer answers '%s'\n", line);
		exit(1);
	}
	a = address_of(j->peer, port);
	j->udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (j->udp < 0 || connect(j->udp, (void *)&a, sizeof(a)))
		die("socket");
	setsockopt(j->udp, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	set_patience(j->udp, PATIENCE_UDP_MS);
}

static void read_result(struct job *j, uint64_t expected)
{
	char line[LINE];
	uint64_t got;

	if (!read_line(j->control, line) || sscanf(line, "got %lu bad %lu", &got, &j->bad) != 2) {
		fprintf(stderr, "load: the peer answers '%s'\n", line);
		exit(1);
	}
	j->lost = expected - got;
}

static void udp_send(struct job *j, uint64_t number)
{
	datagram_fill(buffer, number);
	if (send(j->udp, buffer, DATAGRAM, 0) != DATAGRAM)
		die("send");
}

static uint64_t udp_tx(struct job *j)
{
	uint64_t ns;

	say(j->control, "udp-sink\n");
	dial_udp(j);
	for (uint64_t i = 0; i < WARM_UP; i++)
		udp_send(j, i);
	usleep(SETTLE_US);
	begin(&ns);
	for (uint64_t i = 0; i < j->count; i++)
		udp_send(j, WARM_UP + i);
	end(&ns);
	usleep(SETTLE_US);
	say(j->control, "stop\n");
	read_result(j, j->count + WARM_UP);
	return ns;
}

/* Those of one burst that come; what follows a lost one is waited for in vain, once. */
static void receive_burst(struct job *j, uint64_t first)
{
	uint64_t next = first;

	while (next < first + BURST) {
		ssize_t n = recv(j->udp, buffer, sizeof(buffer), 0);
		uint64_t number = buffer[0];

		if (n < 0)
			break;
		if (n != DATAGRAM || (j->check && datagram_number(buffer, n) < 0) ||
		    number < next || number >= first + BURST) {
			j->bad++;
			continue;
		}
		j->lost += number - next;
		next = number + 1;
	}
	j->lost += first + BURST - next;
}

static void receive_bursts(struct job *j, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i += BURST) {
		if (send(j->udp, buffer, 1, 0) != 1)
			die("send");
		receive_burst(j, i);
	}
}

static uint64_t udp_rx(struct job *j)
{
	uint64_t ns;

	j->count = (j->count + BURST - 1) / BURST * BURST;
	say(j->control, "udp-source %lu %d\n", j->count + WARM_UP, BURST);
	dial_udp(j);
	receive_bursts(j, 0, WARM_UP);
	begin(&ns);
	receive_bursts(j, WARM_UP, j->count);
	end(&ns);
	return ns;
}

static void pairs(struct job *j, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		ssize_t n;

		udp_send(j, i);
		n = recv(j->udp, buffer, sizeof(buffer), 0);
		if (n < 0)
			j->lost++;
		else
			j->bad += datagram_number(buffer, n) != (int64_t)i;
	}
}

static uint64_t udp_rr(struct job *j)
{
	uint64_t ns;

	say(j->control, "udp-echo\n");
	dial_udp(j);
	pairs(j, 0, 20);
	begin(&ns);
	pairs(j, 20, j->count);
	end(&ns);
	return ns;
}

static uint16_t icmp_sum(const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes; i += 2)
		sum += p[i] | p[i + 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* Is that the answer to this echo? A raw socket gets the IP header too, and others' packets. */
static bool is_answer(const void *packet, size_t bytes, const struct icmphdr *echo)
{
	const uint8_t *p = packet;
	size_t ihl = (p[0] & 15) * 4;
	const struct icmphdr *got = (const void *)(p + ihl);

	return bytes == ihl + DATAGRAM && got->type == ICMP_ECHOREPLY &&
	       got->un.echo.id == echo->un.echo.id &&
	       got->un.echo.sequence == echo->un.echo.sequence;
}

/* A round trip in ns; 0: lost. */
static uint64_t ping_one(struct job *j, uint64_t number)
{
	uint8_t packet[DATAGRAM] __attribute__((aligned(8)));
	struct icmphdr *echo = (void *)packet;
	uint64_t begun;
	ssize_t n;

	for (size_t i = sizeof(*echo); i < DATAGRAM; i++)
		packet[i] = (uint8_t)(number + i);
	*echo = (struct icmphdr){ .type = ICMP_ECHO };
	echo->un.echo.id = htons(getpid());
	echo->un.echo.sequence = htons(number);
	echo->checksum = icmp_sum(packet, DATAGRAM);
	begun = now_ns();
	if (send(j->udp, packet, DATAGRAM, 0) != DATAGRAM)
		die("ping");
	do {
		n = recv(j->udp, buffer, sizeof(buffer), 0);
		if (n < 0) {
			j->lost++;
			return 0;
		}
	} while (!is_answer(buffer, n, echo));
	begun = now_ns() - begun;
	j->bad += memcmp((uint8_t *)buffer + n - DATAGRAM + sizeof(*echo), packet + sizeof(*echo),
			 DATAGRAM - sizeof(*echo)) != 0;
	return begun;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t ping(struct job *j)
{
	struct sockaddr_in a = address_of(j->peer, 0);
	uint64_t ns;

	j->udp = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	j->trips = calloc(j->count, sizeof(*j->trips));
	if (j->udp < 0 || !j->trips || connect(j->udp, (void *)&a, sizeof(a)))
		die("ping");
	set_patience(j->udp, PATIENCE_UDP_MS);
	for (uint64_t i = 0; i < 20; i++)
		ping_one(j, i);
	j->lost = 0;
	begin(&ns);
	for (uint64_t i = 0; i < j->count; i++)
		j->trips[i] = ping_one(j, 20 + i);
	end(&ns);
	qsort(j->trips, j->count, sizeof(*j->trips), by_size);
	return ns;
}

static void tcp_send(struct job *j, uint64_t from, uint64_t to)
{
	for (; from < to; from += CHUNK) {
		if (j->check)
			pattern_fill(buffer, CHUNK, from);
		write_all(j->control, buffer, CHUNK);
	}
}

static void tcp_receive(struct job *j, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t want = to - from < CHUNK ? to - from : CHUNK;
		ssize_t n;

		if (j->check) {
			read_all(j->control, buffer, want);
			j->bad += pattern_wrong(buffer, want, from);
			from += want;
			continue;
		}
		n = read(j->control, buffer, want);
		if (n <= 0)
			die("tcp-rx");
		from += n;
	}
}

static uint64_t tcp(struct job *j, bool tx)
{
	void (*move)(struct job * j, uint64_t from, uint64_t to) = tx ? tcp_send : tcp_receive;
	uint64_t bytes = (j->count * 1024 + CHUNK - 1) / CHUNK * CHUNK, ns;

	j->count = bytes / 1024;
	say(j->control, "tcp-%s %lu %d\n", tx ? "sink" : "source", WARM_BYTES + bytes, j->check);
	move(j, 0, WARM_BYTES);
	begin(&ns);
	move(j, WARM_BYTES, WARM_BYTES + bytes);
	if (tx)
		read_result(j, WARM_BYTES + bytes);
	end(&ns);
	return ns;
}

static uint64_t tcp_tx(struct job *j)
{
	return tcp(j, true);
}

static uint64_t tcp_rx(struct job *j)
{
	return tcp(j, false);
}

static const struct {
	const char *name;
	uint64_t (*run)(struct job *j); /* the window's time in ns */
	unsigned int unit;              /* bytes */
} workloads[] = {
	{ "udp-tx", udp_tx, DATAGRAM }, { "udp-rx", udp_rx, DATAGRAM },
	{ "udp-rr", udp_rr, DATAGRAM }, { "tcp-tx", tcp_tx, 1024 },
	{ "tcp-rx", tcp_rx, 1024 },     { "ping", ping, DATAGRAM },
};

/* Of the round trips that were none lost; see struct job. */
static void print_trips(const struct job *j)
{
	uint64_t n = j->count - j->lost;

	if (j->trips && n)
		printf(" p50=%lu p99=%lu", j->trips[j->lost + n / 2],
		       j->trips[j->lost + n * 99 / 100]);
}

static int run(const struct job *what, size_t w, unsigned int windows)
{
	uint64_t bad = 0;

	for (unsigned int i = 0; i < windows; i++) {
		struct job j = *what;
		uint64_t ns;

		dial(&j);
		ns = workloads[w].run(&j);
		printf("load: %s units=%lu bytes=%lu ns=%lu lost=%lu bad=%lu tsc=%lu",
		       workloads[w].name, j.count, j.count * workloads[w].unit, ns, j.lost, j.bad,
		       ticks);
		print_trips(&j);
		putchar('\n');
		fflush(stdout);
		bad += j.bad;
		close(j.control);
		free(j.trips);
		if (j.udp > 0)
			close(j.udp);
	}
	return bad != 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: load serve | load mark 0..3 |\n"
			"       load udp-tx|udp-rx|udp-rr|tcp-tx|tcp-rx|ping PEER COUNT "
			"[windows=N] [check]\n");
	return 2;
}

static int mark(int number)
{
	switch (number) {
	case 0:
		MARK(0);
		return 0;
	case BEGIN:
		MARK(BEGIN);
		return 0;
	case END:
		MARK(END);
		return 0;
	default:
		return usage();
	}
}

int main(int argc, char **argv)
{
	struct job j = { 0 };
	unsigned int windows = 1;

	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	if (argc == 3 && strcmp(argv[1], "mark") == 0)
		return mark(atoi(argv[2]));
	if (argc < 4)
		return usage();
	j.peer = argv[2];
	j.count = strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "check") == 0)
			j.check = true;
		else if (sscanf(argv[i], "windows=%u", &windows) != 1)
			return usage();
	}
	for (size_t w = 0; w < sizeof(workloads) / sizeof(*workloads); w++)
		if (strcmp(workloads[w].name, argv[1]) == 0 && j.count)
			return run(&j, w, windows);
	return usage();
}
