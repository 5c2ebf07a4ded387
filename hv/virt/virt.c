/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the vendor half. */
#include "virt/virt_ops.h"

#include "debug/log.h"

const struct virt_ops *virt;

static const struct virt_ops *const candidates[] = { &amdv_ops };

void virt_init(void)
{
	const char *why = "";

	for (unsigned int i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (candidates[i]->probe(&why) == 0) {
			virt = candidates[i];
			virt->cpu_enable();
			return;
		}
	}
	boot_fail("this machine cannot host VMs: %s", why);
}
