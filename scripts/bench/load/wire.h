/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the load generator and its peer agree on. One TCP connection to port CONTROL for each
 * stream. A request is one line; what is measured follows.
 *
 *	tcp-sink BYTES CHECK	the client sends so many bytes; answer `got BYTES bad WORDS`
 *	tcp-source BYTES CHECK	the peer sends so many bytes
 *	udp-sink		answer `port N`; datagrams to that port; then the client's line
 *				`stop`; when nothing came for QUIET_MS: `got N bad N`
 *	udp-source COUNT BURST	answer `port N`; for each datagram to that port a burst comes back,
 *				until COUNT were sent
 *	udp-echo		answer `port N`; each datagram comes back; ends with the connection
 *
 * Data: word n (64 bits) of a stream is pattern_word(n), so that a receiver knows each of them. A
 * datagram is DATAGRAM bytes: its number, then words that follow from it.
 */
#ifndef BENCH_LOAD_WIRE_H
#define BENCH_LOAD_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL  5010
#define DATAGRAM 64
#define QUIET_MS 300
#define CHUNK    131072 /* bytes a call, for TCP */
#define LINE     100
/* Bytes of a UDP socket: a burst must not be lost while its process waits. */
#define RECEIVE_BUFFER (8 << 20)
/* A peer that says nothing for so long is gone; no expectation. */
#define PATIENCE_S 60

/* Prints errno's text and ends the program with status 1. */
void die(const char *what) __attribute__((noreturn));

uint64_t pattern_word(uint64_t n);
/* bytes and offset are multiples of 8. */
void pattern_fill(uint64_t *data, size_t bytes, uint64_t offset);
/* Words that are not what pattern_fill() would have made of them. */
size_t pattern_wrong(const uint64_t *data, size_t bytes, uint64_t offset);

void datagram_fill(uint64_t *data, uint64_t number);
/* Its number, or -1 when the rest does not follow from it or the length is another. */
int64_t datagram_number(const uint64_t *data, size_t bytes);

struct sockaddr_in address_of(const char *ip, unsigned int port);
/* Until all is written or read. They end the program on an error or an early end. */
void write_all(int fd, const void *data, size_t bytes);
void read_all(int fd, void *data, size_t bytes);
/* A line without its end; false when there is none any more. */
bool read_line(int fd, char *line);
/* printf() of one line to a socket. */
void say(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A receive on that socket ends after so long with EAGAIN. */
void set_patience(int fd, unsigned int ms);

/* The peer: serves until it is killed. A process for each connection. */
void serve(void) __attribute__((noreturn));

#endif
