/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void die(const char *what)
{
	fprintf(stderr, "load: ");
	perror(what);
	exit(1);
}

uint64_t pattern_word(uint64_t n)
{
	return (n + 1) * 0x9e3779b97f4a7c15;
}

void pattern_fill(uint64_t *data, size_t bytes, uint64_t offset)
{
	for (size_t i = 0; i < bytes / 8; i++)
		data[i] = pattern_word(offset / 8 + i);
}

size_t pattern_wrong(const uint64_t *data, size_t bytes, uint64_t offset)
{
	size_t wrong = 0;

	for (size_t i = 0; i < bytes / 8; i++)
		wrong += data[i] != pattern_word(offset / 8 + i);
	return wrong;
}

void datagram_fill(uint64_t *data, uint64_t number)
{
	data[0] = number;
	pattern_fill(data + 1, DATAGRAM - 8, number * 8);
}

int64_t datagram_number(const uint64_t *data, size_t bytes)
{
	if (bytes != DATAGRAM || pattern_wrong(data + 1, DATAGRAM - 8, data[0] * 8))
		return -1;
	return (int64_t)data[0];
}

struct sockaddr_in address_of(const char *ip, unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (ip && inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "load: %s is no IPv4 address\n", ip);
		exit(2);
	}
	return a;
}

void write_all(int fd, const void *data, size_t bytes)
{
	const char *p = data;

	while (bytes) {
		ssize_t n = write(fd, p, bytes);

		if (n <= 0)
			die("write");
		p += n;
		bytes -= n;
	}
}

void read_all(int fd, void *data, size_t bytes)
{
	char *p = data;

	while (bytes) {
		ssize_t n = read(fd, p, bytes);

		if (n < 0)
			die("read");
		if (n == 0) {
			fprintf(stderr, "load: the peer has closed the connection\n");
			exit(1);
		}
		p += n;
		bytes -= n;
	}
}

bool read_line(int fd, char *line)
{
	size_t n = 0;

	while (n < LINE - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	if (n < LINE - 1 && line[n] != '\n')
		n = 0;
	line[n] = 0;
	return n > 0;
}

void say(int fd, const char *format, ...)
{
	char text[LINE];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	write_all(fd, text, n);
}

void set_patience(int fd, unsigned int ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000L };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)))
		die("SO_RCVTIMEO");
}
