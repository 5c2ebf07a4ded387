/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads one line, "SEED KINDS OPERATIONS" (KINDS: hexadecimal, a bit for each entry of kinds[]),
 * does it, says how far it came and resets the VM. When the hypervisor kills it first, its dump
 * says so (hostile.h). To be started anew with another line for the next life.
 */
#include "card.h"
#include "hostile.h"

#include "boot/start_info.h"
#include "cpu/x86.h"
#include "lib/print.h"
#include "lib/uart.h"

#define KBD       0x64
#define KBD_RESET 0xfe
#define KINDS     (sizeof(kinds) / sizeof(kinds[0]))

void stub_main(const struct start_info *info);

static operation_fn *const kinds[] = {
	op_ports,   op_port_sweep, op_msr_sweep,    op_cpuid_sweep, op_vmmcall,  op_apic,
	op_control, op_outside,    op_pci,          op_registers,   op_features, op_chains,
	op_frames,  op_kicks,      op_vmmcall_user, op_lies,        op_offers,   op_judge,
};

static uint64_t read_number(unsigned int base)
{
	uint64_t n = 0;

	for (;;) {
		int c = uart_read();

		if (c < 0) {
			cpu_relax();
			continue;
		}
		if (c == ' ' || c == '\n' || c == '\r')
			return n;
		n = n * base + (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
}

static void life(uint64_t mask, uint64_t count)
{
	uint64_t exceptions = 0;

	while (operations < count) {
		kind = random_below(KINDS);
		if (!(mask >> kind & 1))
			continue;
		if (kinds[kind] == op_vmmcall_user)
			kinds[kind](); /* it is its own attempt */
		else
			exceptions += attempt(kinds[kind]) != 0;
		operations++;
	}
	uart_init();
	offers_report();
	judge_report();
	print("\nhostile: done operations=%lu exceptions=%lu set-ups=%lu started=%lu\n", operations,
	      exceptions, set_ups / SET_UP_TRIED, set_ups % SET_UP_TRIED);
}

void stub_main(const struct start_info *info)
{
	uint64_t seed, mask, count;

	(void)info;
	operations = set_ups = 0;
	uart_init();
	trap_init();
	print("hostile: ready\n");
	seed = read_number(10);
	mask = read_number(16);
	count = read_number(10);
	print("hostile: begins\n");
	random_seed(seed);
	start_at(seed);
	if (mask & ((1u << KINDS) - 1))
		life(mask, count);
	out8(KBD, KBD_RESET);
	for (;;)
		__asm__ volatile("cli; hlt");
}
