/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device, hypercalls, rings and upcalls of the agent in the driver VM. */
#include "twin/castor.h"

#include "cpu/timer.h"
#include "debug/log.h"
#include "debug/stats.h"
#include "dev/vpci.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "net/net.h"
#include "twin/alive.h"
#include "twin/attach.h"
#include "twin/outage.h"
#include "twin/supply.h"
#include "twin/uplink.h"
#include "virt/virt_ops.h"
#include "vm/irq.h"
#include "vm/mem.h"
#include "vm/sched.h"
#include "vm/vm.h"

#define PCI_COMMAND  0x04
#define PCI_LINE     0x3c
#define CONFIG_BYTES 64
#define EVENTS       6
#define RINGS        5
#define WORK         (CASTOR_EVENT_KILLED | CASTOR_EVENT_MODE) /* of castor's work item */

static struct vm *dvm;
static struct castor_shared *area;
static uint32_t events;         /* pending, by bit */
static uint32_t tail_of[RINGS]; /* of the rings that the hypervisor fills, ahead of what is shown */
static bool held;               /* an invocation runs: its slots are not shown yet */
static bool pushed;             /* something for castor since the last CASTOR_EVENT_RINGS */
static uint32_t upcall_number;  /* of the latest upcall; never 0 */
static bool upcall_waits, upcall_done;
static uint64_t raised[EVENTS], hypercalls, interrupts;

/* ---- the PCI function ---- */

static uint16_t pci_command;
static uint8_t pci_line;

static const uint8_t config[CONFIG_BYTES] = {
	[0x00] = CASTOR_PCI_VENDOR & 0xff,
	[0x01] = CASTOR_PCI_VENDOR >> 8,
	[0x02] = CASTOR_PCI_DEVICE & 0xff,
	[0x03] = CASTOR_PCI_DEVICE >> 8,
	[0x0b] = 0xff, /* class: fits no other */
	[0x3d] = 1,    /* INTA */
};

static uint32_t cfg_read(struct vpci_dev *dev, unsigned int off, unsigned int size)
{
	uint8_t now[CONFIG_BYTES];
	uint32_t val = 0;

	(void)dev;
	if (off + size > sizeof(now))
		return 0;
	memcpy(now, config, sizeof(now));
	memcpy(now + PCI_COMMAND, &pci_command, sizeof(pci_command));
	now[PCI_LINE] = pci_line;
	memcpy(&val, now + off, size);
	return val;
}

static void cfg_write(struct vpci_dev *dev, unsigned int off, unsigned int size, uint32_t val)
{
	(void)dev;
	(void)size;
	if (off == PCI_COMMAND)
		pci_command = val & 0x0404; /* bus master, INTx disable */
	else if (off == PCI_LINE)
		pci_line = val;
}

static int bar_find(struct vpci_dev *dev, bool io, uint64_t addr, uint32_t *off)
{
	(void)dev;
	(void)io;
	(void)addr;
	(void)off;
	return -1; /* no BAR */
}

static const struct vpci_ops ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.bar_find = bar_find,
};
static struct vpci_dev device = { .ops = &ops, .slot = CASTOR_PCI_SLOT, .intx_pin = CASTOR_PIN };

int castor_init(struct vm *vm)
{
	dvm = vm;
	device.vm = vm;
	return vpci_add(vm, &device);
}

void castor_reset(void)
{
	pci_command = 0;
	pci_line = 0;
	area = NULL;
	events = 0;
	pushed = held = false;
	alive_begin(NULL);
}

/* ---- events ---- */

void castor_raise(uint32_t bits)
{
	if (!area)
		return;
	for (unsigned int i = 0; i < EVENTS; i++)
		raised[i] += bits >> i & 1;
	if (!events)
		interrupts++;
	events |= bits;
	if (bits & WORK)
		alive_work();
	vm_pin_set(dvm, CASTOR_PIN, true);
}

void castor_flush(void)
{
	if (pushed)
		castor_raise(CASTOR_EVENT_RINGS);
	pushed = false;
}

static uint32_t take_events(void)
{
	uint32_t bits = events;

	events = 0;
	vm_pin_set(dvm, CASTOR_PIN, false);
	return bits;
}

/* ---- rings ---- */

struct castor_shared *castor_area(void)
{
	return area;
}

static struct castor_ring *ring_of(enum castor_ring_id id)
{
	struct castor_ring *const rings[] = { &area->donate, &area->gone, &area->free, &area->rx,
					      &area->back };

	return rings[id];
}

/* Slots that the consumer has not taken yet; indices that make no sense: more than there are. */
static uint32_t filled(enum castor_ring_id id)
{
	return tail_of[id] - __atomic_load_n(&ring_of(id)->head, __ATOMIC_ACQUIRE);
}

bool castor_room(enum castor_ring_id id)
{
	return area && filled(id) < CASTOR_RING_SLOTS;
}

uint8_t *castor_frame(void)
{
	return area->frame[tail_of[CASTOR_RING_RX] % CASTOR_RING_SLOTS];
}

static void show(enum castor_ring_id id)
{
	/* the slots before their index */
	__atomic_store_n(&ring_of(id)->tail, tail_of[id], __ATOMIC_RELEASE);
}

int castor_push(enum castor_ring_id id, const struct castor_slot *slot)
{
	if (!castor_room(id))
		return -ENOSPC;
	ring_of(id)->slot[tail_of[id]++ % CASTOR_RING_SLOTS] = *slot;
	if (!held)
		show(id);
	pushed = true;
	return 0;
}

void castor_hold(void)
{
	held = true;
}

void castor_publish(void)
{
	held = false;
	if (!area || !pushed)
		return;
	show(CASTOR_RING_FREE);
	show(CASTOR_RING_RX);
}

uint32_t castor_drop(enum castor_ring_id id)
{
	uint32_t n, shown;

	held = false;
	if (!area)
		return 0;
	shown = ring_of(id)->tail; /* ours, but in the driver VM's memory: read once */
	n = tail_of[id] - shown;
	if (n > CASTOR_RING_SLOTS) /* it was written over: nothing can be taken back */
		return 0;
	tail_of[id] = shown;
	return n;
}

bool castor_pop(enum castor_ring_id id, struct castor_slot *slot)
{
	struct castor_ring *r;
	uint32_t n, head;

	if (!area)
		return false;
	r = ring_of(id);
	head = r->head; /* read once */
	n = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) - head;
	if (n == 0 || n > CASTOR_RING_SLOTS)
		return false;
	*slot = r->slot[head % CASTOR_RING_SLOTS];
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE); /* read before it is free again */
	return true;
}

/* ---- upcalls ---- */

static bool is_done(void *arg)
{
	(void)arg;
	return upcall_done;
}

static void post_upcall(enum castor_context context, dva_t fn, const uint64_t *args, unsigned int n)
{
	struct castor_upcall *up = &area->upcall;

	if (!++upcall_number)
		upcall_number = 1;
	up->fn_dva = fn;
	memcpy(up->arg, args, n * sizeof(*args));
	up->args = n;
	up->context = context;
	up->pending = upcall_number;
	upcall_done = false;
	castor_raise(CASTOR_EVENT_UPCALL);
}

/*
 * While it waits the driver VM may run anything, but dispatch() keeps it from the twin's stack and
 * text.
 */
int castor_upcall(enum castor_context context, dva_t fn, const uint64_t *args, unsigned int n,
		  uint64_t *result)
{
	int rc;

	if (!area || upcall_waits || n > ARRAY_SIZE(area->upcall.arg))
		return -EIO;
	post_upcall(context, fn, args, n);
	upcall_waits = true;
	rc = sched_run_until(dvm, is_done, NULL, CASTOR_ANSWER_S * 1000);
	upcall_waits = false;
	if (rc) {
		if (vm_alive(dvm))
			vm_kill(dvm, "no answer to an upcall within %d s", CASTOR_ANSWER_S);
		return -EIO;
	}
	*result = area->upcall.result;
	return 0;
}

/* ---- hypercalls ---- */

static int64_t hello(gpa_t gpa, uint64_t bytes)
{
	struct castor_shared *a = vm_ram(dvm, gpa, sizeof(*a));

	if (attach_state() == TWIN_ABSENT)
		return -ENOENT;
	if (attach_state() == TWIN_ATTACHED)
		return -EBUSY;
	if (!a || (gpa & (PAGE_SIZE - 1)) || bytes < sizeof(*a) || a->magic != CASTOR_MAGIC ||
	    a->version != CASTOR_VERSION) {
		log_warn("castor: its shared area is not what this hypervisor expects");
		return -EINVAL;
	}
	area = a;
	/* One that left without a word left the pin high, and only a rise interrupts. */
	vm_pin_set(dvm, CASTOR_PIN, false);
	vm_pin_set(dvm, CASTOR_PIN, events);
	alive_begin(dvm);
	for (unsigned int i = 0; i < RINGS; i++)
		tail_of[i] = ring_of(i)->tail;
	attach_hello(area);
	return 0;
}

/*
 * Hypercalls that would touch the invocation which waits for an upcall, or the area that its
 * result comes in.
 */
static bool must_wait(uint64_t nr)
{
	return upcall_waits &&
	       (nr == CASTOR_HC_HELLO || nr == CASTOR_HC_ATTACH || nr == CASTOR_HC_DETACH ||
		nr == CASTOR_HC_POLL || nr == CASTOR_HC_RETURN || nr == CASTOR_HC_BYE);
}

static int64_t bye(void)
{
	if (attach_state() == TWIN_ATTACHED)
		return -EBUSY;
	take_events();
	attach_reset_done();
	net_set_links(true); /* nobody tells any more when the interface opens */
	alive_begin(NULL);
	area = NULL;
	return 0;
}

/* The text is the driver VM's: read once, and it ends at the first character that is none. */
static int64_t panicked(void)
{
	char text[sizeof(area->panic)];
	unsigned int n = 0;

	memcpy(text, area->panic, sizeof(text));
	while (n < sizeof(text) - 1 && text[n] >= ' ' && text[n] <= '~')
		n++;
	text[n] = 0;
	vm_kill(dvm, "kernel panic: %s", text);
	return 0;
}

/* After a death of the twin. */
static const char *driver_state(void)
{
	return outage_last() == OUTAGE_CLEAN ? "goes on with its rings" : "was reset";
}

static int64_t dispatch(uint64_t nr, uint64_t a, uint64_t b)
{
	if (must_wait(nr))
		return -EAGAIN;
	if (nr == CASTOR_HC_HELLO)
		return hello(a, b);
	if (!area)
		return -EINVAL;
	switch (nr) {
	case CASTOR_HC_QUERY:
		return attach_query(area, a);
	case CASTOR_HC_ATTACH:
		return attach_attach(area);
	case CASTOR_HC_DETACH:
		return attach_detach(area);
	case CASTOR_HC_POLL:
		return attach_state() == TWIN_ATTACHED ? uplink_poll(a) : -EINVAL;
	case CASTOR_HC_UPCALL_DONE:
		upcall_done |= upcall_waits && a == upcall_number;
		return 0;
	case CASTOR_HC_EVENTS:
		return take_events();
	case CASTOR_HC_RINGS:
		attach_rings(area);
		return 0;
	case CASTOR_HC_RESET_DONE:
		log_info("castor: the driver %s", a ? driver_state() : "could not be reset");
		if (!a || b)
			log_warn("castor: traffic stays on the bridge until `mode twin`");
		attach_reset_done();
		return 0;
	case CASTOR_HC_RETURN:
		return attach_state() == TWIN_ATTACHED ? -EBUSY : supply_return();
	case CASTOR_HC_BYE:
		return bye();
	case CASTOR_HC_PANIC:
		return panicked();
	case CASTOR_HC_ALIVE:
		alive_sign();
		return 0;
	case CASTOR_HC_SETTLED:
		if (!(events & WORK))
			alive_work_done();
		return 0;
	case CASTOR_HC_OPEN:
		attach_bridge_open();
		return 0;
	case CASTOR_HC_LINK:
		if (a)
			alive_work();
		net_set_links(a);
		log_info("castor: the interface and guests' links are %s", a ? "up" : "down");
		return 0;
	}
	return -ENOSYS;
}

bool castor_hypercall(struct vcpu *vcpu)
{
	struct vcpu_sysregs regs;
	uint64_t nr = vcpu->gpr[RAX];
	int64_t rc;

	if (vcpu->vm != dvm || nr < CASTOR_HC_HELLO || nr >= CASTOR_HC_END)
		return false;
	virt->sysregs_read(vcpu, &regs);
	if (regs.cpl != 0)
		return false;
	hypercalls++;
	rc = dispatch(nr, vcpu->gpr[RBX], vcpu->gpr[RCX]);
	/*
	 * An upcall inside POLL leaves the vCPU in castor's interrupt handler, so the result of
	 * POLL travels in memory; RAX belongs to whatever runs there now.
	 */
	if (nr != CASTOR_HC_POLL)
		vcpu->gpr[RAX] = rc;
	else if (area)
		area->poll_result = rc;
	return true;
}

static void stats_castor(void)
{
	static const char *const names[EVENTS] = { "upcall", "rings", "killed",
						   "wake",   "mode",  "alive" };

	json_u64("hypercalls", hypercalls);
	json_u64("interrupts", interrupts);
	for (unsigned int i = 0; i < EVENTS; i++)
		json_u64(names[i], raised[i]);
}
STATS("castor", stats_castor);
