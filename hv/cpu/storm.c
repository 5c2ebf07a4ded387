/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pins that fire without end. */
#include "cpu/storm.h"

#include "cpu/timer.h"
#include "debug/log.h"
#include "debug/stats.h"

#define PINS       24
#define ROW_MAX    16   /* interrupts that came at once when the pin was opened */
#define AT_ONCE_US 50   /* into a VM and out of it, in an emulator on a busy host too */
#define HOLD_US    1000 /* as long as a frame may wait while kicks are held back, twice */

uint64_t storm_open_tsc;
struct storm_counts storm_counts;

static struct pin {
	struct timer timer;
	void (*release)(unsigned int pin);
	uint64_t opened; /* storm_open_tsc then */
	unsigned int row;
} pins[PINS];
static bool told;

void storm_opened(unsigned int pin)
{
	pins[pin].opened = storm_open_tsc;
}

void storm_worked(unsigned int pin)
{
	pins[pin].row = 0;
}

static void fire(struct timer *timer)
{
	struct pin *p = container_of(timer, struct pin, timer);

	p->release(p - pins);
}

static void hold(struct pin *p)
{
	storm_counts.held++;
	if (!told)
		log_warn("pin %u fires as often as it is opened: it is served once in %u us",
			 (unsigned int)(p - pins), HOLD_US);
	told = true;
	p->timer.fire = fire;
	timer_arm(&p->timer, tsc_now() + us_to_tsc(HOLD_US));
}

bool storm_holds(unsigned int pin, void (*release)(unsigned int pin))
{
	struct pin *p = &pins[pin];

	if (storm_open_tsc - p->opened >= us_to_tsc(AT_ONCE_US))
		p->row = 0;
	else
		p->row++;
	storm_counts.longest = MAX(storm_counts.longest, p->row);
	if (p->row < ROW_MAX)
		return false;
	p->release = release;
	hold(p);
	return true;
}

static void stats_storm(void)
{
	json_u64("held", storm_counts.held);
	json_u64("longest_row", storm_counts.longest);
}
STATS("storm", stats_storm);
