/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv/debug/dump.c: what a dump says, and that no pointer in it can make it fault. */
#include "debug/dump.h"

#include <cmocka.h>

#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/symbol.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "ram.h"
#include "virt/virt_ops.h"
#include "vm/guest_virt.h"
#include "vm/mem.h"
#include "vm/vm.h"

static char out[20000]; /* the log */
static size_t out_len;

static struct vcpu_sysregs sysregs;
static unsigned int vendor_dumps;
static uint64_t guest_ram[4][512] __aligned(4096); /* at gpa 0 */
static int code_rc;

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_len += vsnprintf(out + out_len, sizeof(out) - out_len, fmt, ap);
	va_end(ap);
	assert_in_range(out_len, 0, sizeof(out) - 2);
	out[out_len++] = '\n';
	out[out_len] = 0;
}

const char *symbol_format(uint64_t addr, char *buf, size_t size)
{
	snprintf(buf, size, "S%lx", addr);
	return buf;
}

const char *exit_kind_name(enum exit_kind kind)
{
	return kind == EXIT_SHUTDOWN ? "shutdown" : "?";
}

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	(void)vm;
	if (gpa >= sizeof(guest_ram) || len > sizeof(guest_ram) - gpa)
		return NULL;
	return (uint8_t *)guest_ram + gpa;
}

int guest_virt_read(const struct vcpu *vcpu, uint64_t va, void *buf, size_t len)
{
	(void)vcpu;
	(void)va;
	memset(buf, 0x90, len);
	return code_rc;
}

static void fake_sysregs(const struct vcpu *vcpu, struct vcpu_sysregs *regs)
{
	(void)vcpu;
	*regs = sysregs;
}

static void fake_dump(const struct vcpu *vcpu)
{
	(void)vcpu;
	vendor_dumps++;
}

static const struct virt_ops ops = { .sysregs_read = fake_sysregs, .dump = fake_dump };
const struct virt_ops *virt = &ops;

static int reset(void **state)
{
	(void)state;
	ram_reset();
	memset(guest_ram, 0, sizeof(guest_ram));
	out_len = out[0] = vendor_dumps = code_rc = 0;
	return 0;
}

static bool said(const char *text)
{
	return strstr(out, text) != NULL;
}

struct frame {
	uint64_t next, ret;
};

static struct frame stack[512] __aligned(4096); /* one page of frames, and one that is not mapped */

static void the_call_stack_follows_its_frames(void **state)
{
	(void)state;
	ram_map_host(stack);
	stack[0] = (struct frame){ (uint64_t)&stack[3], 0x111 };
	stack[3] = (struct frame){ (uint64_t)&stack[4], 0x222 };
	stack[4] = (struct frame){ 0, 0x333 };
	dump_stack((uint64_t)stack);
	assert_string_equal(out, "  call stack:\n    S110\n    S221\n    S332\n");
}

static void a_broken_call_stack_ends(void **state)
{
	static const uint64_t wild[] = { 0,
					 1,
					 0x1234567,
					 0xffffffffffffffff,
					 0xfffffffffffffff8,
					 0x0001000000000000,
					 0x8000000000000000 };

	(void)state;
	ram_map_host(stack);
	for (unsigned int i = 0; i < ARRAY_SIZE(wild); i++) {
		out_len = 0;
		dump_stack(wild[i]);
		assert_string_equal(out, "  call stack:\n");
		out_len = 0;
		stack[0] = (struct frame){ wild[i], 0x111 };
		dump_stack((uint64_t)stack);
		assert_string_equal(out, "  call stack:\n    S110\n");
	}
	out_len = 0;
	stack[0] = (struct frame){ (uint64_t)stack, 0x111 }; /* a ring */
	dump_stack((uint64_t)stack);
	assert_string_equal(out, "  call stack:\n    S110\n");
	out_len = 0; /* its second half on the page that is not mapped */
	stack[256].next = 0x999;
	dump_stack((uint64_t)stack + PAGE_SIZE - 8);
	assert_string_equal(out, "  call stack:\n");
	out_len = 0; /* not aligned */
	dump_stack((uint64_t)stack + 4);
	assert_string_equal(out, "  call stack:\n");
	out_len = 0; /* longer than anybody reads */
	for (unsigned int i = 0; i < 100; i++)
		stack[i] = (struct frame){ (uint64_t)&stack[i + 1], 0x111 };
	dump_stack((uint64_t)stack);
	assert_int_equal(out_len, strlen("  call stack:\n") + 16 * strlen("    S110\n"));
}

static void later_traps_are_one_line(void)
{
	struct trap_frame f = { .vector = 13, .rip = 0x7777 };

	out_len = 0;
	dump_trap(&f);
	assert_string_equal(out, "trap 13 #GP general protection, error 0 at S7777\n");
	out_len = 0;
	f.vector = 14;
	f.error = 0x14;
	dump_trap(&f);
	assert_string_equal(
		out, "trap 14 #PF page fault, error 14 (user fetch, not present) at S7777\n");
	out_len = 0;
	f.vector = 31;
	dump_trap(&f);
	assert_string_equal(out, "trap 31 ?, error 14 at S7777\n");
	out_len = 0;
	f.vector = 1UL << 40;
	dump_trap(&f);
	assert_true(said(" ?, error"));
}

/* The first trap is dumped whole; a trap of the dump itself is one line. So this is one test. */
static void a_trap_is_dumped_once(void **state)
{
	static uint8_t code[PAGE_SIZE] __aligned(4096);
	struct trap_frame f = { .vector = 14,
				.error = 0xb,
				.rip = (uint64_t)code + 8,
				.rsp = (uint64_t)&stack[254],
				.rbp = (uint64_t)stack,
				.rax = 0xaaaa,
				.r15 = 0xffff,
				.cs = 8,
				.rflags = 0x46 };
	char line[120];

	(void)state;
	ram_map_host(stack);
	ram_map_host(code);
	for (unsigned int i = 0; i < 16; i++)
		code[8 + i] = i;
	stack[0] = (struct frame){ 0, 0x111 };
	stack[254] = (struct frame){ 0x11, 0x22 };
	stack[255] = (struct frame){ 0x33, 0x44 };
	fake_cr2 = 0x123000;
	fake_efer = 0xd01;
	dump_trap(&f);
	snprintf(line, sizeof(line),
		 "trap 14 #PF page fault, error b (write, not allowed, reserved bit) at S%lx\n",
		 f.rip);
	assert_true(said(line));
	assert_true(said("  rax 000000000000aaaa "));
	assert_true(said(" r15 000000000000ffff\n"));
	assert_true(said(" cr2 0000000000123000 cr3 001000000 "));
	assert_true(said(" efer 0d01\n"));
	assert_true(said("  page walk of cr2: pml4e 0 -> not mapped\n"));
	assert_true(said("  code: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f \n"));
	snprintf(line, sizeof(line),
		 "  %016lx: 0000000000000011 0000000000000022 0000000000000033 0000000000000044\n",
		 f.rsp);
	assert_true(said(line));
	snprintf(line, sizeof(line), "  %016lx: ", (uint64_t)&stack[256]); /* not mapped */
	assert_false(said(line));
	assert_true(said("  call stack:\n    S110\n"));
	later_traps_are_one_line();
}

static struct vm vm = { .name = "g1" };

static struct vcpu *dead_vcpu(void)
{
	vm.vcpu = (struct vcpu){
		.vm = &vm, .rip = 0xffffffff81000123, .last_exit = EXIT_SHUTDOWN, .last_code = 0x7f
	};
	vm.vcpu.gpr[RAX] = 0xabc;
	vm.vcpu.gpr[RSP] = 0xdef;
	sysregs = (struct vcpu_sysregs){ .cr0 = CR0_PG | 1,
					 .cr2 = 0xdead000,
					 .cr3 = 0x1000,
					 .efer = EFER_LMA,
					 .cs = 0x10,
					 .ss = 0x18,
					 .cpl = 3 };
	return &vm.vcpu;
}

static void set_guest(unsigned int page, uint64_t va, int level, uint64_t entry)
{
	guest_ram[page][va >> (PAGE_SHIFT + 9 * level) & 511] = entry;
}

static void a_dead_vm_tells_its_state(void **state)
{
	struct vcpu *vcpu = dead_vcpu();

	(void)state;
	set_guest(1, vcpu->rip, 3, 0x2000 | PTE_P);
	set_guest(2, vcpu->rip, 2, 0x3000 | PTE_P);
	set_guest(3, vcpu->rip, 1, 0x200000 | PTE_P | PTE_PS);
	dump_vcpu(vcpu, "triple fault");
	assert_true(said("g1: triple fault; last exit: shutdown (7f)\n"));
	assert_true(said("  rip ffffffff81000123 cs 0010 rflags 00000000 rsp 0000000000000def "
			 "ss 0018 cpl 3\n"));
	assert_true(said("  rax 0000000000000abc "));
	assert_true(said("  page walk of rip ffffffff81000123: pml4e 2001 pdpte 3001 pde 200081 "
			 "-> 200123 (no RAM)\n"));
	assert_true(said("  page walk of cr2 000000000dead000: pml4e 0 -> not mapped\n"));
	assert_true(said("  code: 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 \n"));
	assert_int_equal(vendor_dumps, 1);
}

static void a_guests_tables_lead_nowhere_else(void **state)
{
	struct vcpu *vcpu = dead_vcpu();

	(void)state;
	sysregs.cr3 = 0x4000; /* just behind its RAM */
	code_rc = -EFAULT;
	dump_vcpu(vcpu, "x");
	assert_true(said("  page walk of rip ffffffff81000123: -> table outside RAM\n"));
	assert_true(said("  code: not mapped\n"));
	out_len = 0;
	sysregs.cr3 = 0x1000;
	set_guest(1, vcpu->rip, 3, 0xfffffffff000 | PTE_P);
	dump_vcpu(vcpu, "x");
	assert_true(said(": pml4e fffffffff001 -> table outside RAM\n"));
}

static void paging_modes_without_a_walk(void **state)
{
	struct vcpu *vcpu = dead_vcpu();

	(void)state;
	sysregs.cr0 = 1;
	dump_vcpu(vcpu, "x");
	assert_true(said("  rip ffffffff81000123: paging is off\n"));
	sysregs.cr0 |= CR0_PG;
	sysregs.efer = 0;
	dump_vcpu(vcpu, "x");
	assert_true(said("  cr2 000000000dead000: 32-bit paging\n"));
}

static void registers_alone(void **state)
{
	(void)state;
	dump_vcpu_regs(dead_vcpu());
	assert_true(said("  rip ffffffff81000123 "));
	assert_false(said("page walk"));
	assert_int_equal(vendor_dumps, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_call_stack_follows_its_frames),
		TEST(a_broken_call_stack_ends),
		TEST(a_trap_is_dumped_once),
		TEST(a_dead_vm_tells_its_state),
		TEST(a_guests_tables_lead_nowhere_else),
		TEST(paging_modes_without_a_walk),
		TEST(registers_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
