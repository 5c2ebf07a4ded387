/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of flood and sink: Ethernet type 0x88b5 (IEEE local experimental 1), numbered from
 * 0, filled with a pattern that depends on the number. Big endian on the wire, like everything
 * Ethernet.
 */
#pragma once

#include "lwip/err.h"
#include "lwip/pbuf.h"

#include <stdint.h>

#define RAW_FRAME_TYPE  0x88b5
#define RAW_FRAME_MAGIC 0x504c5831u /* PLX1 */

struct raw_frame {
	uint8_t dst[6], src[6];
	uint16_t type;
	uint32_t magic;
	uint32_t stream; /* chosen by the sender, another for each flood */
	uint32_t sequence;
	uint32_t total; /* frames in this stream */
	uint8_t fill[];
} __attribute__((packed));

#define RAW_FRAME_MIN 60
#define RAW_FRAME_MAX 1514

/* Byte i of the filling of frame `sequence`. */
static inline uint8_t raw_frame_fill(uint32_t sequence, uint32_t i)
{
	return (uint8_t)(sequence * 7 + i);
}

/*
 * lwIP's hook for unknown Ethernet types; payload = the Ethernet header. ERR_OK: the frame was
 * taken (and freed); else the caller still owns it.
 */
err_t raw_frame_input(struct pbuf *frame);
