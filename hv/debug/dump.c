/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of the hypervisor and of VMs. */
#include "debug/dump.h"

#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/symbol.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/paging.h"
#include "virt/virt_ops.h"
#include "vm/guest_virt.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define STACK_FRAMES 16
#define STACK_WORDS  16
#define CODE_BYTES   16

static const char *const vector_names[32] = {
	"#DE divide error",
	"#DB debug",
	"NMI",
	"#BP breakpoint",
	"#OF overflow",
	"#BR bound",
	"#UD invalid opcode",
	"#NM no FPU",
	"#DF double fault",
	"9",
	"#TS invalid TSS",
	"#NP segment",
	"#SS stack",
	"#GP general protection",
	"#PF page fault",
	"15",
	"#MF FPU",
	"#AC alignment",
	"#MC machine check",
	"#XM SIMD",
	"#VE",
	"#CP control protection",
};

static bool hva_mapped(uint64_t addr)
{
	int level;

	return paging_lookup(addr, &level) != 0;
}

static void hex_bytes(const char *what, const uint8_t *b, size_t n)
{
	char text[CODE_BYTES * 3 + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 3 * i, 4, "%02x ", b[i]);
	log_info("  %s: %s", what, text);
}

static void dump_code(uint64_t rip)
{
	if (hva_mapped(rip) && hva_mapped(rip + CODE_BYTES))
		hex_bytes("code", (const uint8_t *)rip, CODE_BYTES);
	else
		log_info("  code: not mapped");
}

void dump_stack(uint64_t rbp)
{
	char name[96];

	log_info("  call stack:");
	for (int i = 0; i < STACK_FRAMES && rbp % 8 == 0 && hva_mapped(rbp) && hva_mapped(rbp + 15);
	     i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (!frame[1])
			break;
		log_info("    %s", symbol_format(frame[1], name, sizeof(name)));
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
}

static void dump_words(uint64_t rsp)
{
	for (int i = 0; i < STACK_WORDS; i += 4) {
		const uint64_t *w = (const uint64_t *)rsp + i;

		if (rsp % 8 || !hva_mapped((uint64_t)w) || !hva_mapped((uint64_t)(w + 3)))
			return;
		log_info("  %016lx: %016lx %016lx %016lx %016lx", (uint64_t)w, w[0], w[1], w[2],
			 w[3]);
	}
}

void dump_trap(const struct trap_frame *f)
{
	uint64_t cr2 = read_cr2(), entry;
	char name[96];
	int level;

	log_info("trap %lu %s, error %lx at %s", f->vector,
		 f->vector < 32 && vector_names[f->vector] ? vector_names[f->vector] : "?",
		 f->error, symbol_format(f->rip, name, sizeof(name)));
	log_info("  rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx", f->rip, f->cs, f->rflags,
		 f->rsp, f->ss);
	log_info("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_info("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_info("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_info("  r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
	log_info("  cr0 %08lx cr2 %016lx cr3 %09lx cr4 %08lx efer %04lx", read_cr0(), cr2,
		 read_cr3(), read_cr4(), rdmsr(MSR_EFER));
	entry = paging_lookup(cr2, &level);
	log_info("  page walk of cr2: %s at level %d, entry %016lx%s%s",
		 entry ? "mapped" : "absent", level, entry, entry & PTE_W ? " writable" : "",
		 entry & PTE_NX ? " nx" : "");
	dump_code(f->rip);
	dump_words(f->rsp);
	dump_stack(f->rbp);
}

static void dump_guest_walk(const struct vcpu *vcpu, const char *what, uint64_t va)
{
	gpa_t gpa;

	if (guest_virt_to_gpa(vcpu, va, &gpa))
		log_info("  page walk of %s %016lx: not mapped", what, va);
	else
		log_info("  page walk of %s %016lx: gpa %lx%s", what, va, gpa,
			 vm_ram(vcpu->vm, gpa, 1) ? "" : " (no RAM)");
}

void dump_vcpu(const struct vcpu *vcpu, const char *why)
{
	const uint64_t *g = vcpu->gpr;
	struct vcpu_sysregs s;
	uint8_t code[CODE_BYTES];

	virt->sysregs_read(vcpu, &s);
	log_info("%s: %s; last exit: %s (%lx)", vcpu->vm->name, why,
		 exit_kind_name(vcpu->last_exit), vcpu->last_code);
	log_info("  rip %016lx rflags %08lx rsp %016lx cpl %u", vcpu->rip, vcpu->rflags, g[RSP],
		 s.cpl);
	log_info("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", g[RAX], g[RBX], g[RCX], g[RDX]);
	log_info("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", g[RSI], g[RDI], g[RBP], g[R8]);
	log_info("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", g[R9], g[R10], g[R11], g[R12]);
	log_info("  r13 %016lx r14 %016lx r15 %016lx", g[R13], g[R14], g[R15]);
	log_info("  cr0 %08lx cr2 %016lx cr3 %09lx cr4 %08lx efer %04lx", s.cr0, s.cr2, s.cr3,
		 s.cr4, s.efer);
	dump_guest_walk(vcpu, "rip", vcpu->rip);
	dump_guest_walk(vcpu, "cr2", s.cr2);
	if (guest_virt_read(vcpu, vcpu->rip, code, sizeof(code)) == 0)
		hex_bytes("code", code, sizeof(code));
	virt->dump(vcpu);
}
