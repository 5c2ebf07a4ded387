/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands in for the hypervisor below hv/net: VMs whose RAM is its own allocation (so that
 * the sanitizer sees a step over its end), a clock that the test turns, interrupts that are only
 * counted; and a virtio driver that does what Linux does, in the VM's RAM and through the VM's
 * ports.
 */
#ifndef TESTS_UNIT_NET_FAKE_H
#define TESTS_UNIT_NET_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "net/virtio_net.h"
#include "vm/vm.h"

#define RAM_SIZE     0x200000UL
#define FAKE_VMS     4
#define SLOT         5
#define PIN          20
#define QSIZE        256
#define RING_GPA(q)  (RAM_SIZE - 0x8000 + (q)*0x4000) /* what runs past a table leaves the RAM */
#define AVAIL_GPA(q) (RING_GPA(q) + 0x1000)
#define USED_GPA(q)  (RING_GPA(q) + 0x1240)
#define TABLE_GPA    0x20000UL                 /* indirect tables, a page each */
#define BUF_GPA(q)   (0x40000UL + (q)*0x80000) /* 2 KiB for each descriptor */
#define BUF_SIZE     2048

extern uint64_t fake_tsc; /* 1000 ticks a millisecond */
extern unsigned int fake_msis, fake_pin_changes;
extern uint64_t fake_msi_addr;
extern uint32_t fake_msi_data;
extern bool fake_pin_level;
extern struct timer *fake_timer; /* the armed one */

/* A fresh VM number i, alive, with a RAM of zeroes; its address is 52:54:00:88:00:i. */
struct vm *fake_vm(unsigned int i);
void fake_reset(void); /* frees all of them */
void fake_again(void); /* all of them start anew; their RAM stays as it is */

/* Turns the clock and fires the timer if it is due. */
void fake_pass_us(uint64_t us);

/* Port accesses of a VM. */
uint32_t vm_in(struct vm *vm, uint16_t port, unsigned int size);
void vm_out(struct vm *vm, uint16_t port, unsigned int size, uint32_t val);
uint32_t cfg_in(struct vm *vm, unsigned int off, unsigned int size);
void cfg_out(struct vm *vm, unsigned int off, unsigned int size, uint32_t val);

/* The driver. */
struct drv_queue {
	uint16_t avail, used, kicked; /* next entries; what was told to the device */
	uint16_t next;                /* free descriptor, taken in turn */
};

struct drv {
	struct vm *vm;
	struct virtio_net *vn;
	uint16_t port; /* BAR0 */
	uint64_t features;
	struct drv_queue q[2];
};

#define DRV_ALL ~0UL

/* Everything up to DRIVER_OK as Linux does it, with the features offered and wanted. */
void drv_start(struct drv *d, struct virtio_net *vn, uint64_t wanted);

void *ram(struct vm *vm, gpa_t gpa);
struct vring_desc *drv_desc(struct drv *d, int q, unsigned int i);
uint16_t *drv_avail(struct drv *d, int q); /* flags, idx, ring, used_event */
uint16_t *drv_used(struct drv *d, int q);  /* flags, idx, ... */
uint16_t drv_avail_event(struct drv *d, int q);
void drv_set_used_event(struct drv *d, int q, uint16_t event);
struct vring_used_elem drv_used_elem(struct drv *d, int q, uint16_t i);

/*
 * Puts a head descriptor into the available ring and shows it; kicks if the device wants it
 * (returns that).
 */
void drv_publish(struct drv *d, int q, uint16_t head);
bool drv_kick(struct drv *d, int q);

/* One descriptor with one buffer of BUF_SIZE. Posts n receive buffers; sends hdr + frame. */
void drv_post(struct drv *d, unsigned int n);
void drv_send(struct drv *d, const struct virtio_net_hdr *hdr, const void *frame, uint32_t len);

/*
 * Next received frame: header and bytes, merged; its length, or -1. Posts the buffers again if
 * asked.
 */
int drv_receive(struct drv *d, struct virtio_net_hdr *hdr, uint8_t *frame, bool repost);

/* An Ethernet frame of len bytes from VM `from` to address `to`, payload numbered. */
void make_frame(uint8_t *frame, uint32_t len, const uint8_t *to, const uint8_t *from,
		uint32_t seed);

extern const uint8_t broadcast[6];

#endif
