/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lwIP's compiler and platform header: freestanding, so each hosted header is declined. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_LIMITS_H   1 /* the compiler's <limits.h> wants a C library behind it */
#define INT_MAX            __INT_MAX__
#define LWIP_NO_CTYPE_H    1
#define LWIP_NO_UNISTD_H   1

#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "lu"

#define BYTE_ORDER LITTLE_ENDIAN

/* Not for secrets: TCP sequence numbers, port numbers, DHCP transaction ids. */
unsigned int port_random(void);
__attribute__((noreturn)) void port_assert(const char *message, const char *file, int line);

#define LWIP_RAND() port_random()
#define LWIP_PLATFORM_DIAG(x) \
	do {                  \
	} while (0)
#define LWIP_PLATFORM_ASSERT(message) port_assert(message, __FILE__, __LINE__)
