/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters. A counter is a plain uint64_t in its owner's structure; the owner registers a function
 * that writes its part of the JSON document. `stats` in the monitor and the end of a run print
 * the same document, in lines `json| ...`.
 */
#ifndef HV_DEBUG_STATS_H
#define HV_DEBUG_STATS_H

#include "lib/types.h"

/* JSON writer: it places the commas. key is NULL inside an array; begin and end must match. */
void json_begin_object(const char *key);
void json_end_object(void);
void json_begin_array(const char *key);
void json_end_array(void);
void json_u64(const char *key, uint64_t value);
void json_bool(const char *key, bool value);

/*
 * Escaped as RFC 8259 wants, bytes above 0x7e as U+00xx. Cut where key or value would be longer
 * than 199 characters with quotes and escapes.
 */
void json_string(const char *key, const char *value);

/* Writes the members of one top-level object. */
typedef void stats_fn(void);
struct stats_part {
	const char *key;
	stats_fn *write;
};
#define STATS(key_, fn_)                           \
	static const struct stats_part stats_##fn_ \
		__attribute__((section(".stats"), used, aligned(8))) = { key_, fn_ }

/*
 * Prints the whole document as `json| ` lines of at most 200 characters behind the tag, ended
 * between two tokens: the lines in a row are the document.
 */
void stats_dump(void);

#endif
