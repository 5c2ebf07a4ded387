/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the vendor half. */
#include "virt/virt_ops.h"

#include "debug/log.h"

const struct virt_ops *virt;

static const struct virt_ops *const candidates[] = { &amdv_ops, &vtx_ops };

void virt_init(void)
{
	const char *why[ARRAY_SIZE(candidates)] = { NULL };

	for (unsigned int i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (candidates[i]->probe(&why[i]) == 0) {
			virt = candidates[i];
			virt->cpu_enable();
			return;
		}
	}
	boot_fail("this machine cannot host VMs: %s; %s", why[0], why[1]);
}
