/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer of the virtual local APIC. */
#include "dev/vlapic_timer.h"

#include "vm/vm.h"

#define TIMER_MODE     (3U << 17)
#define TIMER_PERIODIC (1U << 17)

#define BUS_DIVIDER 16 /* TSC ticks per tick of the APIC bus */

/*
 * Shortest period of the periodic timer. A shorter one, which only a hostile VM asks for, would
 * keep the hypervisor busy with nothing but this timer. KVM has the same bound
 * (min_timer_period_us).
 */
#define MIN_PERIOD_US 200

static uint32_t mode(const struct vlapic *apic)
{
	return apic->lvt[VLAPIC_LVT_TIMER] & TIMER_MODE;
}

static void deliver(struct vlapic *apic)
{
	uint32_t lvt = apic->lvt[VLAPIC_LVT_TIMER];

	if (!(lvt & VLAPIC_LVT_MASKED) && vlapic_raise(apic, lvt & 0xff, false))
		apic->timer_irqs++;
}

static void start(struct vlapic *apic, uint64_t deadline)
{
	apic->deadline = deadline;
	timer_arm(&apic->timer, deadline);
}

static void fire(struct timer *timer)
{
	struct vlapic *apic = container_of(timer, struct vlapic, timer);
	uint64_t now = tsc_now(), next = apic->deadline + apic->period;

	apic->deadline = 0;
	deliver(apic);
	/*
	 * Periods that were missed are dropped, else a VM that did not run would get them in one
	 * burst.
	 */
	if (apic->period && vm_alive(apic->vm))
		start(apic, next > now ? next : now + apic->period);
}

/* Divide configuration: bits 3, 1, 0; 0 = by 2 ... 6 = by 128, 7 = by 1 (SDM 3A figure 10-10). */
static uint64_t ticks_per_count(const struct vlapic *apic)
{
	unsigned int code = (apic->timer_divide & 3) | (apic->timer_divide >> 1 & 4);

	return (uint64_t)BUS_DIVIDER << (code == 7 ? 0 : code + 1);
}

void vlapic_timer_init(struct vlapic *apic)
{
	apic->timer.fire = fire;
}

void vlapic_timer_stop(struct vlapic *apic)
{
	apic->deadline = apic->period = 0;
	timer_cancel(&apic->timer);
}

void vlapic_timer_set_initial(struct vlapic *apic, uint32_t count)
{
	uint64_t ticks = count * ticks_per_count(apic);

	if (mode(apic) == VLAPIC_TIMER_DEADLINE)
		return;
	vlapic_timer_stop(apic);
	apic->timer_initial = count;
	if (!count)
		return;
	if (mode(apic) == TIMER_PERIODIC)
		apic->period = ticks = MAX(ticks, us_to_tsc(MIN_PERIOD_US));
	start(apic, tsc_now() + ticks);
}

uint32_t vlapic_timer_current(const struct vlapic *apic)
{
	uint64_t now = tsc_now();

	if (mode(apic) == VLAPIC_TIMER_DEADLINE || apic->deadline <= now)
		return 0;
	return (apic->deadline - now) / ticks_per_count(apic);
}

/* A deadline that has passed fires here and now: an exit later than asked is late enough. */
void vlapic_timer_set_deadline(struct vlapic *apic, uint64_t deadline)
{
	if (mode(apic) != VLAPIC_TIMER_DEADLINE)
		return;
	vlapic_timer_stop(apic);
	if (!deadline)
		return;
	if (deadline <= tsc_now())
		deliver(apic);
	else
		start(apic, deadline);
}

uint64_t vlapic_timer_deadline(const struct vlapic *apic)
{
	return mode(apic) == VLAPIC_TIMER_DEADLINE ? apic->deadline : 0;
}
