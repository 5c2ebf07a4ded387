/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bill for work on frames. */
#include "net/charge.h"

#include "cpu/timer.h"
#include "net/net.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "vm/turn.h"
#include "vm/vm.h"

static uint64_t kept; /* for frames that waited in the uplink, not billed yet */

static struct port *port_of(const struct vm *vm)
{
	return vm->vnic && vm->kind == VM_GUEST ? &vm->vnic->port : NULL;
}

static uint32_t moved(void)
{
	uint32_t frames = 0;

	for (unsigned int i = 0; i < vm_count; i++)
		if (port_of(vms[i]))
			frames += port_of(vms[i])->moved;
	return frames;
}

static bool served(void)
{
	struct port *uplink = net_switch()->uplink;
	bool some = uplink && uplink->served;

	if (some)
		uplink->served = 0;
	return some;
}

bool net_charge(uint64_t ticks)
{
	uint32_t frames = moved();
	bool waited = served();

	if (!frames) {
		if (waited)
			kept = MIN(kept + ticks, us_to_tsc(TURN_SLICE_US));
		return waited;
	}
	ticks += kept;
	kept = 0;
	for (unsigned int i = 0; i < vm_count; i++) {
		struct port *port = port_of(vms[i]);

		if (!port)
			continue;
		turn_owe(vms[i], ticks * port->moved / frames);
		port->moved = 0;
	}
	return true;
}
