/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames: numbered raw frames for a Linux party, with or without the hypervisor: what the words
 * flood and sink are to guest-stub, with the same frames and the same lines of results, so that a
 * test compares all parties alike. A static program: it runs in the driver VM's initrd and in the
 * peer's namespace.
 *
 *   frames flood DEVICE COUNT PER_SECOND STREAM MAC...   COUNT frames to each MAC, in turns; the
 *                                                        MACs' streams are STREAM, STREAM + 1, ..
 *   frames storm ...                                     the same, but a frame that the device has
 *                                                        no room for is lost, not sent again; ended
 *                                                        by SIGTERM it says how many it sent
 *   frames sink DEVICE SILENCE_MS                        until it is killed; one line a stream
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* As in guest-stub/apps/raw_frame.h; big endian on the wire. */
#define RAW_FRAME_TYPE  0x88b5
#define RAW_FRAME_MAGIC 0x504c5831u
#define FRAME_BYTES     60

struct raw_frame {
	uint8_t dst[6], src[6];
	uint16_t type;
	uint32_t magic, stream, sequence, total;
	uint8_t fill[FRAME_BYTES - 30];
} __attribute__((packed));

#define STREAMS     64
#define TOTAL_MAX   1000000
#define CHECK_MS    100
#define BUFFER      (8 << 20)
#define GRACE_MS    300 /* a complete stream's repeated frames may follow */
#define MACS_MAX    16
#define NSEC_PER_MS 1000000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / NSEC_PER_MS;
}

static int open_device(const char *name, uint8_t mac[6])
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(RAW_FRAME_TYPE) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(RAW_FRAME_TYPE)), bytes = BUFFER;
	struct ifreq r = { 0 };

	strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
	addr.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !addr.sll_ifindex || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(name);
	if (ioctl(fd, SIOCGIFHWADDR, &r))
		die("SIOCGIFHWADDR");
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

/* ---- flood ---- */

static uint8_t fill_byte(uint32_t sequence, uint32_t i)
{
	return (uint8_t)(sequence * 7 + i);
}

static void parse_mac(const char *s, uint8_t mac[6])
{
	if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4,
		   mac + 5) != 6) {
		fprintf(stderr, "frames: %s is not a MAC address\n", s);
		exit(1);
	}
}

static bool lossy; /* storm: at its pace, whatever becomes of the frames */
static uint32_t lost;
static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void send_one(int fd, const struct raw_frame *f)
{
	const struct timespec wait = { .tv_nsec = NSEC_PER_MS };

	while (send(fd, f, sizeof(*f), 0) < 0) {
		if (errno != ENOBUFS && errno != EINTR)
			die("flood: error send");
		if (lossy) {
			lost++;
			return;
		}
		nanosleep(&wait, NULL);
	}
}

/* One frame to each address, then the time until the next. */
static void flood(int fd, struct raw_frame *frames, unsigned int macs, uint32_t count,
		  uint32_t rate)
{
	uint64_t begin = now_ms();
	struct timespec next;
	uint32_t n;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (n = 0; n < count && !ended; n++) {
		for (unsigned int m = 0; m < macs; m++) {
			frames[m].sequence = htonl(n);
			for (uint32_t i = 0; i < sizeof(frames[m].fill); i++)
				frames[m].fill[i] = fill_byte(n, i);
			send_one(fd, &frames[m]);
		}
		next.tv_nsec += 1000000000 / rate;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	if (lossy)
		printf("storm: done frames=%u lost=%u ms=%lu\n", n * macs, lost, now_ms() - begin);
	else
		printf("flood: done frames=%u streams=%u\n", count, macs);
}

static int flood_main(char **argv, unsigned int macs)
{
	static struct raw_frame frames[MACS_MAX];
	uint32_t count = strtoul(argv[1], NULL, 10), rate = strtoul(argv[2], NULL, 10);
	uint32_t stream = strtoul(argv[3], NULL, 10);
	uint8_t mac[6];
	int fd = open_device(argv[0], mac);

	if (macs > MACS_MAX || !count || count > TOTAL_MAX || !rate) {
		fprintf(stderr, "frames: bad number\n");
		return 1;
	}
	for (unsigned int m = 0; m < macs; m++) {
		struct raw_frame *f = &frames[m];

		parse_mac(argv[4 + m], f->dst);
		memcpy(f->src, mac, 6);
		f->type = htons(RAW_FRAME_TYPE);
		f->magic = htonl(RAW_FRAME_MAGIC);
		f->stream = htonl(stream + m);
		f->total = htonl(count);
	}
	flood(fd, frames, macs, count, rate);
	return 0;
}

/* ---- sink ---- */

struct stream {
	uint8_t src[6], dst[6];
	uint32_t id, total, first, last;
	uint32_t unique, repeated, late, damaged;
	uint64_t last_ms;
	uint8_t *seen; /* a bit each; NULL: this place is free */
};

static struct stream streams[STREAMS];

static struct stream *stream_find(const struct raw_frame *f)
{
	struct stream *place = NULL;

	for (struct stream *s = streams; s < streams + STREAMS; s++) {
		if (!s->seen)
			place = s;
		else if (s->id == f->stream && !memcmp(s->src, f->src, 6))
			return s;
	}
	if (!place || !f->total || ntohl(f->total) > TOTAL_MAX)
		return NULL;
	*place = (struct stream){ .id = f->stream, .total = ntohl(f->total), .first = UINT32_MAX };
	memcpy(place->src, f->src, 6);
	memcpy(place->dst, f->dst, 6);
	place->seen = calloc(1, place->total / 8 + 1);
	return place->seen ? place : NULL;
}

static bool is_damaged(const struct raw_frame *f, const struct stream *s)
{
	uint32_t sequence = ntohl(f->sequence);

	for (uint32_t i = 0; i < sizeof(f->fill); i++)
		if (f->fill[i] != fill_byte(sequence, i))
			return true;
	return sequence >= s->total || memcmp(s->dst, f->dst, 6);
}

static void take(struct stream *s, const struct raw_frame *f)
{
	uint32_t n = ntohl(f->sequence);

	s->last_ms = now_ms();
	if (is_damaged(f, s)) {
		s->damaged++;
		return;
	}
	if (s->seen[n / 8] >> n % 8 & 1) {
		s->repeated++;
		return;
	}
	s->seen[n / 8] |= 1 << n % 8;
	s->unique++;
	if (s->first == UINT32_MAX || n < s->first)
		s->first = n;
	if (s->unique > 1 && n < s->last)
		s->late++;
	else
		s->last = n;
}

static int print_mac(char *to, const char *name, const uint8_t *m)
{
	return sprintf(to, " %s=%02x:%02x:%02x:%02x:%02x:%02x", name, m[0], m[1], m[2], m[3], m[4],
		       m[5]);
}

/*
 * One write: others use the same console. The running number tells a line that the console shows
 * again from another one with the same content.
 */
static void report(struct stream *s)
{
	static unsigned int number;
	char line[300];
	int n = sprintf(line, "sink: done report=%u", ++number);

	n += print_mac(line + n, "src", s->src);
	n += print_mac(line + n, "dst", s->dst);
	n += sprintf(line + n, " stream=%u frames=%u lost=%u late=%u repeated=%u damaged=%u",
		     ntohl(s->id), s->unique, s->total - s->unique, s->late, s->repeated,
		     s->damaged);
	n += sprintf(line + n, " first=%u last=%u\n", s->first, s->last);
	if (write(1, line, (size_t)n) != n)
		exit(1);
	free(s->seen);
	s->seen = NULL;
}

static void report_finished(uint64_t silence)
{
	uint64_t now = now_ms();

	for (struct stream *s = streams; s < streams + STREAMS; s++) {
		uint64_t quiet = s->unique >= s->total && silence > GRACE_MS ? GRACE_MS : silence;

		if (s->seen && now - s->last_ms > quiet)
			report(s);
	}
}

/*
 * What the device itself sends and what others' addresses are on is not for us; a bridge or a
 * device in promiscuous mode shows that too.
 */
static void sink_main(char **argv)
{
	const struct timeval check = { .tv_usec = CHECK_MS * 1000 };
	uint64_t silence = strtoul(argv[1], NULL, 10);
	uint8_t mac[6];
	int fd = open_device(argv[0], mac);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &check, sizeof(check));
	printf("sink: listening device=%s\n", argv[0]);
	fflush(stdout);
	for (;;) {
		struct raw_frame f;
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, &f, sizeof(f), 0, (struct sockaddr *)&from, &len);
		struct stream *s;

		if (n == sizeof(f) && from.sll_pkttype != PACKET_OUTGOING &&
		    from.sll_pkttype != PACKET_OTHERHOST && f.magic == htonl(RAW_FRAME_MAGIC)) {
			s = stream_find(&f);
			if (s)
				take(s, &f);
		}
		report_finished(silence);
	}
}

static void usage(FILE *to)
{
	fputs("usage: frames flood|storm DEVICE COUNT PER_SECOND STREAM MAC...\n"
	      "       frames sink DEVICE SILENCE_MS\n"
	      "flood: COUNT numbered frames to each MAC; their streams are STREAM, STREAM + 1, ..\n"
	      "storm: the same, but what the device has no room for is lost; SIGTERM ends it\n"
	      "sink: until it is killed; one line for a stream that was silent for so long\n",
	      to);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	lossy = argc > 1 && !strcmp(argv[1], "storm");
	if (lossy)
		signal(SIGTERM, end);
	if (argc > 6 && (lossy || !strcmp(argv[1], "flood")))
		return flood_main(argv + 2, (unsigned int)argc - 6);
	if (argc == 4 && !strcmp(argv[1], "sink"))
		sink_main(argv + 2);
	usage(stderr);
	return 1;
}
