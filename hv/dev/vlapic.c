/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC. Registers are numbered as x2APIC MSRs: MSR 0x800 + reg, MMIO offset reg *
 * 16.
 */
#include "dev/vlapic.h"

#include "dev/vlapic_timer.h"
#include "lib/string.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800
#define MSR_KVM_PV_EOI   0x4b564d04

#define BASE_BSP  BIT(8)
#define BASE_EXTD BIT(10)
#define BASE_EN   BIT(11)
#define BASE_MODE (BASE_EXTD | BASE_EN)

enum reg {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT = 0x32,
	REG_INITIAL = 0x38,
	REG_CURRENT = 0x39,
	REG_DIVIDE = 0x3e,
	REG_SELF_IPI = 0x3f,
};

#define VERSION    0x50014 /* integrated APIC, 5 + 1 LVT entries, no EOI-broadcast suppression */
#define SVR_ENABLE BIT(8)
#define SVR_VALID  0x3ff

/*
 * Bits a VM may write, per LVT entry; the read-only ones (delivery status, remote IRR) always read
 * 0.
 */
static const uint32_t lvt_valid[VLAPIC_LVTS] = {
	[VLAPIC_LVT_TIMER] = 0x700ff, [VLAPIC_LVT_THERMAL] = 0x107ff, [VLAPIC_LVT_PERF] = 0x107ff,
	[VLAPIC_LVT_LINT0] = 0x1a7ff, [VLAPIC_LVT_LINT1] = 0x1a7ff,   [VLAPIC_LVT_ERROR] = 0x100ff,
};
#define LVT_READ_ONLY 0x5000U

#define ICR_LOGICAL     BIT(11)
#define ICR_STATUS      0x1000U /* delivery status: reserved in x2APIC mode */
#define ICR_RESERVED    0xfff32000U
#define ICR_MODE(icr)   ((icr) >> 8 & 7)
#define ICR_TO(icr)     ((icr) >> 18 & 3)
#define MODE_FIXED      0
#define MODE_LOWEST     1
#define ESR_SEND_VECTOR BIT(5)
#define ESR_RECV_VECTOR BIT(6)
#define FIRST_VECTOR    16

/* ---- bit arrays ---- */

static void vector_set(struct vlapic_map *map, unsigned int vector)
{
	map->word[vector / 32] |= 1U << vector % 32;
	map->used |= 1U << vector / 32;
}

static void vector_clear(struct vlapic_map *map, unsigned int vector)
{
	unsigned int i = vector / 32;

	map->word[i] &= ~(1U << vector % 32);
	if (!map->word[i])
		map->used &= ~(1U << i);
}

static bool vector_test(const struct vlapic_map *map, unsigned int vector)
{
	return map->word[vector / 32] >> vector % 32 & 1;
}

static int vector_highest(const struct vlapic_map *map)
{
	unsigned int i;

	if (!map->used)
		return -1;
	i = 31 - __builtin_clz(map->used);
	return i * 32 + 31 - __builtin_clz(map->word[i]);
}

/* Is `only` the one vector (or -1: none) set in a map? */
static bool vector_only(const struct vlapic_map *map, int only)
{
	if (only < 0)
		return !map->used;
	return map->used == 1U << only / 32 && map->word[only / 32] == 1U << only % 32;
}

/* ---- state ---- */

static bool x2apic_mode(const struct vlapic *apic)
{
	return (apic->base_msr & BASE_MODE) == BASE_MODE;
}

static bool xapic_mode(const struct vlapic *apic)
{
	return (apic->base_msr & BASE_MODE) == BASE_EN;
}

static bool accepting(const struct vlapic *apic)
{
	return (apic->base_msr & BASE_EN) && (apic->svr & SVR_ENABLE);
}

static uint32_t ppr(const struct vlapic *apic)
{
	int top = vector_highest(&apic->isr);
	uint32_t service = top < 0 ? 0 : top & 0xf0;

	return (apic->tpr & 0xf0) >= service ? apic->tpr : service;
}

/* SDM 3A 10.4.7.1: the state after power-up, but for the base and what is the hypervisor's. */
static void reset_registers(struct vlapic *apic)
{
	vlapic_timer_stop(apic);
	apic->irr = apic->isr = apic->tmr = (struct vlapic_map){ 0 };
	apic->svr = 0xff;
	apic->tpr = apic->esr = apic->esr_latch = 0;
	apic->timer_divide = apic->timer_initial = 0;
	apic->ldr = 0;
	apic->dfr = 0xffffffff;
	apic->icr = 0;
	for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
		apic->lvt[i] = VLAPIC_LVT_MASKED;
}

/* ---- register writes ---- */

static void lvt_write(struct vlapic *apic, unsigned int i, uint32_t val)
{
	uint32_t old = apic->lvt[i];

	val &= lvt_valid[i];
	if (!(apic->svr & SVR_ENABLE))
		val |= VLAPIC_LVT_MASKED;
	apic->lvt[i] = val;
	/* SDM 3A 10.5.4.1: a change from or to TSC-deadline mode disarms the timer. */
	if (i == VLAPIC_LVT_TIMER && (old ^ val) & VLAPIC_TIMER_DEADLINE)
		vlapic_timer_stop(apic);
}

static void svr_write(struct vlapic *apic, uint32_t val)
{
	bool was = apic->svr & SVR_ENABLE;

	apic->svr = val & SVR_VALID;
	if (!(val & SVR_ENABLE)) {
		for (unsigned int i = 0; i < VLAPIC_LVTS; i++)
			apic->lvt[i] |= VLAPIC_LVT_MASKED;
	} else if (!was) {
		vioapic_rescan(&apic->vm->ioapic); /* level pins that found the APIC off */
	}
}

static void eoi(struct vlapic *apic)
{
	int vector = vector_highest(&apic->isr);

	if (vector < 0)
		return;
	vector_clear(&apic->isr, vector);
	if (vector_test(&apic->tmr, vector))
		vioapic_eoi(&apic->vm->ioapic, vector);
}

/* Does the destination of an interrupt command without shorthand include this, the only, APIC? */
static bool icr_hits_self(const struct vlapic *apic, uint64_t icr)
{
	uint32_t dest = icr >> 32;

	if (x2apic_mode(apic)) {
		if (dest == 0xffffffff)
			return true;
		return icr & ICR_LOGICAL ? !(dest >> 16) && (dest & 1) : dest == 0;
	}
	dest >>= 24;
	if (dest == 0xff || !(icr & ICR_LOGICAL))
		return dest == 0xff || dest == 0;
	if (apic->dfr >> 28 == 0xf) /* flat model */
		return dest & apic->ldr >> 24;
	return dest >> 4 == apic->ldr >> 28 && (dest & apic->ldr >> 24 & 0xf);
}

static void send_self(struct vlapic *apic, uint8_t vector)
{
	if (vector < FIRST_VECTOR)
		apic->esr_latch |= ESR_SEND_VECTOR;
	else
		vlapic_raise(apic, vector, false);
}

static void icr_write(struct vlapic *apic, uint64_t icr)
{
	static const char to_self[4] = { false, true, true, false }; /* by shorthand */
	unsigned int mode = ICR_MODE(icr), to = ICR_TO(icr);

	apic->icr = icr;
	if (mode != MODE_FIXED && mode != MODE_LOWEST)
		return;
	if (to ? to_self[to] : icr_hits_self(apic, icr))
		send_self(apic, icr);
}

/* Registers that are written alike in both modes. False: there is no such register to write. */
static bool reg_write(struct vlapic *apic, unsigned int reg, uint32_t val)
{
	switch (reg) {
	case REG_TPR:
		apic->tpr = val & 0xff;
		return true;
	case REG_EOI:
		apic->eois++;
		eoi(apic);
		return true;
	case REG_SVR:
		svr_write(apic, val);
		return true;
	case REG_ESR: /* the write makes what has been collected readable */
		apic->esr = apic->esr_latch;
		apic->esr_latch = 0;
		return true;
	case REG_LVT ... REG_LVT + VLAPIC_LVTS - 1:
		lvt_write(apic, reg - REG_LVT, val);
		return true;
	case REG_INITIAL:
		vlapic_timer_set_initial(apic, val);
		return true;
	case REG_DIVIDE:
		apic->timer_divide = val & 0xb;
		return true;
	default:
		return false;
	}
}

static bool reg_read(const struct vlapic *apic, unsigned int reg, uint32_t *val)
{
	switch (reg) {
	case REG_ID:
		*val = 0;
		return true;
	case REG_VERSION:
		*val = VERSION;
		return true;
	case REG_TPR:
		*val = apic->tpr;
		return true;
	case REG_PPR:
		*val = ppr(apic);
		return true;
	case REG_SVR:
		*val = apic->svr;
		return true;
	case REG_ISR ... REG_ISR + 7:
		*val = apic->isr.word[reg - REG_ISR];
		return true;
	case REG_TMR ... REG_TMR + 7:
		*val = apic->tmr.word[reg - REG_TMR];
		return true;
	case REG_IRR ... REG_IRR + 7:
		*val = apic->irr.word[reg - REG_IRR];
		return true;
	case REG_ESR:
		*val = apic->esr;
		return true;
	case REG_LVT ... REG_LVT + VLAPIC_LVTS - 1:
		*val = apic->lvt[reg - REG_LVT];
		return true;
	case REG_INITIAL:
		*val = apic->timer_initial;
		return true;
	case REG_CURRENT:
		*val = vlapic_timer_current(apic);
		return true;
	case REG_DIVIDE:
		*val = apic->timer_divide;
		return true;
	default:
		return false;
	}
}

/* ---- x2APIC ---- */

/* Bits that WRMSR may have set; the others are #GP (SDM 3A 10.12.1.2, table 10-6). */
static uint64_t x2apic_valid(unsigned int reg)
{
	switch (reg) {
	case REG_TPR:
	case REG_SELF_IPI:
		return 0xff;
	case REG_SVR:
		return SVR_VALID;
	case REG_ICR:
		return ~(uint64_t)(ICR_RESERVED | ICR_STATUS);
	case REG_LVT ... REG_LVT + VLAPIC_LVTS - 1:
		return lvt_valid[reg - REG_LVT] | LVT_READ_ONLY;
	case REG_INITIAL:
		return 0xffffffff;
	case REG_DIVIDE:
		return 0xb;
	default:
		return 0; /* EOI and ESR: the only value is 0 */
	}
}

static bool x2apic_write(struct vlapic *apic, unsigned int reg, uint64_t val)
{
	if (!x2apic_mode(apic) || (val & ~x2apic_valid(reg)))
		return false;
	if (reg == REG_ICR) {
		icr_write(apic, val);
		return true;
	}
	if (reg == REG_SELF_IPI) {
		send_self(apic, val);
		return true;
	}
	return reg_write(apic, reg, val);
}

static bool x2apic_read(const struct vlapic *apic, unsigned int reg, uint64_t *val)
{
	uint32_t low;

	if (!x2apic_mode(apic))
		return false;
	if (reg == REG_ICR) {
		*val = apic->icr;
		return true;
	}
	if (reg == REG_LDR) {
		*val = 1; /* cluster 0, member 0: SDM 3A 10.12.10.2 */
		return true;
	}
	if (!reg_read(apic, reg, &low))
		return false;
	*val = low;
	return true;
}

/*
 * SDM 3A 10.12.5: from off to xAPIC, from xAPIC to x2APIC, from any to off; nothing else. The page
 * does not move: no system does that, and the nested page table is open there.
 */
static bool base_write(struct vlapic *apic, uint64_t val)
{
	uint64_t from = apic->base_msr & BASE_MODE, to = val & BASE_MODE;

	if ((val & ~(BASE_BSP | BASE_MODE)) != VLAPIC_GPA || to == BASE_EXTD)
		return false;
	if ((!from && to == BASE_MODE) || (from == BASE_MODE && to == BASE_EN))
		return false;
	apic->base_msr = VLAPIC_GPA | BASE_BSP | to;
	if (!to)
		reset_registers(apic);
	return true;
}

/* ---- PV-EOI ---- */

static bool pv_eoi_write(struct vlapic *apic, uint64_t val)
{
	volatile uint32_t *word = NULL;

	if (val & 1)
		word = vm_ram(apic->vm, val & ~1UL, sizeof(*word));
	if (val & 2 || ((val & 1) && !word))
		return false;
	apic->pv_eoi_msr = val;
	apic->pv_eoi_word = word;
	return true;
}

/*
 * May the EOI that the guest does next go unseen? Only if it is of an edge vector, and nothing
 * waits for it.
 */
static bool pv_eoi_allowed(const struct vlapic *apic, int offered)
{
	int service = vector_highest(&apic->isr);
	int ends = offered >= 0 ? offered : service;

	return ends >= 0 && !vector_test(&apic->tmr, ends) && vector_only(&apic->irr, offered) &&
	       vector_only(&apic->isr, offered >= 0 ? -1 : service);
}

static void pv_eoi_offer(struct vlapic *apic, int offered)
{
	if (!apic->pv_eoi_word || !pv_eoi_allowed(apic, offered))
		return;
	*apic->pv_eoi_word |= 1;
	apic->pv_eoi_pending = true;
}

static void pv_eoi_collect(struct vlapic *apic)
{
	volatile uint32_t *word = apic->pv_eoi_word;
	uint32_t val;

	if (!word || !apic->pv_eoi_pending)
		return;
	apic->pv_eoi_pending = false;
	val = *word;
	if (val & 1) {
		*word = val & ~1U;
	} else if (vector_highest(&apic->isr) >= 0) {
		apic->pv_eois++;
		eoi(apic);
	}
}

/* ---- public ---- */

void vlapic_init(struct vlapic *apic, struct vm *vm)
{
	memset(apic, 0, sizeof(*apic));
	apic->vm = vm;
	vlapic_timer_init(apic);
	apic->offered = -1;
	apic->base_msr = VLAPIC_GPA | BASE_EN | BASE_BSP;
	reset_registers(apic);
}

bool vlapic_msr_read(struct vlapic *apic, uint32_t msr, uint64_t *val)
{
	switch (msr) {
	case MSR_APIC_BASE:
		*val = apic->base_msr;
		return true;
	case MSR_TSC_DEADLINE:
		*val = vlapic_timer_deadline(apic);
		return true;
	case MSR_KVM_PV_EOI:
		*val = apic->pv_eoi_msr;
		return true;
	case MSR_X2APIC ... MSR_X2APIC + 0xff:
		return x2apic_read(apic, msr - MSR_X2APIC, val);
	default:
		return false;
	}
}

bool vlapic_msr_write(struct vlapic *apic, uint32_t msr, uint64_t val)
{
	switch (msr) {
	case MSR_APIC_BASE:
		return base_write(apic, val);
	case MSR_TSC_DEADLINE:
		vlapic_timer_set_deadline(apic, val);
		return true;
	case MSR_KVM_PV_EOI:
		return pv_eoi_write(apic, val);
	case MSR_X2APIC ... MSR_X2APIC + 0xff:
		return x2apic_write(apic, msr - MSR_X2APIC, val);
	default:
		return false;
	}
}

uint32_t vlapic_mmio_read(struct vlapic *apic, uint32_t off)
{
	unsigned int reg = off >> 4;
	uint32_t val = 0;

	if (!xapic_mode(apic))
		return 0xffffffff;
	if (off & 0xf) /* SDM 3A 10.4.1: registers are 32 bits wide, 16 bytes apart */
		return 0;
	switch (reg) {
	case REG_LDR:
		return apic->ldr;
	case REG_DFR:
		return apic->dfr;
	case REG_ICR:
		return apic->icr;
	case REG_ICR_HIGH:
		return apic->icr >> 32;
	default:
		reg_read(apic, reg, &val); /* a hole reads 0 */
		return val;
	}
}

void vlapic_mmio_write(struct vlapic *apic, uint32_t off, uint32_t val)
{
	unsigned int reg = off >> 4;

	if (!xapic_mode(apic) || (off & 0xf))
		return;
	switch (reg) {
	case REG_LDR:
		apic->ldr = val & 0xff000000;
		return;
	case REG_DFR:
		apic->dfr = val | 0x0fffffff;
		return;
	case REG_ICR:
		icr_write(apic, (apic->icr & ~0xffffffffUL) | (val & ~(ICR_RESERVED | ICR_STATUS)));
		return;
	case REG_ICR_HIGH:
		apic->icr = (uint32_t)apic->icr | (uint64_t)(val & 0xff000000) << 32;
		return;
	default:
		reg_write(apic, reg, val); /* read-only registers and holes ignore it */
	}
}

bool vlapic_raise(struct vlapic *apic, unsigned int vector, bool level)
{
	if (vector > 0xff || !accepting(apic))
		return false;
	if (vector < FIRST_VECTOR) {
		apic->esr_latch |= ESR_RECV_VECTOR;
		return false;
	}
	vector_set(&apic->irr, vector);
	if (level)
		vector_set(&apic->tmr, vector);
	else
		vector_clear(&apic->tmr, vector);
	if ((int)vector == apic->offered)
		apic->raised_again = true;
	if (vlapic_pending(apic) >= 0)
		apic->vm->vcpu.halted = false;
	return true;
}

int vlapic_pending(const struct vlapic *apic)
{
	int vector = vector_highest(&apic->irr);

	if (vector < 0 || !accepting(apic) || (vector & 0xf0) <= (int)(ppr(apic) & 0xf0))
		return -1;
	return vector;
}

/*
 * A vector that came again while it was being delivered stays in the IRR: it is another interrupt.
 */
void vlapic_accept(struct vlapic *apic, unsigned int vector)
{
	if (!apic->raised_again || (int)vector != apic->offered)
		vector_clear(&apic->irr, vector);
	vector_set(&apic->isr, vector);
	apic->accepted++;
}

bool vlapic_has_request(const struct vlapic *apic)
{
	return vector_highest(&apic->irr) >= 0;
}

void vlapic_pv_eoi_before_entry(struct vlapic *apic, int vector)
{
	apic->offered = vector;
	apic->raised_again = false;
	pv_eoi_offer(apic, vector);
}

void vlapic_pv_eoi_after_exit(struct vlapic *apic, bool delivered)
{
	(void)delivered; /* seen in the ISR; a vector that was not taken is not there */
	apic->offered = -1;
	pv_eoi_collect(apic);
}
