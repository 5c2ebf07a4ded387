/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's words for the whole machine. VMs are not asked: as with `quit` they end where they
 * are. Their card is made quiet, since not every reset reaches it, and it would go on writing what
 * it receives into memory that is the firmware's by then.
 */
#include "cpu/power.h"
#include "debug/console.h"
#include "debug/end.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "dev/nic_quiet.h"
#include "vm/build.h"

static void leave(const char *how)
{
	const struct vpci_pass *nic = build_nic_found();

	stats_dump();
	if (nic && nic_quiet(nic))
		log_warn("the network card is not quiet");
	mon("ok");
	log_info("%s", how);
	console_drain();
}

static int monitor_poweroff(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	leave("the machine goes off");
	power_off();
	log_warn("it does not go off: the firmware's tables name no S5, or that does nothing");
	machine_end(END_OK);
}
MONITOR("poweroff", "prints the counters and switches the machine off", monitor_poweroff);

static int monitor_reboot(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	leave("the machine starts anew");
	power_reset();
}
MONITOR("reboot", "prints the counters and starts the machine anew", monitor_reboot);
