// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A test hook: a softirq that never ends, with interrupts on. Nobody's process runs any more, but
 * interrupts are taken (R20).
 *     echo 1 > /sys/module/castor/parameters/hang
 */
#include "castor.h"

#include <linux/module.h>

static void loop(struct tasklet_struct *t)
{
	for (;;)
		cpu_relax();
}
static DECLARE_TASKLET(tasklet, loop);

static int hang_set(const char *text, const struct kernel_param *param)
{
	tasklet_hi_schedule(&tasklet);
	return 0;
}

static const struct kernel_param_ops hang_ops = { .set = hang_set };
module_param_cb(hang, &hang_ops, NULL, 0200);
MODULE_PARM_DESC(hang, "for tests: any text; the kernel never leaves a softirq again");
