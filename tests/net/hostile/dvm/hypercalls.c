// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the driver VM's kernel: castor's hypercalls with random numbers and arguments, behind
 * castor's back, from a seed. Loading it does that and says how many were taken; then it is to be
 * unloaded. Not CASTOR_HC_PANIC, whose every use ends the VM, as it should.
 */
#include <linux/module.h>
#include <linux/prandom.h>
#include <asm/asm.h>
#include "castor_abi.h"

static unsigned long seed = 1, count = 1000;
module_param(seed, ulong, 0);
module_param(count, ulong, 0);

static u64 random_value(struct rnd_state *rng)
{
	u64 bits = (u64)prandom_u32_state(rng) << 32 | prandom_u32_state(rng);

	switch (bits % 4) {
	case 0:
		return bits >> 2 & 7;
	case 1:
		return bits >> (bits >> 2 & 63);
	case 2: /* RAM, mostly: by its address there, or in the kernel's half */
		return (bits >> 3 & 0xffff000) | (bits & 4 ? PAGE_OFFSET : 0);
	default:
		return bits;
	}
}

/* Whether the hypervisor took it: it answers others with #UD. */
static bool hypercall(u64 nr, u64 a, u64 b, u64 c)
{
	bool taken = false;

	asm volatile("1: vmmcall\n"
		     "movb $1, %[taken]\n"
		     "2:\n" _ASM_EXTABLE(1b, 2b)
		     : "+a"(nr), "+b"(a), "+c"(b), "+d"(c), [taken] "+m"(taken)
		     :
		     : "memory");
	return taken;
}

static int __init hostile_init(void)
{
	struct rnd_state rng;
	unsigned long taken = 0, wrong = 0;

	prandom_seed_state(&rng, seed);
	for (unsigned long i = 0; i < count; i++) {
		u64 nr = CASTOR_HC_HELLO - 1 + prandom_u32_state(&rng) % 16;
		bool known = nr >= CASTOR_HC_HELLO && nr < CASTOR_HC_END, took;

		if (nr == CASTOR_HC_PANIC)
			continue;
		took = hypercall(nr, random_value(&rng), random_value(&rng), random_value(&rng));
		taken += took;
		wrong += took != known;
	}
	pr_info("hostile: hypercalls=%lu taken=%lu wrong=%lu\n", count, taken, wrong);
	return 0;
}

static void __exit hostile_exit(void)
{
}

module_init(hostile_init);
module_exit(hostile_exit);
MODULE_DESCRIPTION("random hypercalls, for a test");
MODULE_LICENSE("GPL");
