/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM that paid least is next. */
#include "vm/turn.h"

#include "cpu/timer.h"
#include "vm/vm.h"

static uint64_t level; /* what the VM had paid that got the last turn; it only rises */

static uint64_t paid(struct vm *vm)
{
	uint64_t saved = us_to_tsc(TURN_SLICE_US);

	if (vm->paid_tsc + saved < level)
		vm->paid_tsc = level - saved;
	return vm->paid_tsc;
}

/* Equal ones come in turn: the search begins behind the present one. */
static struct vm *poorest(const struct vm *now)
{
	unsigned int start = now ? now->id : 0;
	struct vm *best = NULL;

	for (unsigned int i = 1; i <= vm_count; i++) {
		struct vm *vm = vms[(start + i) % vm_count];

		if (vm_can_run(vm) && (!best || paid(vm) < best->paid_tsc))
			best = vm;
	}
	return best;
}

struct vm *turn_next(struct vm *now, bool slice_over)
{
	struct vm *best = poorest(now);

	if (now && vm_can_run(now) && !slice_over &&
	    best->paid_tsc + us_to_tsc(TURN_SLICE_US) >= now->paid_tsc)
		return now;
	if (best)
		level = MAX(level, best->paid_tsc);
	return best;
}
