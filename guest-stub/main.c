/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot order and main loop. One thread, no preemption: interrupts only end a sleep. A round of
 * the loop takes received frames up the stack, runs timers and generators, then flushes what they
 * all sent with one kick.
 */
#include "apps/apps.h"
#include "apps/jobs.h"
#include "boot/start_info.h"
#include "cpu/clock.h"
#include "cpu/idle.h"
#include "cpu/idt.h"
#include "cpu/lapic.h"
#include "cpu/paging.h"
#include "cpu/power.h"
#include "lib/print.h"
#include "lib/uart.h"
#include "net/netif.h"
#include "virtio/virtio_net.h"

#include "lwip/init.h"
#include "lwip/timeouts.h"

#include <string.h>

#define RX_BUDGET     64   /* frames in one round, so that answers do not wait for a whole ring */
#define POLL_US       1000 /* how often to look without interrupts */
#define BOOT_MAPPED   (1ull << 30)
#define CMDLINE_BYTES 1024

void stub_main(const struct start_info *info);

static char cmdline[CMDLINE_BYTES];
static struct words words;

/*
 * Copy the loader's string: its memory is not in the final page tables. Read through the boot
 * tables, which reach one GiB.
 */
static bool cmdline_copy(const struct start_info *info)
{
	uint64_t at = info->cmdline_paddr;

	if ((uint64_t)info >= BOOT_MAPPED || info->magic != START_INFO_MAGIC)
		return false;
	if (!at)
		return true;
	for (size_t i = 0; i < sizeof(cmdline) && at + i < BOOT_MAPPED; i++) {
		cmdline[i] = ((const char *)at)[i];
		if (!cmdline[i])
			return true;
	}
	return false;
}

static void settings_parse(bool have_line)
{
	if (!have_line)
		panic("no PVH start info, or a command line longer than %u bytes", CMDLINE_BYTES);
	if (!words_parse(&words, cmdline)) {
		print("stub: error %s\n", words.error);
		power_off();
	}
}

static void machine_init(void)
{
	clock_init(words.settings.tsc_khz);
	lapic_init();
	print("stub: tsc_khz=%lu apic=%s timer=%s\n", clock_tsc_khz(), lapic_mode(),
	      lapic_timer_mode());
}

static void network_init(void)
{
	lwip_init();
	if (!stub_netif_init(&words.settings)) {
		print("stub: error no virtio network device\n");
		power_off();
	}
	apps_submit(&words);
}

static uint64_t min_us(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t sleep_until(uint64_t now_us)
{
	uint64_t until = min_us(console_next_us(), jobs_next_us());
	uint32_t ms = sys_timeouts_sleeptime();

	if (ms != SYS_TIMEOUTS_SLEEPTIME_INFINITE)
		until = min_us(until, now_us + ms * 1000ull);
	if (!virtio_net_has_irq())
		until = min_us(until, now_us + POLL_US);
	return until;
}

static void main_loop(void)
{
	for (;;) {
		unsigned int frames = virtio_net_poll(RX_BUDGET);
		uint64_t now_us = clock_us();

		sys_check_timeouts();
		stub_netif_check_link();
		console_run(now_us);
		apps_run();
		jobs_run(now_us);
		virtio_net_flush();
		if (frames || !virtio_net_may_sleep(jobs_wait_for_room()))
			continue;
		idle_wait(sleep_until(clock_us()));
		virtio_net_awake();
	}
}

void stub_main(const struct start_info *info)
{
	bool have_line;

	uart_init();
	print("stub: Pollux guest, lwIP %s\n", LWIP_VERSION_STRING);
	idt_init();
	have_line = cmdline_copy(info);
	paging_init();
	settings_parse(have_line);
	machine_init();
	network_init();
	main_loop();
}
