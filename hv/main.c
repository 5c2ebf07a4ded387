/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot order of the hypervisor, from long mode to the run loop. */
#include "boot/multiboot2.h"
#include "cpu/errata.h"
#include "cpu/features.h"
#include "cpu/firmware.h"
#include "cpu/ioapic.h"
#include "cpu/irq.h"
#include "cpu/lapic.h"
#include "cpu/power.h"
#include "cpu/timer.h"
#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/console.h"
#include "debug/end.h"
#include "debug/framebuffer.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "debug/symbol.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/phys.h"
#include "net/net.h"
#include "twin/attach.h"
#include "twin/judge.h"
#include "virt/virt_ops.h"
#include "vm/build.h"
#include "vm/config.h"
#include "vm/restart.h"
#include "vm/sched.h"

#define MAIN_STACK  (8 * PAGE_SIZE)
#define COM1_PIN    4
#define COM1_IER    0x3f9
#define COM1_RX_IRQ 1

void __noreturn hv_main(uint32_t magic, uint32_t info);
void __noreturn stack_switch(void *top, void (*fn)(void));

static struct boot_info boot;
static struct config config;

static void console_input(void)
{
	/* The handler only wakes the run loop, which polls the port. */
}

static void start_console_input(void)
{
	irq_own(COM1_PIN, console_input);
	outb(COM1_IER, COM1_RX_IRQ);
}

static void build_vms(void)
{
	for (unsigned int i = 0; i < config.vms; i++) {
		build_vm(&config, i);
		log_stage("VM %s: %lu MiB", config.vm[i].name, config.vm[i].mem >> 20);
		if (config.vm[i].kind == VM_DVM && build_nic_found())
			attach_init(&config, vms[i], build_nic_found());
	}
}

/* The boot word `check`: everything that lacks, not only what the boot would end at. */
static void __noreturn check(void)
{
	unsigned int lacking = features_print();

	errata_print();
	firmware_print();
	log_info("check: %u needed features are missing", lacking);
	machine_end(END_OK);
}

/* On the guarded stack; the boot mapping is gone. */
static void run(void)
{
	trap_init();
	firmware_read(boot.rsdp, boot.rsdp_size);
	if (config_is_check(&boot))
		check();
	features_require();
	errata_fix();
	power_init();
	lapic_init();
	ioapic_init();
	log_stage("interrupts and clock: TSC %lu.%03lu MHz, %u IOAPIC pins", tsc_khz / 1000,
		  tsc_khz % 1000, ioapic_pins());
	config_read(&config, &boot);
	machine_panic_reboots(config.panic_reboots);
	build_place_modules(&config, &boot);
	if (config.symbols)
		symbol_init(hpa_to_hva(config.symbols->start), config.symbols->size);
	log_stage("configuration: %u VMs, %u modules", config.vms, boot.modules);
	virt_init();
	fpu_init();
	log_stage("virtualization: %s", virt->name);
	judge_init(&config);
	monitor_init();
	net_init();
	build_vms();
	restart_init(&config);
	if (config.focus[0])
		console_focus(config.focus);
	start_console_input();
	log_stage("running");
	sched_run(config.run_seconds);
}

void __noreturn hv_main(uint32_t magic, uint32_t info)
{
	console_init();
	multiboot2_read(&boot, magic, info);
	framebuffer_init(&boot);
	log_info("Pollux, a type-1 microhypervisor with twin drivers");
	phys_init(&boot);
	framebuffer_leave();
	paging_init();
	framebuffer_map();
	log_stage("memory: %lu MiB RAM, page tables", phys_ram_bytes() >> 20);
	stack_switch(stack_alloc(MAIN_STACK), run);
}
