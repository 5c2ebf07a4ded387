/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The twin's code against the judge's copy, once a second. */
#include "twin/scrub.h"

#include "cpu/timer.h"
#include "cpu/x86.h"
#include "twin/load.h"
#include "twin/run.h"

#define SCRUB_MS 1000

bool scrub_finds(void)
{
	static uint64_t looked;
	uint64_t now = tsc_now(), at;

	if (now - looked < SCRUB_MS * tsc_khz)
		return false;
	looked = now;
	at = twin_changed_at();
	if (at)
		run_blame("its code is no more what was judged", at);
	return at;
}
