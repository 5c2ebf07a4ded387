/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attach, detach, kill. */
#include "twin/attach.h"

#include "cpu/timer.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "net/net.h"
#include "net/lend.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "twin/card.h"
#include "twin/castor.h"
#include "twin/check.h"
#include "twin/death.h"
#include "twin/gate.h"
#include "twin/judge.h"
#include "twin/load.h"
#include "twin/loan.h"
#include "twin/native.h"
#include "twin/outage.h"
#include "twin/pool.h"
#include "twin/receive.h"
#include "twin/run.h"
#include "twin/scrub.h"
#include "twin/stlb.h"
#include "twin/supply.h"
#include "twin/transmit.h"
#include "twin/upcall.h"
#include "twin/uplink.h"
#include "twin/watch.h"
#include "twin/window.h"
#include "virt/virt_ops.h"
#include "vm/vm.h"

static enum attach_state state;
static struct vm *dvm;
static const struct vpci_pass *nic;
static bool wanted;             /* net=twin */
static enum twin_engine engine; /* of the next attachment */
static uint32_t image_number;   /* goes up when twin_image is another file */
static bool asked;              /* the monitor asked for a stop, and its time is running */
static uint64_t section_dva[CASTOR_SECTIONS], import_dva[CASTOR_IMPORTS];
static struct attach_counts counts;
static uint64_t frames_at_attach;

/* The twin died: castor has to have the driver reset. vm_time() of the death, or 0. */
static uint64_t reset_due_since;

/* Wakes an idle hypervisor to look at the time. */
static void answer_fire(struct timer *timer)
{
	(void)timer;
}
static struct timer answer_timer = { .fire = answer_fire };

enum attach_state attach_state(void)
{
	return state;
}

const char *attach_state_name(void)
{
	static const char *const names[] = { "absent", "detached", "attached", "dead" };

	return names[state];
}

const struct attach_counts *attach_counts(void)
{
	return &counts;
}

static void image_is_new(void)
{
	image_number++;
	log_info("twin of %s: %u bytes, %u imports, engine %s, level %s, for kernel %s",
		 twin_image.head->module, twin_count(TWIN_TABLE_TEXT),
		 twin_count(TWIN_TABLE_IMPORTS), judge_engine_name(twin_image.head->engine),
		 judge_level_name(twin_image.head->facts), twin_image.head->vermagic);
}

void attach_init(const struct config *cfg, struct vm *dvm_, const struct vpci_pass *nic_)
{
	wanted = cfg->net == NET_TWIN;
	dvm = dvm_;
	nic = nic_;
	if (!cfg->twins || !dvm)
		return;
	engine = cfg->svm;
	if (judge_read_images(cfg))
		return;
	run_init();
	uplink_init();
	card_prepare(nic);
	state = TWIN_DETACHED;
	image_is_new();
}

/* The addresses of all guests' cards, for the NIC's receive filter (R12). */
static void write_addresses(struct castor_shared *area)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < vm_count && n < CASTOR_UC_MAX; i++)
		if (vms[i]->kind == VM_GUEST)
			memcpy(area->uc[n++], vms[i]->mac, 6);
	area->uc_count = n;
}

void attach_hello(struct castor_shared *area)
{
	area->want_attached = wanted;
	supply_hello(area);
	write_addresses(area);
	twin_att.dvm = dvm;
	twin_att.page_offset_base = area->page_offset_base;
	twin_att.dvm_bytes = dvm->mem_size;
	pool_reset();
}

/* The file that the monitor chose, for the attachment that begins with this question. */
static void begin_questions(struct castor_shared *area)
{
	if (state != TWIN_ATTACHED && judge_take_engine(engine)) {
		upcall_forget();
		image_is_new();
	}
	area->image_number = image_number;
}

int64_t attach_query(struct castor_shared *area, uint64_t index)
{
	const struct twin_section *s;
	const struct twin_import *imp;
	uint64_t sections;

	if (state == TWIN_ABSENT)
		return -ENOENT;
	if (!index)
		begin_questions(area);
	s = twin_table(TWIN_TABLE_SECTIONS);
	imp = twin_table(TWIN_TABLE_IMPORTS);
	sections = twin_count(TWIN_TABLE_SECTIONS);
	if (index < sections) {
		area->query_index = index;
		strlcpy(area->query, twin_string(s[index].name), sizeof(area->query));
		return CASTOR_QUERY_SECTION;
	}
	index -= sections;
	if (index >= twin_count(TWIN_TABLE_IMPORTS))
		return CASTOR_QUERY_END;
	area->query_index = index;
	strlcpy(area->query, twin_string(imp[index].name), sizeof(area->query));
	return imp[index].kind == TWIN_IMPORT_MODULE ? CASTOR_QUERY_MODULE_FUNCTION
						     : CASTOR_QUERY_SYMBOL;
}

/* The area is the driver VM's memory: each number is copied once. */
static void copy_facts(const struct castor_shared *area)
{
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);
	struct vcpu_sysregs regs; /* of castor's hypercall, so the kernel's */

	memcpy(section_dva, area->section, sizeof(section_dva));
	memcpy(import_dva, area->import, sizeof(import_dva));
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_IMPORTS); i++)
		if (imp[i].kind == TWIN_IMPORT_MODULE && imp[i].section < CASTOR_SECTIONS)
			import_dva[i] = section_dva[imp[i].section] + imp[i].module_offset;
	virt->sysregs_read(&dvm->vcpu, &regs);
	twin_att = (struct twin_attachment){ .dvm = dvm,
					     .netdev = area->netdev_dva,
					     .napi = area->napi_dva,
					     .txq = area->txq_dva,
					     .jiffies = area->jiffies_dva,
					     .destructor = area->destructor_dva,
					     .task = area->task_dva,
					     .irq_desc = area->irq_desc_dva,
					     .page_offset_base = area->page_offset_base,
					     .vmemmap_base = area->vmemmap_base,
					     .percpu = regs.gs_base,
					     .dvm_bytes = dvm->mem_size };
}

static int refuse(const char *why)
{
	log_warn("twin not attached: %s", why);
	return -EINVAL;
}

static bool same_kernel(const struct castor_shared *area)
{
	char running[sizeof(area->vermagic)];

	memcpy(running, area->vermagic, sizeof(running));
	running[sizeof(running) - 1] = 0;
	return strcmp(running, twin_image.head->vermagic) == 0;
}

/* Frames that came by the twin, both ways. */
static uint64_t twin_frames(void)
{
	return receive_counts.frames + transmit_counts.sent;
}

/* Frames that the driver VM's card brought. */
static uint64_t bridge_frames(void)
{
	return dvm && dvm->vnic ? dvm->vnic->port.tx.packets : 0;
}

int64_t attach_attach(struct castor_shared *area)
{
	struct twin_binding binding = { section_dva, import_dva, 0 };
	const char *why = NULL;

	if (state == TWIN_ABSENT)
		return -ENOENT;
	if (state == TWIN_ATTACHED)
		return -EBUSY;
	if (!same_kernel(area))
		return refuse("it was derived for another kernel");
	copy_facts(area);
	if (run_set_hz(area->hz))
		return refuse("how often the driver VM's kernel ticks is unknown");
	_Static_assert(TWIN_STACK_LIMIT + TWIN_STACK_FLOOR <= CASTOR_STACK_BYTES,
		       "the second stack is as deep as the first may get in derived code");
	binding.stack_distance =
		area->stack_dva[0] + CASTOR_STACK_BYTES - (uint64_t)run_stack_top();
	if (binding.stack_distance >> 47 != 0x1ffff)
		return refuse("the second stack is too low for a segment base");
	if (window_open(dvm, area->pgd_gpa, twin_att.page_offset_base, nic))
		return refuse("the driver VM's page table is not in its memory");
	if (twin_image.head->engine == TWIN_ENGINE_STLB)
		stlb_open();
	supply_take();
	upcall_bind(import_dva);
	loan_allow(!upcall_is_forced("dma_map_page_attrs"));
	if (twin_place(&binding) ||
	    (why = check_kernel(section_dva, import_dva, area->smp_lock_dva))) {
		if (why)
			refuse(why);
		twin_unplace();
		stlb_close();
		window_close();
		return -EINVAL;
	}
	twin_att.handler = twin_entry_module(TWIN_ROLE_INTR, section_dva);
	run_set_segments(binding.stack_distance);
	counts.attachments++;
	state = TWIN_ATTACHED;
	if (dvm->vnic)
		net_drain(dvm); /* its bridge forwarded it; afterwards it is spoofed (R13) */
	uplink_open(nic->pin);
	stuck_attached();
	log_info("twin for the module at %lx, with jiffies at %lx and RAM from %lx", section_dva[0],
		 twin_att.jiffies, twin_att.page_offset_base);
	outage_attached(twin_frames());
	frames_at_attach = twin_frames();
	log_info("twin attached (%lu. time): pool %u skbs, %u heads, %u fragments",
		 counts.attachments, pool_level(CASTOR_SKB), pool_level(CASTOR_HEAD),
		 pool_level(CASTOR_FRAG));
	return 0;
}

/* Back to the classic path; R13: one step. */
static void uplink_to_bridge(void)
{
	switch_set_uplink(net_switch(), dvm->vnic && vm_alive(dvm) ? &dvm->vnic->port : NULL);
}

static void take_off(void)
{
	uplink_to_bridge();
	uplink_close();
	supply_take();
	pool_leave(); /* they are real objects of the driver VM's: its driver frees them */
	supply_report();
	castor_flush();
	twin_unplace();
	stlb_close();
	window_close();
}

void attach_rings(struct castor_shared *area)
{
	supply_take();
	if (state != TWIN_ATTACHED)
		return;
	supply_want(area);
	uplink_kick();
}

/*
 * R19. The pin was masked by its interrupt handler or is masked by closing; entry stops with the
 * state.
 */
static void kill(void)
{
	uint64_t since;
	bool whole;

	counts.deaths++;
	strlcpy(counts.last_why, death_why(&since), sizeof(counts.last_why));
	log_warn("twin killed: %s", counts.last_why);
	state = TWIN_DEAD;
	whole = death_leaves_rings_whole(twin_frames() - frames_at_attach);
	outage_stop(whole ? OUTAGE_CLEAN : OUTAGE_DIRTY, since);
	transmit_after_kill();
	take_off();
	if (castor_area())
		castor_area()->rings_whole = whole;
	castor_raise(CASTOR_EVENT_KILLED | CASTOR_EVENT_WAKE);
	reset_due_since = vm_time(dvm);
}

int64_t attach_detach(struct castor_shared *area)
{
	(void)area;
	if (state != TWIN_ATTACHED && state != TWIN_DEAD)
		return -EINVAL;
	if (state == TWIN_ATTACHED && uplink_failed()) /* it waits for the driver VM (death.h) */
		kill();
	if (state == TWIN_ATTACHED) {
		if (!asked)
			outage_stop(OUTAGE_ASKED, tsc_now());
		take_off();
		log_info("twin detached");
	}
	asked = false;
	state = TWIN_DETACHED;
	return 0;
}

void attach_reset_done(void)
{
	reset_due_since = 0;
	outage_driver_ready();
}

void attach_bridge_open(void)
{
	outage_bridge_open(bridge_frames());
}

bool attach_reset_due(void)
{
	return reset_due_since;
}

bool attach_reset_overdue(void)
{
	uint64_t limit = CASTOR_ANSWER_S * 1000 * tsc_khz;

	if (!reset_due_since)
		return false;
	if (!answer_timer.deadline)
		timer_arm(&answer_timer, tsc_now() + limit);
	return vm_time(dvm) - reset_due_since > limit;
}

void attach_dvm_ended(void)
{
	reset_due_since = 0;
	switch_set_uplink(net_switch(), NULL);
	if (state == TWIN_ATTACHED) {
		log_warn("twin taken off: its driver VM has ended");
		uplink_close();
		twin_unplace();
		window_close();
	}
	if (state != TWIN_ABSENT)
		state = TWIN_DETACHED;
	death_forget();
	stuck_forget();
	pool_reset();
	castor_reset();
}

/* A driver that lives and moves no frame; true: that was the end of the twin or of its VM. */
static bool ends_stuck(void)
{
	const char *what = NULL;
	enum stuck_verdict v = watch_look(dvm, &what);

	if (v == STUCK_DVM) {
		vm_kill(dvm, "its card moves no frame, after a reset of its driver: %s", what);
	} else if (v == STUCK_TWIN) {
		if (what)
			death_declare(what);
		kill();
	}
	return v != STUCK_NO;
}

void attach_poll(bool look)
{
	if (lend_recalled())
		transmit_recall();
	loan_poll();
	outage_poll(bridge_frames(), twin_frames());
	if (state != TWIN_ATTACHED)
		return;
	if (uplink_failed()) {
		if (!death_waits())
			kill();
		return;
	}
	if (look && scrub_finds()) {
		kill();
		return;
	}
	if (look && ends_stuck())
		return;
	if (upcall_run_queued())
		return; /* the driver VM is dead, and the next turn buries it */
	supply_renew();
	if (supply_is_due(twin_frames())) {
		supply_take();
		supply_want(castor_area());
	}
}

static void set_wanted(bool twin)
{
	struct castor_shared *area = castor_area();

	wanted = twin;
	asked = !twin && state == TWIN_ATTACHED;
	if (asked)
		outage_stop(OUTAGE_ASKED, tsc_now());
	else if (twin)
		outage_start();
	if (area) {
		area->want_attached = twin;
		castor_raise(CASTOR_EVENT_MODE);
	}
}

bool attach_wanted(void)
{
	return wanted;
}

/* 0, or -EINVAL: it is neither engine's name. */
static int engine_named(const char *name, enum twin_engine *e)
{
	for (*e = TWIN_ENGINE_WINDOW; *e <= TWIN_ENGINE_STLB; ++*e)
		if (strcmp(name, judge_engine_name(*e)) == 0)
			return 0;
	return -EINVAL;
}

static int monitor_mode(int argc, char **argv)
{
	bool twin = argc >= 2 && strcmp(argv[1], "twin") == 0;
	enum twin_engine next = engine;

	if (argc < 2 || argc > 2 + twin || (!twin && strcmp(argv[1], "bridge")) ||
	    (argc == 3 && engine_named(argv[2], &next))) {
		mon("usage: mode bridge, or mode twin [window|stlb] (now %s, twin %s, engine %s)",
		    wanted ? "twin" : "bridge", attach_state_name(), judge_engine_name(engine));
		return -EINVAL;
	}
	if (twin && state == TWIN_ABSENT) {
		mon("there is no twin: no module twin=, or it was refused");
		return -ENOENT;
	}
	if (twin && !judge_has_engine(next)) {
		mon("no twin of engine %s is on the medium", judge_engine_name(next));
		return -ENOENT;
	}
	engine = next;
	set_wanted(twin);
	return 0;
}
MONITOR("mode", "mode bridge, mode twin [window|stlb]: how guests' frames reach the wire",
	monitor_mode);
