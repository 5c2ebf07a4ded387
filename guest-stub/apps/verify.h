/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The self-checking transfer. The client sends N pseudo-random bytes and ends its side; the
 * server answers with the hash of what it received, 16 hexadecimal digits and a newline, and
 * closes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VERIFY_PORT 5002

/* FNV-1a, 64 bits, of `n` more bytes. Start from VERIFY_HASH_START. */
#define VERIFY_HASH_START 0xcbf29ce484222325ull

static inline uint64_t verify_hash(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}
