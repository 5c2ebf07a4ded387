/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end of the wire: sinks, sources and an echo. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "wire.h"

#define SINK_WINDOW (512 << 10)

static uint64_t buffer[CHUNK / 8];

/*
 * Linux acknowledges every second segment as long as its window need not shrink, else as often as
 * the process reads. So there is more room than the window ever takes (see acks.py).
 */
static void acknowledge_evenly(int c)
{
	int bytes = RECEIVE_BUFFER, window = SINK_WINDOW;

	if (setsockopt(c, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(c, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof(window)))
		die("tcp-sink");
}

static void tcp_sink(int c, uint64_t bytes, bool check)
{
	uint64_t got = 0, wrong = 0;

	acknowledge_evenly(c);
	while (got < bytes) {
		size_t want = bytes - got < CHUNK ? bytes - got : CHUNK;

		if (check) {
			read_all(c, buffer, want);
			wrong += pattern_wrong(buffer, want, got);
			got += want;
		} else {
			ssize_t n = read(c, buffer, want);

			if (n <= 0)
				die("tcp-sink");
			got += n;
		}
	}
	say(c, "got %lu bad %lu\n", got, wrong);
}

static void tcp_source(int c, uint64_t bytes, bool check)
{
	for (uint64_t sent = 0; sent < bytes; sent += CHUNK) {
		size_t n = bytes - sent < CHUNK ? bytes - sent : CHUNK;

		if (check)
			pattern_fill(buffer, n, sent);
		write_all(c, buffer, n);
	}
}

/* A socket of its own for each stream; its port is the answer. */
static int udp_socket(int c)
{
	struct sockaddr_in a = address_of(NULL, 0);
	socklen_t size = sizeof(a);
	int bytes = RECEIVE_BUFFER, u = socket(AF_INET, SOCK_DGRAM, 0);

	if (u < 0 || bind(u, (void *)&a, size) || getsockname(u, (void *)&a, &size))
		die("socket");
	/* Root may; another has the usual buffer. */
	setsockopt(u, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	say(c, "port %u\n", ntohs(a.sin_port));
	return u;
}

static void udp_sink(int c)
{
	struct pollfd p[2] = { { .fd = udp_socket(c), .events = POLLIN },
			       { .fd = c, .events = POLLIN } };
	uint64_t got = 0, bad = 0;
	int64_t next = 0;
	bool stopping = false;

	while (poll(p, stopping ? 1 : 2, QUIET_MS) || !stopping) {
		ssize_t n;

		while ((n = recv(p[0].fd, buffer, sizeof(buffer), MSG_DONTWAIT)) >= 0) {
			int64_t number = datagram_number(buffer, n);

			got++;
			bad += number < next; /* damaged, twice or out of order */
			if (number >= next)
				next = number + 1;
		}
		if (!stopping && p[1].revents) {
			char line[LINE];

			read_line(c, line);
			stopping = true;
		}
	}
	say(c, "got %lu bad %lu\n", got, bad);
}

static void udp_source(int c, uint64_t count, uint64_t burst)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	int u = udp_socket(c);
	char ask;

	set_patience(u, PATIENCE_S * 1000);
	for (uint64_t sent = 0; sent < count;) {
		if (recvfrom(u, &ask, 1, 0, (void *)&from, &size) < 0)
			die("udp-source");
		for (uint64_t i = 0; i < burst && sent < count; i++, sent++) {
			datagram_fill(buffer, sent);
			if (sendto(u, buffer, DATAGRAM, 0, (void *)&from, size) != DATAGRAM)
				die("udp-source");
		}
	}
}

static void udp_echo(int c)
{
	struct pollfd p[2] = { { .fd = udp_socket(c), .events = POLLIN },
			       { .fd = c, .events = POLLIN } };
	struct sockaddr_in from;

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(p[0].fd, buffer, CHUNK, 0, (void *)&from, &size);

		if (n > 0 && sendto(p[0].fd, buffer, n, 0, (void *)&from, size) != n)
			die("udp-echo");
	}
}

static void serve_one(int c)
{
	char line[LINE];
	uint64_t n, m;

	if (!read_line(c, line))
		return;
	if (sscanf(line, "tcp-sink %lu %lu", &n, &m) == 2)
		tcp_sink(c, n, m);
	else if (sscanf(line, "tcp-source %lu %lu", &n, &m) == 2)
		tcp_source(c, n, m);
	else if (strcmp(line, "udp-sink") == 0)
		udp_sink(c);
	else if (sscanf(line, "udp-source %lu %lu", &n, &m) == 2)
		udp_source(c, n, m);
	else if (strcmp(line, "udp-echo") == 0)
		udp_echo(c);
	else
		say(c, "error: unknown request\n");
}

void serve(void)
{
	struct sockaddr_in a = address_of(NULL, CONTROL);
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGCHLD, SIG_IGN); /* no zombies */
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (s < 0 || bind(s, (void *)&a, sizeof(a)) || listen(s, 32))
		die("serve");
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			continue;
		if (fork() == 0) {
			setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			serve_one(c);
			exit(0);
		}
		close(c);
	}
}
