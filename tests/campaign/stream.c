/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peer's end of a guest's TCP stream without a fixed length, right to the byte: it ends at
 * SIGTERM.
 *
 *   stream listen PORT        from a guest's verify-client; each byte is compared as it comes
 *   stream send ADDRESS PORT  to a guest's verify-server; at the end its hash is compared
 *
 * Prints "bytes=N right" and ends with 0, else says what is wrong and ends with 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest-stub/apps/verify.h"

#define CHUNK 65536
#define WORD  8

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

/* Its words follow from the first one, which is the guest's choice. */
struct expected {
	uint8_t word[WORD];
	uint64_t bytes;
};

static void compare(struct expected *e, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++, e->bytes++) {
		unsigned int at = e->bytes % WORD;
		uint64_t word;

		if (e->bytes < WORD) {
			e->word[at] = data[i];
			continue;
		}
		if (at == 0) {
			memcpy(&word, e->word, WORD);
			word = next(word);
			memcpy(e->word, &word, WORD);
		}
		if (data[i] != e->word[at]) {
			printf("byte %lu is wrong\n", e->bytes);
			exit(1);
		}
	}
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	check(host && inet_aton(host, &a.sin_addr) == 0, host);
	return a;
}

static uint64_t listen_on(const char *port)
{
	struct sockaddr_in any = address(NULL, port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, s;
	static uint8_t data[CHUNK];
	struct expected e = { .bytes = 0 };
	ssize_t n;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(listener, (struct sockaddr *)&any, sizeof(any)), "bind");
	check(listen(listener, 1), "listen");
	s = accept(listener, NULL, NULL);
	check(s < 0, "accept");
	while (!over) {
		n = recv(s, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		check(n < 0, "recv");
		if (n == 0) {
			puts("the guest has ended the stream");
			exit(1);
		}
		compare(&e, data, (size_t)n);
	}
	return e.bytes;
}

static void same_hash(int s, uint64_t hash)
{
	char answer[WORD * 2 + 2] = "", own[WORD * 2 + 2];
	ssize_t n;

	check(shutdown(s, SHUT_WR), "shutdown");
	n = recv(s, answer, sizeof(answer) - 1, MSG_WAITALL);
	check(n < 0, "answer");
	snprintf(own, sizeof(own), "%016lx\n", hash);
	if (strcmp(answer, own)) {
		printf("the guest's hash %s is not %s\n", answer, own);
		exit(1);
	}
}

static uint64_t send_to(const char *host, const char *port)
{
	struct sockaddr_in a = address(host, port);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	static uint64_t data[CHUNK / WORD];
	uint64_t hash = VERIFY_HASH_START, random = 1, bytes = 0;

	check(connect(s, (struct sockaddr *)&a, sizeof(a)), "connect");
	while (!over) {
		ssize_t n;

		for (size_t i = 0; i < CHUNK / WORD; i++)
			data[i] = random = next(random);
		n = send(s, data, sizeof(data), MSG_NOSIGNAL);
		check(n < 0 && errno != EINTR, "send");
		if (n > 0) {
			hash = verify_hash(hash, data, (size_t)n);
			bytes += (uint64_t)n;
		}
	}
	same_hash(s, hash);
	return bytes;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term }; /* calls are to be interrupted */
	uint64_t bytes = 0;

	sigaction(SIGTERM, &term, NULL);
	if (argc == 3 && !strcmp(argv[1], "listen"))
		bytes = listen_on(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "send"))
		bytes = send_to(argv[2], argv[3]);
	else
		return 2;
	printf("bytes=%lu right\n", bytes);
	return 0;
}
