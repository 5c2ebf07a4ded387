/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lwIP's configuration: one thread, the raw API, IPv4. Sizes are for several connections at the
 * full window at once; all of it is .bss (about 9 MiB).
 */
#pragma once

#define NO_SYS                     1
#define SYS_LIGHTWEIGHT_PROT       0 /* interrupt handlers never touch lwIP */
#define LWIP_SOCKET                0
#define LWIP_NETCONN               0
#define LWIP_IPV4                  1
#define LWIP_IPV6                  0
#define LWIP_ARP                   1
#define LWIP_ICMP                  1
#define LWIP_RAW                   1 /* ping */
#define LWIP_UDP                   1
#define LWIP_TCP                   1
#define LWIP_DHCP                  1
#define LWIP_AUTOIP                0
#define LWIP_DNS                   0
#define LWIP_IGMP                  0
#define LWIP_ALTCP                 0
#define LWIP_SINGLE_NETIF          0
#define LWIP_NETIF_LINK_CALLBACK   1
#define LWIP_NETIF_STATUS_CALLBACK 1

/* Memory */
#define MEM_LIBC_MALLOC      0
#define MEM_ALIGNMENT        8
#define MEM_SIZE             (4 * 1024 * 1024)
#define MEMP_NUM_PBUF        4096
#define MEMP_NUM_TCP_PCB     256
#define MEMP_NUM_TCP_SEG     4096
#define MEMP_NUM_UDP_PCB     8
#define MEMP_NUM_RAW_PCB     4
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 16)
#define PBUF_POOL_SIZE       (TCP_WND / TCP_MSS + 8) /* unused but for lwIP's sanity check */
#define ARP_QUEUEING         1
#define ARP_QUEUE_LEN        16
#define IP_REASS_MAX_PBUFS   128
#define MEMP_NUM_FRAG_PBUF   256

/* The driver writes its 12-byte header into this room, in front of the Ethernet header. */
#define PBUF_LINK_ENCAPSULATION_HLEN 12

/* TCP: the window that LWIP_WND_SCALE allows is worth more than the memory it costs. */
#define TCP_MSS          1460
#define LWIP_WND_SCALE   1
#define TCP_RCV_SCALE    2
#define TCP_WND          (128 * TCP_MSS)
#define TCP_SND_BUF      (128 * TCP_MSS)
#define TCP_SND_QUEUELEN (4 * TCP_SND_BUF / TCP_MSS)
/*
 * The default would be half the buffer, which does not fit the 16 bits that lwIP checks it
 * against.
 */
#define TCP_SNDLOWAT        (16 * TCP_MSS)
#define LWIP_TCP_SACK_OUT   1
#define TCP_LISTEN_BACKLOG  1
#define LWIP_TCP_KEEPALIVE  0
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_OOSEQ_MAX_PBUFS 256

/* Checksums: per interface, because the device takes TCP's and UDP's off our hands when it can. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM_ALGORITHM        3

/* Statistics for the "stats" word, 32 bits wide */
#define LWIP_STATS       1
#define LWIP_STATS_LARGE 1

#define LWIP_HOOK_FILENAME "lwip_hooks.h"
