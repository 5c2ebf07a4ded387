/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iperf 2's messages, as its UDP and TCP tests exchange them (fields are big endian). Written
 * down from the behaviour of version 2.1.
 */
#pragma once

#include <stdint.h>

#define IPERF_PORT 5001

/* In front of each UDP payload. A negative number ends the test and asks for the report. */
struct iperf_datagram {
	uint32_t id;        /* low half of the sequence number */
	uint32_t sec, usec; /* when it was sent */
	uint32_t id_high;   /* only with IPERF_FLAG_SEQ64 */
};

/* What the client wants; follows the datagram header, and begins the stream of a TCP test. */
struct iperf_settings {
	uint32_t flags; /* 0 = a plain one-way test */
	uint32_t threads, port, buffer_length, window, amount;
};

#define IPERF_FLAG_REPORT 0x80000000u /* this structure is filled in */
#define IPERF_FLAG_SEQ64  0x08000000u

/* The UDP server's final report; follows a datagram header. */
struct iperf_report {
	uint32_t flags;
	uint32_t bytes_high, bytes_low;
	uint32_t sec, usec; /* duration */
	uint32_t lost, out_of_order, datagrams;
	uint32_t jitter_sec, jitter_usec;
	uint32_t transit[15]; /* not filled in: flag bit 30 is clear */
	uint32_t lost_high, out_of_order_high, datagrams_high;
};

_Static_assert(sizeof(struct iperf_datagram) == 16, "iperf 2.1 datagram");
_Static_assert(sizeof(struct iperf_settings) == 24, "iperf 2.1 settings");
_Static_assert(sizeof(struct iperf_report) == 112, "iperf 2.1 report");
