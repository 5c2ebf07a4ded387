/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The applications, and when they start.
 *
 * Each start function prints its own line ("WORD: listening port=...", "WORD: error ...") and
 * returns. Results are single lines "WORD: done key=value ...". A client calls
 * apps_client_begin() when it starts and apps_client_end() after its result line, so that the
 * word "exit" can wait for it.
 */
#pragma once

#include "apps/words.h"

/*
 * Take over the requests of one parsed line. Those that need an IP address wait until there is
 * one.
 */
void apps_submit(const struct words *words);

/*
 * Start what can be started now; power off when "exit" was given and all clients are done. Each
 * main loop round.
 */
void apps_run(void);

/* Console input: read what has been typed, at most every 50 ms, and act on complete lines. */
void console_run(uint64_t now_us);

/* When console_run() wants to be called next. */
uint64_t console_next_us(void);

void apps_client_begin(void);
void apps_client_end(void);

void echo_start(const struct request *r);
void iperf_server_start(const struct request *r);
void iperf_udp_server_start(uint16_t port);
void iperf_tcp_client_start(const struct request *r);
void iperf_udp_client_start(const struct request *r);
void http_start(const struct request *r);
void flood_start(const struct request *r);
void sink_start(const struct request *r);
void verify_server_start(const struct request *r);
void verify_client_start(const struct request *r);
void ping_start(const struct request *r);
void stats_print(const struct request *r);
