/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM that paid least is next. */
#include "vm/turn.h"

#include "cpu/timer.h"
#include "vm/vm.h"

static uint64_t level; /* what the VM had paid that got the last turn; it only rises */

static void forget_savings(struct vm *vm)
{
	uint64_t saved = us_to_tsc(TURN_SLICE_US);

	if (vm->paid_tsc + saved < level)
		vm->paid_tsc = level - saved;
}

/* Equal ones come in turn: the search begins behind the present one. */
static struct vm *poorest(const struct vm *now)
{
	unsigned int start = now ? now->id : 0;
	struct vm *best = NULL;

	for (unsigned int i = 1; i <= vm_count; i++) {
		struct vm *vm = vms[(start + i) % vm_count];

		if (!vm_can_run(vm))
			continue;
		forget_savings(vm);
		if (!best || vm->paid_tsc < best->paid_tsc)
			best = vm;
	}
	return best;
}

void turn_owe(struct vm *vm, uint64_t ticks)
{
	vm->owed_tsc = MIN(vm->owed_tsc + ticks, us_to_tsc(TURN_DEBT_US));
}

/* It gets the CPU, and pays what it owes. */
static struct vm *turn_of(struct vm *vm)
{
	vm->paid_tsc += vm->owed_tsc;
	vm->owed_tsc = 0;
	return vm;
}

struct vm *turn_next(struct vm *now, bool slice_over)
{
	struct vm *best = poorest(now);

	if (!best)
		return NULL;
	if (now && vm_can_run(now) && !slice_over &&
	    best->paid_tsc + us_to_tsc(TURN_SLICE_US) >= now->paid_tsc)
		return turn_of(now);
	level = MAX(level, best->paid_tsc);
	return turn_of(best);
}
