/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peer's end of a guest's self-checking TCP stream (guest-stub/apps/verify.h).
 *
 *   verify-peer listen PORT PATIENCE [LIE]           from a guest's verify-client: each byte is
 *                                                    compared as it comes, and at the end it gets
 *                                                    the hash; LIE: so much off
 *   verify-peer send ADDRESS PORT BYTES PATIENCE     to a guest's verify-server: its hash is
 *                                                    compared
 *
 * It ends with the stream. SIGTERM ends it before, right as far as it came. PATIENCE: seconds
 * without a byte before that is an error. BYTES: 0 = until SIGTERM.
 * Prints "bytes=N hash=H right" and ends with 0, else says what is wrong and ends with 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "guest-stub/apps/verify.h"

#define CHUNK  65536
#define WORD   8
#define ANSWER (2 * WORD + 1) /* the hash and a newline */

/* What went through it. */
struct stream {
	uint64_t bytes, hash;
	uint8_t word[WORD]; /* listen: the one that is expected; what follows is the first one's */
};

static volatile sig_atomic_t over;

static void on_term(int number)
{
	(void)number;
	over = 1;
}

static void check(int failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	exit(1);
}

/* xorshift64, as verify-client has it. */
static uint64_t next(uint64_t r)
{
	r ^= r << 13;
	r ^= r >> 7;
	return r ^ r << 17;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	check(host && inet_aton(host, &a.sin_addr) == 0, host);
	return a;
}

static void set_patience(int s, const char *seconds)
{
	struct timeval t = { .tv_sec = atoi(seconds) };

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* The generator's words are never 0; those of a stream that is all wrong may be. */
static void check_word(uint64_t word)
{
	if (word)
		return;
	puts("a word of zeros");
	exit(1);
}

static void compare(struct stream *e, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned int at = (e->bytes + i) % WORD;
		uint64_t word;

		if (e->bytes + i < WORD) {
			e->word[at] = data[i];
			continue;
		}
		if (at == 0) {
			memcpy(&word, e->word, WORD);
			check_word(word);
			word = next(word);
			memcpy(e->word, &word, WORD);
		}
		if (data[i] != e->word[at]) {
			printf("byte %lu is wrong\n", e->bytes + i);
			exit(1);
		}
	}
	e->hash = verify_hash(e->hash, data, n);
	e->bytes += n;
}

static int accept_on(const char *port)
{
	struct sockaddr_in any = address(NULL, port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, s;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(listener, (struct sockaddr *)&any, sizeof(any)), "bind");
	check(listen(listener, 1), "listen");
	s = accept(listener, NULL, NULL);
	check(s < 0, "accept");
	close(listener);
	return s;
}

static void receive(struct stream *e, const char *port, const char *patience, uint64_t lie)
{
	char answer[ANSWER + 1];
	static uint8_t data[CHUNK];
	int s = accept_on(port);

	set_patience(s, patience);
	while (!over) {
		ssize_t n = recv(s, data, sizeof(data), 0);

		if (n < 0 && errno == EINTR)
			continue;
		check(n < 0, "recv");
		compare(e, data, (size_t)n);
		if (n > 0)
			continue;
		snprintf(answer, sizeof(answer), "%016lx\n", e->hash ^ lie);
		check(send(s, answer, ANSWER, MSG_NOSIGNAL) != ANSWER, "answer");
		break;
	}
	close(s);
}

/* Whom nobody can reach for a while, as behind a switch-over, is asked again. */
static int connect_to(const char *host, const char *port, const char *patience)
{
	time_t end = time(NULL) + atoi(patience);
	struct sockaddr_in a = address(host, port);

	for (;;) {
		int s = socket(AF_INET, SOCK_STREAM, 0);

		set_patience(s, patience);
		if (connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
			return s;
		check(errno != EHOSTUNREACH || time(NULL) > end, "connect");
		close(s);
		usleep(500000);
	}
}

static void same_hash(int s, uint64_t hash)
{
	char answer[ANSWER + 1] = "", own[ANSWER + 1];
	ssize_t n;

	check(shutdown(s, SHUT_WR), "shutdown");
	n = recv(s, answer, ANSWER, MSG_WAITALL);
	check(n < 0, "answer");
	snprintf(own, sizeof(own), "%016lx\n", hash);
	if (strcmp(answer, own)) {
		printf("the guest's hash '%s' is not '%s'\n", answer, own);
		exit(1);
	}
}

static void transmit(struct stream *e, int s, uint64_t bytes)
{
	static uint64_t data[CHUNK / WORD];
	uint64_t random = 1;
	size_t size = 0, done = 0;

	while (!over && (!bytes || e->bytes < bytes)) {
		ssize_t n;

		if (done == size) {
			for (size_t i = 0; i < CHUNK / WORD; i++)
				data[i] = random = next(random);
			size = bytes && bytes - e->bytes < CHUNK ? bytes - e->bytes : CHUNK;
			done = 0;
		}
		n = send(s, (uint8_t *)data + done, size - done, MSG_NOSIGNAL);
		check(n < 0 && errno != EINTR, "send");
		if (n <= 0)
			continue;
		e->hash = verify_hash(e->hash, (uint8_t *)data + done, (size_t)n);
		e->bytes += (uint64_t)n;
		done += (size_t)n;
	}
	same_hash(s, e->hash);
	close(s);
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term }; /* calls are to be interrupted */
	struct stream e = { .hash = VERIFY_HASH_START };

	sigaction(SIGTERM, &term, NULL);
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "listen"))
		receive(&e, argv[2], argv[3], argc == 5 ? strtoull(argv[4], NULL, 0) : 0);
	else if (argc == 6 && !strcmp(argv[1], "send"))
		transmit(&e, connect_to(argv[2], argv[3], argv[5]), strtoull(argv[4], NULL, 0));
	else
		return 2;
	printf("bytes=%lu hash=%016lx right\n", e.bytes, e.hash);
	return 0;
}
