/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of the hypervisor and of VMs. */
#include "debug/dump.h"

#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/symbol.h"
#include "debug/walk.h"
#include "lib/printf.h"
#include "mem/paging.h"
#include "virt/virt_ops.h"
#include "vm/guest_virt.h"
#include "vm/mem.h"
#include "vm/vm.h"

#define STACK_FRAMES 16
#define STACK_WORDS  16
#define CODE_BYTES   16
#define WALK_TEXT    160

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

static void hex_bytes(const char *what, const uint8_t *b, size_t n)
{
	char text[CODE_BYTES * 3 + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 3 * i, 4, "%02x ", b[i]);
	log_info("  %s: %s", what, text);
}

static void dump_code(uint64_t rip)
{
	if (hva_range_mapped(rip, CODE_BYTES))
		hex_bytes("code", (const uint8_t *)rip, CODE_BYTES);
	else
		log_info("  code: not mapped");
}

/* Each frame lies above the one it called, so that a broken chain ends. */
void dump_stack(uint64_t rbp)
{
	char name[96];

	log_info("  call stack:");
	for (int i = 0; i < STACK_FRAMES; i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (rbp % 8 || !hva_range_mapped(rbp, 16) || !frame[1])
			return;
		/* The call's last byte: behind a call that never returns lies another function. */
		log_info("    %s", symbol_format(frame[1] - 1, name, sizeof(name)));
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

static void dump_words(uint64_t rsp)
{
	for (int i = 0; i < STACK_WORDS; i += 4) {
		const uint64_t *w = (const uint64_t *)rsp + i;

		if (rsp % 8 || !hva_range_mapped((uint64_t)w, 4 * sizeof(*w)))
			return;
		log_info("  %016lx: %016lx %016lx %016lx %016lx", (uint64_t)w, w[0], w[1], w[2],
			 w[3]);
	}
}

/* AMD APM 2 8.4.2. */
static const char *error_text(const struct trap_frame *f, char *buf, size_t size)
{
	uint64_t e = f->error;

	buf[0] = 0;
	if (f->vector == VEC_PF)
		snprintf(buf, size, " (%s%s, %s%s)", e & BIT(2) ? "user " : "",
			 e & BIT(4)   ? "fetch"
			 : e & BIT(1) ? "write"
				      : "read",
			 e & BIT(0) ? "not allowed" : "not present",
			 e & BIT(3) ? ", reserved bit" : "");
	return buf;
}

static void dump_trap_regs(const struct trap_frame *f)
{
	log_info("  rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx", f->rip, f->cs, f->rflags,
		 f->rsp, f->ss);
	log_info("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_info("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_info("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_info("  r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
}

void dump_trap(const struct trap_frame *f)
{
	static bool again;
	uint64_t cr2 = read_cr2();
	char name[96], error[64], text[WALK_TEXT];
	struct walk w;

	log_info("trap %lu %s, error %lx%s at %s", f->vector,
		 f->vector < 32 && vector_names[f->vector] ? vector_names[f->vector] : "?",
		 f->error, error_text(f, error, sizeof(error)),
		 symbol_format(f->rip, name, sizeof(name)));
	if (again) /* the dump itself trapped: one line is all that is safe */
		return;
	again = true;
	dump_trap_regs(f);
	log_info("  cr0 %08lx cr2 %016lx cr3 %09lx cr4 %08lx efer %04lx", read_cr0(), cr2,
		 read_cr3(), read_cr4(), rdmsr(MSR_EFER));
	walk_hva(&w, cr2);
	log_info("  page walk of cr2: %s", walk_format(&w, text, sizeof(text)));
	dump_code(f->rip);
	dump_words(f->rsp);
	dump_stack(f->rbp);
}

static const volatile uint64_t *guest_table(const void *space, uint64_t phys)
{
	return vm_ram(space, phys, PAGE_SIZE);
}

static void dump_guest_walk(const struct vcpu *vcpu, const struct vcpu_sysregs *s, const char *what,
			    uint64_t va)
{
	char text[WALK_TEXT];
	struct walk w;

	if (!(s->cr0 & CR0_PG) || !(s->efer & EFER_LMA)) {
		log_info("  %s %016lx: %s", what, va,
			 s->cr0 & CR0_PG ? "32-bit paging" : "paging is off");
		return;
	}
	walk_tables(&w, s->cr3, va, guest_table, vcpu->vm);
	log_info("  page walk of %s %016lx: %s%s", what, va, walk_format(&w, text, sizeof(text)),
		 w.mapped && !vm_ram(vcpu->vm, w.phys, 1) ? " (no RAM)" : "");
}

static void log_vcpu_regs(const struct vcpu *vcpu, const struct vcpu_sysregs *s)
{
	const uint64_t *g = vcpu->gpr;

	log_info("  rip %016lx cs %04x rflags %08lx rsp %016lx ss %04x cpl %u", vcpu->rip, s->cs,
		 vcpu->rflags, g[RSP], s->ss, s->cpl);
	log_info("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", g[RAX], g[RBX], g[RCX], g[RDX]);
	log_info("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", g[RSI], g[RDI], g[RBP], g[R8]);
	log_info("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", g[R9], g[R10], g[R11], g[R12]);
	log_info("  r13 %016lx r14 %016lx r15 %016lx", g[R13], g[R14], g[R15]);
	log_info("  cr0 %08lx cr2 %016lx cr3 %09lx cr4 %08lx efer %04lx", s->cr0, s->cr2, s->cr3,
		 s->cr4, s->efer);
}

void dump_vcpu_regs(const struct vcpu *vcpu)
{
	struct vcpu_sysregs s;

	virt->sysregs_read(vcpu, &s);
	log_vcpu_regs(vcpu, &s);
}

void dump_vcpu(const struct vcpu *vcpu, const char *why)
{
	struct vcpu_sysregs s;
	uint8_t code[CODE_BYTES];

	virt->sysregs_read(vcpu, &s);
	log_info("%s: %s; last exit: %s (%lx)", vcpu->vm->name, why,
		 exit_kind_name(vcpu->last_exit), vcpu->last_code);
	log_vcpu_regs(vcpu, &s);
	dump_guest_walk(vcpu, &s, "rip", vcpu->rip);
	dump_guest_walk(vcpu, &s, "cr2", s.cr2);
	if (guest_virt_read(vcpu, vcpu->rip, code, sizeof(code)) == 0)
		hex_bytes("code", code, sizeof(code));
	else
		log_info("  code: not mapped");
	virt->dump(vcpu);
}
