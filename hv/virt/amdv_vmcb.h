/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual machine control block. Source: AMD APM 2 appendix B, tables B-1 and B-2; exit codes
 * appendix C.
 */
#ifndef HV_VIRT_AMDV_VMCB_H
#define HV_VIRT_AMDV_VMCB_H

#include "lib/types.h"

/* intercept[3] */
#define VMCB_INTR     BIT(0)
#define VMCB_NMI      BIT(1)
#define VMCB_CPUID    BIT(18)
#define VMCB_INVD     BIT(22)
#define VMCB_HLT      BIT(24)
#define VMCB_INVLPG   BIT(25)
#define VMCB_INVLPGA  BIT(26)
#define VMCB_IOIO     BIT(27)
#define VMCB_MSR      BIT(28)
#define VMCB_SHUTDOWN BIT(31)
/* intercept[4] */
#define VMCB_VMRUN   BIT(0)
#define VMCB_VMMCALL BIT(1)
#define VMCB_VMLOAD  BIT(2)
#define VMCB_VMSAVE  BIT(3)
#define VMCB_STGI    BIT(4)
#define VMCB_CLGI    BIT(5)
#define VMCB_SKINIT  BIT(6)
#define VMCB_MONITOR BIT(10)
#define VMCB_MWAIT   BIT(11)
#define VMCB_XSETBV  BIT(13)
/* intercept[0]: bits 0-15 CR reads, 16-31 CR writes */
#define VMCB_CR8_WRITE BIT(24)

/* int_ctl */
#define VMCB_V_IRQ          BIT(8)
#define VMCB_V_IGN_TPR      BIT(20)
#define VMCB_V_INTR_MASKING BIT(24)
#define VMCB_V_PRIO_SHIFT   16

#define VMCB_INT_SHADOW    BIT(0)
#define VMCB_EVENT_VALID   BIT(31)
#define VMCB_EVENT_ERROR   BIT(11)
#define VMCB_EVENT_EXC     (3u << 8)
#define VMCB_NP_ENABLE     BIT(0)
#define VMCB_TLB_FLUSH_ALL 1

enum vmexit_code {
	VMEXIT_CR8_WRITE = 0x18,
	VMEXIT_INTR = 0x60,
	VMEXIT_NMI = 0x61,
	VMEXIT_CPUID = 0x72,
	VMEXIT_INVD = 0x76,
	VMEXIT_HLT = 0x78,
	VMEXIT_INVLPG = 0x79,
	VMEXIT_IOIO = 0x7b,
	VMEXIT_MSR = 0x7c,
	VMEXIT_SHUTDOWN = 0x7f,
	VMEXIT_VMRUN = 0x80,
	VMEXIT_VMMCALL = 0x81,
	VMEXIT_MWAIT = 0x8b,
	VMEXIT_XSETBV = 0x8d,
	VMEXIT_NPF = 0x400,
	/* Compared in 32 bits: QEMU's TCG stores it without the upper half. */
	VMEXIT_INVALID_LOW = 0xffffffff,
};

/* exit_info_1 of IOIO */
#define IOIO_IN     BIT(0)
#define IOIO_STRING BIT(2)
/* exit_info_1 of NPF */
#define NPF_PRESENT BIT(0)
#define NPF_WRITE   BIT(1)
#define NPF_FETCH   BIT(4)

struct vmcb_segment {
	uint16_t selector, attrib;
	uint32_t limit;
	uint64_t base;
};
ASSERT_SIZE(struct vmcb_segment, 16);

struct vmcb {
	/* control area */
	uint32_t intercept[6];
	uint8_t reserved_018[0x40 - 0x18];
	uint64_t iopm_hpa, msrpm_hpa, tsc_offset;
	uint32_t asid;
	uint8_t tlb_control, reserved_05d[3];
	uint32_t int_ctl, int_vector;
	uint64_t int_state;
	uint64_t exit_code, exit_info_1, exit_info_2;
	uint32_t exit_int_info, exit_int_error;
	uint64_t np_enable;
	uint8_t reserved_098[0xa8 - 0x98];
	uint32_t event_inject, event_error;
	uint64_t np_cr3, lbr;
	uint32_t clean, reserved_0c4;
	uint64_t next_rip;
	uint8_t insn_len, insn_bytes[15];
	uint8_t reserved_0e0[0x400 - 0xe0];
	/* state save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved_4cc;
	uint64_t efer;
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp, s_cet, ssp, isst;
	uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t pat, dbgctl, br_from, br_to, lastexcp_from, lastexcp_to;
	uint8_t reserved_698[0x1000 - 0x698];
};
ASSERT_SIZE(struct vmcb, 4096);
ASSERT_OFFSET(struct vmcb, iopm_hpa, 0x40);
ASSERT_OFFSET(struct vmcb, asid, 0x58);
ASSERT_OFFSET(struct vmcb, tlb_control, 0x5c);
ASSERT_OFFSET(struct vmcb, int_ctl, 0x60);
ASSERT_OFFSET(struct vmcb, int_state, 0x68);
ASSERT_OFFSET(struct vmcb, exit_code, 0x70);
ASSERT_OFFSET(struct vmcb, exit_int_info, 0x88);
ASSERT_OFFSET(struct vmcb, np_enable, 0x90);
ASSERT_OFFSET(struct vmcb, event_inject, 0xa8);
ASSERT_OFFSET(struct vmcb, np_cr3, 0xb0);
ASSERT_OFFSET(struct vmcb, next_rip, 0xc8);
ASSERT_OFFSET(struct vmcb, es, 0x400);
ASSERT_OFFSET(struct vmcb, tr, 0x490);
ASSERT_OFFSET(struct vmcb, cpl, 0x4cb);
ASSERT_OFFSET(struct vmcb, efer, 0x4d0);
ASSERT_OFFSET(struct vmcb, cr4, 0x548);
ASSERT_OFFSET(struct vmcb, rip, 0x578);
ASSERT_OFFSET(struct vmcb, rsp, 0x5d8);
ASSERT_OFFSET(struct vmcb, rax, 0x5f8);
ASSERT_OFFSET(struct vmcb, kernel_gs_base, 0x620);
ASSERT_OFFSET(struct vmcb, cr2, 0x640);
ASSERT_OFFSET(struct vmcb, pat, 0x668);

#endif
