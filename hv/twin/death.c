/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a failed invocation to the kind of stop that it makes. */
#include "twin/death.h"

#include "cpu/timer.h"
#include "debug/log.h"
#include "lib/string.h"
#include "twin/native.h"
#include "twin/outage.h"
#include "twin/repair.h"
#include "twin/run.h"
#include "twin/transmit.h"
#include "twin/uplink.h"
#include "vm/vm.h"

#define SEND_MS            20 /* of its own time, for a driver VM to end sending a frame */
#define CLEAN_AGAIN_FRAMES 16 /* that the twin moves between two clean stops */

static bool noted, declared;
static char why[200];
static uint64_t died_at;         /* TSC */
static uint64_t waits_since;     /* vm_time() of the driver VM */
static bool foreign;             /* the driver VM has the transmit lock */
static const char *rings_broken; /* NULL: they are whole */

static void note(const char *what)
{
	if (noted)
		return;
	noted = true;
	died_at = tsc_now();
	waits_since = vm_time(twin_att.dvm);
	strlcpy(why, what, sizeof(why));
}

void death_declare(const char *what)
{
	note(what);
	declared = true;
}

const char *death_why(uint64_t *since)
{
	note(run_why());
	*since = died_at;
	return why;
}

static void look_body(uint64_t arg)
{
	(void)arg;
	foreign = transmit_lock_is_foreign();
}

bool death_waits(void)
{
	note(run_why());
	return vm_time(twin_att.dvm) - waits_since < SEND_MS * tsc_khz &&
	       run_invocation(look_body, 0) && foreign;
}

static void repair_body(uint64_t arg)
{
	(void)arg;
	if (transmit_lock_is_foreign())
		rings_broken = "the driver VM never ends sending";
	else
		rings_broken = repair_rings(uplink_delivered());
}

void death_forget(void)
{
	noted = declared = false;
}

bool death_leaves_rings_whole(uint64_t frames)
{
	bool reset = declared;

	death_forget();
	if (reset)
		rings_broken = "the driver does not move its frames";
	else if (outage_last() == OUTAGE_CLEAN && frames < CLEAN_AGAIN_FRAMES)
		rings_broken = "the twin died soon after such a stop";
	else if (!run_invocation(repair_body, 0))
		rings_broken = run_why();
	if (rings_broken)
		log_info("twin's rings are not handed over: %s", rings_broken);
	return !rings_broken;
}
