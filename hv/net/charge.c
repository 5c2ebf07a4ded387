/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bill for work on frames. */
#include "net/charge.h"

#include "cpu/timer.h"
#include "net/net.h"
#include "net/switch.h"
#include "net/virtio_net.h"
#include "vm/turn.h"
#include "vm/vm.h"

/* What a frame to the driver VM may cost its sender: a multiple of what it does cost. */
#define FRAME_US  10
#define GIVEN_MAX 256 /* frames that it has not taken yet: about a ring */

/* Wire frames that each moved when some did last, and all of them. */
static uint32_t frames[VM_MAX];
static uint64_t frames_all;

static struct port *port_of(const struct vm *vm)
{
	return vm->vnic && vm->kind == VM_GUEST ? &vm->vnic->port : NULL;
}

/* Takes the counts over, if there are any. */
static bool moved(void)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < vm_count; i++)
		all += port_of(vms[i]) ? port_of(vms[i])->moved : 0;
	if (!all)
		return false;
	frames_all = all;
	for (unsigned int i = 0; i < vm_count; i++) {
		struct port *port = port_of(vms[i]);

		frames[i] = port ? port->moved : 0;
		if (port)
			port->moved = 0;
	}
	return true;
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
	bool waited = served();

	if (!moved() && !waited)
		return false;
	for (unsigned int i = 0; i < vm_count; i++)
		if (frames[i])
			turn_owe(vms[i], ticks * frames[i] / frames_all);
	return true;
}

/* Takes so many of all frames' parts out of a port's count, rounded up: it comes to an end. */
static void settle(struct port *port, uint64_t billed, uint64_t most)
{
	uint64_t frames_paid = (port->given * billed + most - 1) / most;

	port->given -= MIN(frames_paid, port->given);
}

uint64_t net_charge_dvm(uint64_t ticks)
{
	uint64_t all = 0, most, billed;

	if (!net_switch()->given)
		return ticks;
	for (unsigned int i = 0; i < vm_count; i++) {
		struct port *port = port_of(vms[i]);

		if (!port)
			continue;
		port->given = MIN(port->given, (uint32_t)GIVEN_MAX);
		all += port->given;
	}
	net_switch()->given = all;
	if (!all)
		return ticks;
	most = us_to_tsc(FRAME_US) * all;
	billed = MIN(ticks, most);
	for (unsigned int i = 0; i < vm_count; i++) {
		struct port *port = port_of(vms[i]);

		if (!port || !port->given)
			continue;
		turn_owe(vms[i], billed * port->given / all);
		settle(port, billed, most);
	}
	return ticks - billed;
}
