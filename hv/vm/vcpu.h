/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU. The vendor half (virt/) keeps its control block behind vendor; everything else
 * sees the general registers here and asks for system registers by virt_ops.
 */
#ifndef HV_VM_VCPU_H
#define HV_VM_VCPU_H

#include "lib/types.h"
#include "vm/entry.h"

struct vm;

/* Index of a general register, as instruction encodings number them. */
enum gpr {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	GPR_COUNT
};

/* Kinds of exits, vendor-neutral; counted by kind per VM. */
enum exit_kind {
	EXIT_INTR, /* a physical interrupt; taken before the exit is handled */
	EXIT_HLT,
	EXIT_CPUID,
	EXIT_MSR,
	EXIT_IO,
	EXIT_NPF, /* nested page fault: emulated memory, or a VM touching nothing */
	EXIT_CR8,
	EXIT_CR,     /* another control register; the vendor half has dealt with it */
	EXIT_WINDOW, /* the VM can take the interrupt now that it was offered */
	EXIT_HYPERCALL,
	EXIT_INVLPG,
	EXIT_XSETBV,
	EXIT_SHUTDOWN, /* triple fault */
	EXIT_NMI,
	EXIT_INVALID, /* the CPU refused the control block: our bug */
	EXIT_OTHER,
	EXIT_KINDS
};

struct vcpu {
	struct vm *vm;
	uint64_t gpr[GPR_COUNT]; /* valid while not running; asm offsets: the entry code in virt/ */
	uint64_t rip, rflags;
	bool halted; /* waits for an interrupt */
	enum exit_kind last_exit;
	uint64_t last_code;     /* the vendor's number of it, for dumps */
	enum entry_cause cause; /* of the present activity: vm/entry.h */
	void *vendor;
};

struct vm_exit {
	enum exit_kind kind;
	uint64_t code;    /* the vendor's number */
	uint8_t insn_len; /* bytes to skip after emulation; 0 = unknown */
	union {
		struct {
			uint16_t port;
			uint8_t size;
			bool write, string;
		} io;
		struct {
			bool write;
		} msr;
		struct {
			gpa_t gpa;
			bool write, fetch, present;
		} npf;
		struct {
			bool write;
			uint8_t reg; /* enum gpr; unknown when insn_len is */
		} cr8;
	};
};

/* System state that emulation and dumps ask for now and then. */
struct vcpu_sysregs {
	uint64_t cr0, cr2, cr3, cr4, efer, pat;
	uint64_t cs_base, fs_base, gs_base, kernel_gs_base;
	uint16_t cs, ss;
	uint8_t cpl;
	bool long_code;  /* 64-bit code segment */
	bool int_shadow; /* STI or MOV SS blocks interrupts */
};

/* How a VM starts. */
struct vcpu_entry {
	bool long_mode; /* 64-bit with the given cr3, else 32-bit flat without paging (PVH) */
	uint64_t rip, rsp, cr3;
	uint64_t gdt_base; /* gpa of a flat GDT: 0x10 code, 0x18 data */
	uint64_t rbx, rsi;
};

const char *exit_kind_name(enum exit_kind kind);

#endif
