/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The twin's port: interrupt, poll, transmit. */
#include "twin/uplink.h"

#include "cpu/irq.h"
#include "cpu/storm.h"
#include "debug/log.h"
#include "drivers/twin_abi.h"
#include "kernel_abi.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/net.h"
#include "net/poll.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "twin/castor.h"
#include "twin/load.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/native_skb.h"
#include "twin/pool.h"
#include "twin/receive.h"
#include "twin/receive_own.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/win.h"
#include "vm/vm.h"

#define BUDGET 64

struct uplink_counts uplink_counts;

static struct port port;
static unsigned int pin;
static bool open, irq_pending, failed;
static uint64_t received; /* frames, before the latest invocation */
static uint8_t dvm_mac[6];
static uint64_t fn_intr, fn_poll, fn_xmit;

/* What one invocation is to do, and how far it got. */
static struct {
	bool intr;
	bool pass; /* the interrupt is the driver VM's */
	unsigned int budget;
	unsigned int done;
} job;

static void on_pin(void)
{
	irq_pending = true;
	poll_activate(&port);
}

/*
 * R9: the twin stands in for the driver's handler, so only while that one handler is registered
 * and enabled. Linux disables lazily: disable_irq() counts depth, the pin is masked at the next
 * interrupt.
 */
static bool handler_is_drivers(void)
{
	dva_t action;

	if (!twin_att.irq_desc) /* castor could not tell */
		return true;
	action = win_read64(twin_att.irq_desc + K_IRQ_DESC_ACTION);
	return action && !win_read32(twin_att.irq_desc + K_IRQ_DESC_DEPTH) &&
	       win_read64(action + K_IRQACTION_HANDLER) == twin_att.handler &&
	       !win_read64(action + K_IRQACTION_NEXT);
}

static void interrupt(void)
{
	if (!handler_is_drivers()) {
		job.pass = true;
		uplink_counts.passed++;
	} else if (!run_call(fn_intr, pin, twin_att.netdev)) {
		uplink_counts.not_ours++;
	}
}

/*
 * R16: a driver that sets its card up anew frees what is in its rings. It has no carrier then, and
 * the kernel counts each time that a carrier goes. The card may have the wire, and frames, a while
 * before the kernel has the carrier: what is posted meanwhile another reset would free uncounted.
 */
static void see_reset(void)
{
	static uint32_t seen;
	static bool was_off;
	uint32_t now = win_read32(twin_att.netdev + K_NET_DEVICE_CARRIER_DOWN_COUNT);
	bool off = win_read64(twin_att.netdev + K_NET_DEVICE_STATE) >> K___LINK_STATE_NOCARRIER & 1;

	if (now != seen || off || was_off)
		pool_leave_rings();
	seen = now;
	was_off = off;
}

static void receive_body(uint64_t arg)
{
	(void)arg;
	see_reset();
	if (job.intr)
		interrupt();
	if (twin_pending.poll) {
		twin_pending.poll = false;
		job.done = run_call(fn_poll, twin_att.napi, job.budget);
		/* All of the budget used: NAPI stays scheduled and is polled again. */
		if (job.done >= job.budget)
			twin_pending.poll = true;
		transmit_look();
	}
}

static void transmit_body(uint64_t arg)
{
	(void)arg;
	transmit_run(fn_xmit);
}

/* Guests' frames that were given to the card or came back from it, ever. */
static uint64_t served(void)
{
	return transmit_counts.sent + transmit_counts.ended - transmit_counts.own;
}

static bool invoke(void (*body)(uint64_t))
{
	uint64_t before = served();

	if (!open || failed)
		return false;
	received = receive_counts.frames;
	failed = !run_invocation(body, 0);
	receive_flush();
	own_end(failed);
	loan_settle();
	port.served += served() - before;
	return !failed;
}

/* What natives asked for during the invocation. */
static void after(void)
{
	if (twin_pending.transmit) {
		twin_pending.transmit = false;
		transmit_wake();
		port.dirty = true; /* flushed at the end of this round */
	}
	if (twin_pending.wake_dvm) {
		twin_pending.wake_dvm = false;
		castor_raise(CASTOR_EVENT_WAKE);
	}
}

/* Level interrupt: the pin opens only when the driver's handler has read the cause. */
static int work(void)
{
	uint64_t ended = transmit_counts.ended;
	bool intr = irq_pending;

	irq_pending = false;
	job.intr = intr;
	job.pass = false;
	job.budget = BUDGET;
	job.done = 0;
	uplink_counts.interrupts += intr;
	uplink_counts.polls++;
	if (!invoke(receive_body))
		return 0;
	if (job.pass)
		irq_pass(pin);
	else if (intr)
		irq_reopen(pin);
	if (job.done || transmit_counts.ended != ended)
		storm_worked(pin);
	uplink_counts.packets += job.done;
	after();
	castor_flush();
	/* NAPI could not be given up: the driver VM must run first, the next try is the timer's. */
	if (!job.done && twin_pending.poll)
		return 0;
	return 1 + job.done * 1000; /* for the round robin: about what it moved */
}

/* Asked in each turn of the run loop. */
static int take(struct port *p)
{
	if (open && transmit_pending())
		p->dirty = true; /* the driver VM held the lock: try again */
	return !open || failed || (!irq_pending && !twin_pending.poll) ? 0 : work();
}

static int deliver(struct port *p, struct packet *pkt)
{
	int err = open && !failed ? transmit_queue(pkt) : -EIO;

	/* The queue's frames all came this way. */
	p->rx.packets = transmit_counts.queued;
	p->rx.wire_frames = transmit_counts.wire;
	p->rx.bytes = transmit_counts.bytes;
	return err;
}

static bool has_room(struct port *p)
{
	(void)p;
	return transmit_has_room();
}

static void flush(struct port *p)
{
	(void)p;
	if (transmit_pending() && invoke(transmit_body))
		after();
}

static bool may_sleep(struct port *p)
{
	(void)p;
	return !irq_pending && !twin_pending.poll && !transmit_pending() && !transmit_waits();
}

static const struct port_ops ops = {
	.take = take,
	.deliver = deliver,
	.has_room = has_room,
	.flush = flush,
	.sleep = may_sleep,
};

void uplink_init(void)
{
	port.ops = &ops;
	strlcpy(port.name, "twin", sizeof(port.name));
	memset(port.mac, 0xfe, sizeof(port.mac)); /* never a source on the wire */
	BUG_ON(switch_add(net_switch(), &port));
}

struct port *uplink_port(void)
{
	return &port;
}

static void read_mac(uint64_t arg)
{
	dva_t addr = win_read64(twin_att.netdev + K_NET_DEVICE_DEV_ADDR);

	(void)arg;
	for (unsigned int i = 0; i < sizeof(dvm_mac); i++)
		dvm_mac[i] = win_read8(addr + i);
}

void uplink_open(unsigned int pin_)
{
	pin = pin_;
	fn_intr = twin_entry_address(TWIN_ROLE_INTR);
	fn_poll = twin_entry_address(TWIN_ROLE_POLL);
	fn_xmit = twin_entry_address(TWIN_ROLE_XMIT);
	open = true;
	failed = false;
	twin_pending = (struct twin_pending){ 0 };
	if (!invoke(read_mac))
		return;
	/*
	 * R13: its card in the switch is an ordinary port now, of the address that its bridge
	 * has.
	 */
	if (twin_att.dvm->vnic)
		switch_set_address(net_switch(), &twin_att.dvm->vnic->port, dvm_mac);
	irq_steal(pin, on_pin);
	switch_set_uplink(net_switch(), &port);
}

/* The pin goes back as it is: an interrupt that nobody served yet is raised for the driver VM. */
void uplink_close(void)
{
	open = false;
	irq_steal(pin, NULL);
	transmit_reset();
	irq_reopen(pin);
	irq_pending = false;
}

bool uplink_is_dvm_address(const uint8_t *mac)
{
	return __builtin_memcmp(mac, dvm_mac, sizeof(dvm_mac)) == 0; /* inline: each frame asks */
}

/*
 * The driver VM lends its NAPI; or netpoll has the transmit ring cleaned, with no budget, whoever
 * owns NAPI: when that is the twin, its poll is still to come.
 */
int uplink_poll(unsigned int budget)
{
	bool owned = twin_pending.poll;

	job.intr = false;
	job.budget = MIN(budget, (unsigned int)BUDGET);
	job.done = 0;
	twin_pending.poll = true;
	if (run_active() || !invoke(receive_body))
		return -EIO;
	uplink_counts.packets += job.done;
	if (job.done >= job.budget)
		twin_pending.poll = owned; /* if not, the driver VM polls again itself */
	after();
	castor_flush();
	/*
	 * With NAPI_STATE_MISSED the driver's completion did not give NAPI up: the twin owns it and
	 * polls again, whoever scheduled it.
	 */
	if (port.dirty || transmit_pending() || twin_pending.poll)
		poll_activate(&port);
	return job.done;
}

void uplink_kick(void)
{
	if (!open)
		return;
	transmit_wake();
	port.dirty = true;
	poll_activate(&port);
}

bool uplink_failed(void)
{
	return open && failed;
}

uint64_t uplink_delivered(void)
{
	return failed ? receive_counts.frames - received : 0;
}
