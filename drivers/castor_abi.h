/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What castor.ko (agent in the driver VM) and the hypervisor agree on: hypercalls, the castor PCI
 * device, and one shared memory area that castor allocates (physically contiguous, page-aligned).
 *
 * The area is the driver VM's memory: the hypervisor reads each field once and bounds it; nothing
 * in it is trusted beyond what the driver VM may do anyway. Every field has one writer. Addresses
 * ending in _dva are virtual in the driver VM's kernel.
 */
#ifndef CASTOR_ABI_H
#define CASTOR_ABI_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

/*
 * The device at slot CASTOR_PCI_SLOT: no BAR, one interrupt INTA, by edge; it exists only in the
 * driver VM.
 */
#define CASTOR_PCI_VENDOR 0x1b36
#define CASTOR_PCI_DEVICE 0x00ca
#define CASTOR_PCI_SLOT   6
#define CASTOR_PIN        21 /* virtual IOAPIC pin of INTA */

/*
 * Hypercalls: VMMCALL/VMCALL at CPL 0 of the driver VM only (else #UD). rax = number, rbx, rcx,
 * rdx = arguments; result in rax: >= 0, or a negative errno. While an upcall is under way HELLO,
 * ATTACH, DETACH, POLL, RETURN and BYE do nothing and give -EAGAIN: an invocation of the twin
 * waits for it.
 */
enum castor_hypercall {
	/*
	 * rbx = gpa of the area, rcx = its bytes. -EBUSY: already attached; -ENOENT: hv has no
	 * twin; -EINVAL.
	 */
	CASTOR_HC_HELLO = 0x43410001,
	/*
	 * Iterates over what the hv needs resolved: rbx = index from 0. Writes the name to
	 * shared->query and returns enum castor_query; castor answers in shared->section[n] or
	 * shared->import[n], n = *query_index.
	 */
	CASTOR_HC_QUERY,
	/*
	 * Relocates, verifies, checks the device's state, takes the interrupt. Reason of a
	 * refusal in hv's log.
	 */
	CASTOR_HC_ATTACH,
	/* Stops the twin and gives the interrupt back. The pool stays for the next attachment. */
	CASTOR_HC_DETACH,
	/*
	 * Replacement of napi->poll while attached. rbx = budget. The result is in
	 * shared->poll_result: packets done (<= budget) or a negative errno, because an upcall in
	 * between uses rax.
	 */
	CASTOR_HC_POLL,
	/*
	 * The upcall in shared->upcall was carried out; upcall.result is set. rbx = its number
	 * (upcall.pending).
	 */
	CASTOR_HC_UPCALL_DONE,
	/*
	 * From the interrupt handler: returns the pending CASTOR_EVENT_ bits, clears them, lowers
	 * the pin.
	 */
	CASTOR_HC_EVENTS,
	/*
	 * Castor filled `donate` or emptied `free`/`rx`: the hv looks at the rings and may go on
	 * transmitting.
	 */
	CASTOR_HC_RINGS,
	/*
	 * After a kill the dvm's driver was reset, or, with shared->rings_whole, goes on with its
	 * rings: rbx = 1 done, 0 failed; rcx = 1: castor offers
	 * no new attachment before the monitor's `mode`.
	 */
	CASTOR_HC_RESET_DONE,
	/*
	 * Not attached: puts pooled buffers into ring `back`, as many as it holds. Returns how
	 * many; 0: the pool is empty.
	 */
	CASTOR_HC_RETURN,
	/* The area goes away (castor is unloaded). -EBUSY while attached. */
	CASTOR_HC_BYE,
	/*
	 * The kernel panics, shared->panic says why: the hv ends the VM and starts it again. Does
	 * not return.
	 */
	CASTOR_HC_PANIC,
	/* The answer to CASTOR_EVENT_ALIVE, from process context. */
	CASTOR_HC_ALIVE,
	/* The interface was opened (rbx = 1) or closed (0): guests' links follow. */
	CASTOR_HC_LINK,
	/*
	 * Process context, interrupts off: nothing that an event or the opened interface asks for
	 * is left to do. Owed within ALIVE_WORK_S of CASTOR_EVENT_KILLED, CASTOR_EVENT_MODE or
	 * CASTOR_HC_LINK.
	 */
	CASTOR_HC_SETTLED,
	/* Detached, and the bridge carries frames between the wire and the virtio card. */
	CASTOR_HC_OPEN,
	CASTOR_HC_END, /* no call: the first number behind */
};

enum castor_query {
	CASTOR_QUERY_END = 0,
	CASTOR_QUERY_SYMBOL = 1,
	CASTOR_QUERY_SECTION = 2,
	CASTOR_QUERY_MODULE_FUNCTION = 3
};

#define CASTOR_EVENT_UPCALL (1u << 0) /* run shared->upcall, in the context it asks for */
#define CASTOR_EVENT_RINGS \
	(1u << 1) /* empty `free`, `rx` and `back`, fill `donate` up to the wanted counts */
#define CASTOR_EVENT_KILLED \
	(1u << 2) /* the twin died: unless shared->rings_whole, reset the driver without closing
		     the device; then attach */
#define CASTOR_EVENT_WAKE \
	(1u << 3) /* netif_tx_wake / schedule the queue of the dvm: it may have backlog */
#define CASTOR_EVENT_MODE (1u << 4) /* shared->want_attached changed (monitor command net=...) */
/*
 * Have a work item answer with CASTOR_HC_ALIVE. Asked for after each second that the VM has run, so
 * that an idle one sleeps on. An interrupt that is taken says little: the CPU may never leave a
 * softirq (R20).
 */
#define CASTOR_EVENT_ALIVE (1u << 5)

#define CASTOR_RING_SLOTS 1024 /* power of two */

enum castor_kind {
	CASTOR_SKB = 1,  /* sk_buff with a linear buffer: bytes = room from head to end */
	CASTOR_HEAD = 2, /* bare sk_buff from skbuff_head_cache */
	CASTOR_FRAG = 3, /* page fragment for napi_build_skb: bytes = size incl. skb_shared_info */
	CASTOR_PAGE = 4, /* whole page, for frames of several pieces; by its direct-map dva */
	/*
	 * In ring `rx` alone: no object, but `bytes` of a whole Ethernet frame in shared->frame, at
	 * the slot's index. dva = 1: its checksum was found right; else 0.
	 */
	CASTOR_FRAME = 5,
};

#define CASTOR_FRAME_MAX 128 /* bytes */

struct castor_slot {
	uint64_t dva;
	uint32_t bytes;
	uint32_t kind; /* enum castor_kind */
};

/* Single producer, single consumer. Indices run freely modulo 2^32; tail - head = filled slots. */
struct castor_ring {
	uint32_t head; /* consumer writes */
	uint32_t pad0[15];
	uint32_t tail; /* producer writes */
	uint32_t pad1[15];
	struct castor_slot slot[CASTOR_RING_SLOTS];
};

/*
 * Where an upcall may run (R15). The twin holds a lock of the dvm: at once, in the hard IRQ, since
 * a softirq of this CPU may be spinning on that lock. Otherwise as the driver's own callers are: in
 * a softirq.
 */
enum castor_context { CASTOR_HARD_IRQ = 0, CASTOR_SOFTIRQ = 1 };

struct castor_upcall {
	uint64_t fn_dva;
	uint64_t arg[12];
	uint32_t args;    /* 0..12: the first six in registers, the others on the stack */
	uint32_t pending; /* hv sets the upcall's number, not 0; castor sets 0 after the call */
	uint32_t context; /* enum castor_context */
	uint32_t reserved;
	uint64_t result;
};

#define CASTOR_MAGIC       0x524f54534143ULL /* "CASTOR" */
#define CASTOR_VERSION     10
#define CASTOR_SECTIONS    64
#define CASTOR_IMPORTS     256
#define CASTOR_UC_MAX      32 /* unicast addresses that the hv wants received (R12) */
#define CASTOR_STACK_BYTES 8192

struct castor_shared {
	/* castor, before HELLO */
	uint64_t magic;
	uint32_t version, bytes;
	char vermagic[64]; /* of the running kernel */
	/* castor, before ATTACH */
	uint64_t pgd_gpa; /* init_top_pgt */
	uint64_t netdev_dva, napi_dva, txq_dva;
	uint64_t page_offset_base, vmemmap_base; /* values */
	uint64_t jiffies_dva;
	uint64_t
		/* skb->destructor of donated skbs: reports frees by the dvm in `gone` */
		destructor_dva;
	uint64_t
		/* a LOCK-prefixed instruction of the kernel: patched out = refuse (R8) */
		smp_lock_dva;
	uint64_t
		/* zeroed memory of a task_struct's size: what the twin takes for `current` */
		task_dva;
	uint64_t irq_desc_dva; /* the device's struct irq_desc: whose handler is registered (R9) */
	uint64_t stack_dva
		[2]; /* second stacks: [0] poll and interrupt, [1] transmit; guard pages around */
	uint64_t section[CASTOR_SECTIONS]; /* by index of the .twin's table; 0 = not there */
	uint64_t import[CASTOR_IMPORTS];
	/* hv */
	char query[128];
	uint32_t query_index;
	uint32_t
		/* since QUERY 0: of the .twin file; another one has other imports. Never 0 */
		image_number;
	uint32_t
		/* 1: attach when the interface is up; 0: stay detached (bridge mode) */
		want_attached;
	uint32_t want_skb, want_head, want_frag, want_page; /* totals to donate since HELLO */
	uint32_t frag_bytes;                                /* size of a frag to donate */
	uint32_t skb_bytes;                                 /* linear room of an skb to donate */
	uint32_t uc_count;
	uint32_t rings_whole; /* with CASTOR_EVENT_KILLED: the driver needs no reset */
	uint8_t uc[CASTOR_UC_MAX][6];
	int64_t poll_result;
	/* castor */
	uint32_t given_skb, given_head, given_frag, given_page; /* totals donated since HELLO */
	uint32_t hz; /* before ATTACH: ticks of the kernel in a second */
	uint32_t reserved2;
	char panic[128]; /* the kernel's last words */
	struct castor_upcall upcall;
	struct castor_ring donate; /* castor -> hv */
	struct castor_ring
		gone; /* castor -> hv: skbs that the dvm is about to free; RINGS follows at once */
	struct castor_ring free; /* hv -> castor: the dvm's own skbs, transmitted; free them */
	struct castor_ring
		/*
		 * hv -> castor: received frames for the dvm's stack, as skbs (dev, protocol set) or
		 * as bytes
		 */
		rx;
	struct castor_ring
		/*
		 * hv -> castor: donated objects returned at detach or no longer usable; free them
		 */
		back;
	uint8_t frame[CASTOR_RING_SLOTS][CASTOR_FRAME_MAX]; /* hv; of ring rx */
};

#endif
