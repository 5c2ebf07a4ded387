/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fields of a VMCS, by their encodings, and the bits of those that are used. Source: Intel SDM
 * 3D appendix B (encodings), 3C chapter 25 (meanings), appendix A (capability MSRs).
 */
#ifndef HV_VIRT_VMCS_H
#define HV_VIRT_VMCS_H

#include "lib/types.h"

enum vmcs_field {
	VMCS_VPID = 0x0000,

	/* Guest segments: selectors, limits, access rights, bases; each is 2 behind the last. */
	VMCS_ES_SELECTOR = 0x0800,
	VMCS_ES_LIMIT = 0x4800,
	VMCS_ES_RIGHTS = 0x4814,
	VMCS_ES_BASE = 0x6806,
	VMCS_GDTR_LIMIT = 0x4810,
	VMCS_IDTR_LIMIT = 0x4812,
	VMCS_GDTR_BASE = 0x6816,
	VMCS_IDTR_BASE = 0x6818,

	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_FS = 0x0c08,
	VMCS_HOST_GS = 0x0c0a,
	VMCS_HOST_TR = 0x0c0c,

	VMCS_IO_BITMAP_A = 0x2000,
	VMCS_IO_BITMAP_B = 0x2002,
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_EPT_POINTER = 0x201a,
	VMCS_GUEST_PHYSICAL = 0x2400,
	VMCS_LINK_POINTER = 0x2800,
	VMCS_DEBUGCTL = 0x2802,
	VMCS_PAT = 0x2804,
	VMCS_EFER = 0x2806,
	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,

	VMCS_PIN_CONTROLS = 0x4000,
	VMCS_PROC_CONTROLS = 0x4002,
	VMCS_EXCEPTIONS = 0x4004,
	VMCS_PF_ERROR_MASK = 0x4006,
	VMCS_PF_ERROR_MATCH = 0x4008,
	VMCS_CR3_TARGETS = 0x400a,
	VMCS_EXIT_CONTROLS = 0x400c,
	VMCS_EXIT_MSR_STORES = 0x400e,
	VMCS_EXIT_MSR_LOADS = 0x4010,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_MSR_LOADS = 0x4014,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR_CODE = 0x4018,
	VMCS_ENTRY_INSN_LEN = 0x401a,
	VMCS_PROC2_CONTROLS = 0x401e,

	VMCS_INSN_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_CUT_EVENT = 0x4408, /* IDT-vectoring information */
	VMCS_CUT_ERROR_CODE = 0x440a,
	VMCS_INSN_LEN = 0x440c,
	VMCS_QUALIFICATION = 0x6400,

	VMCS_INTERRUPTIBILITY = 0x4824,
	VMCS_ACTIVITY = 0x4826,
	VMCS_SYSENTER_CS = 0x482a,
	VMCS_TIMER = 0x482e, /* VMX-preemption timer */
	VMCS_HOST_SYSENTER_CS = 0x4c00,

	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,

	VMCS_CR0 = 0x6800,
	VMCS_CR3 = 0x6802,
	VMCS_CR4 = 0x6804,
	VMCS_DR7 = 0x681a,
	VMCS_RSP = 0x681c,
	VMCS_RIP = 0x681e,
	VMCS_RFLAGS = 0x6820,
	VMCS_PENDING_DEBUG = 0x6822,
	VMCS_SYSENTER_ESP = 0x6824,
	VMCS_SYSENTER_EIP = 0x6826,

	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14, /* also in vtx_entry.S */
	VMCS_HOST_RIP = 0x6c16
};

/* Order of the guest's segments. */
enum vmcs_segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

#define RIGHTS_DPL(r)   ((r) >> 5 & 3)
#define RIGHTS_LONG     BIT(13)
#define RIGHTS_UNUSABLE BIT(16)

#define PIN_INTERRUPT   BIT(0)
#define PIN_NMI         BIT(3)
#define PIN_VIRTUAL_NMI BIT(5)
#define PIN_TIMER       BIT(6)

#define PROC_WINDOW     BIT(2)
#define PROC_HLT        BIT(7)
#define PROC_MWAIT      BIT(10)
#define PROC_CR3        (BIT(15) | BIT(16))
#define PROC_CR8_LOAD   BIT(19)
#define PROC_CR8_STORE  BIT(20)
#define PROC_IO_BITMAP  BIT(25)
#define PROC_MSR_BITMAP BIT(28)
#define PROC_MONITOR    BIT(29)
#define PROC_SECONDARY  BIT(31)

#define PROC2_EPT          BIT(1)
#define PROC2_RDTSCP       BIT(3)
#define PROC2_VPID         BIT(5)
#define PROC2_UNRESTRICTED BIT(7)

#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64BIT BIT(9)
#define EXIT_SAVE_PAT   BIT(18)
#define EXIT_LOAD_PAT   BIT(19)
#define EXIT_SAVE_EFER  BIT(20)
#define EXIT_LOAD_EFER  BIT(21)

#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_LONG_MODE  BIT(9)
#define ENTRY_LOAD_PAT   BIT(14)
#define ENTRY_LOAD_EFER  BIT(15)

/* Entry, exit and cut-off events (SDM 3C 25.8.3, 25.9.2, 25.9.3). */
#define EVENT_VALID     BIT(31)
#define EVENT_ERROR     BIT(11)
#define EVENT_TYPE(e)   ((e) >> 8 & 7)
#define EVENT_NMI       2
#define EVENT_EXCEPTION 3
#define EVENT_UNDEFINED BIT(12) /* in the cut-off one; must be 0 at entry */

#define BLOCKED_BY_STI_OR_SS 3 /* of the interruptibility state */

/* Basic exit reasons (SDM 3D appendix C); BIT(31): the entry failed. */
enum vmx_reason {
	REASON_EXCEPTION_OR_NMI = 0,
	REASON_INTERRUPT = 1,
	REASON_TRIPLE_FAULT = 2,
	REASON_WINDOW = 7,
	REASON_CPUID = 10,
	REASON_HLT = 12,
	REASON_VMCALL = 18,
	REASON_CR = 28,
	REASON_IO = 30,
	REASON_RDMSR = 31,
	REASON_WRMSR = 32,
	REASON_BAD_GUEST_STATE = 33,
	REASON_BAD_MSR_LIST = 34,
	REASON_MACHINE_CHECK = 41,
	REASON_EPT_VIOLATION = 48,
	REASON_EPT_MISCONFIGURED = 49,
	REASON_TIMER = 52,
	REASON_XSETBV = 55
};
#define REASON_ENTRY_FAILED BIT(31)

/* Exit qualifications (SDM 3C 28.2.1): I/O, EPT violation, control register. */
#define IO_SIZE(q)     (((q)&7) + 1)
#define IO_IN          BIT(3)
#define IO_STRING      BIT(4)
#define IO_PORT(q)     ((q) >> 16)
#define EPT_WRITE      BIT(1)
#define EPT_FETCH      BIT(2)
#define EPT_PRESENT    (BIT(3) | BIT(4) | BIT(5)) /* what the entry allows */
#define CR_NUMBER(q)   ((q)&15)
#define CR_ACCESS(q)   ((q) >> 4 & 3)
#define CR_MOV_TO      0
#define CR_REGISTER(q) ((q) >> 8 & 15)

#define MSR_FEATURE_CONTROL    0x3a
#define FEATURE_LOCKED         BIT(0)
#define FEATURE_VMXON          BIT(2) /* outside SMX */
#define MSR_VMX_BASIC          0x480
#define VMX_BASIC_REVISION     0x7fffffff
#define VMX_BASIC_TRUE         BIT(55) /* the controls are in the MSRs from 0x48d on */
#define MSR_VMX_CONTROLS       0x481   /* pin, processor, exit, entry */
#define MSR_VMX_TRUE_CONTROLS  0x48d
#define MSR_VMX_MISC           0x485
#define MSR_VMX_CR0_FIXED0     0x486
#define MSR_VMX_CR0_FIXED1     0x487
#define MSR_VMX_CR4_FIXED0     0x488
#define MSR_VMX_CR4_FIXED1     0x489
#define MSR_VMX_PROC2          0x48b
#define MSR_VMX_EPT_VPID       0x48c
#define EPT_CAP_FOUR_LEVELS    BIT(6)
#define EPT_CAP_WRITE_BACK     BIT(14)
#define EPT_CAP_2M             BIT(16)
#define EPT_CAP_INVEPT         BIT(20)
#define EPT_CAP_INVEPT_CONTEXT BIT(25)
#define EPT_CAP_INVEPT_ALL     BIT(26)

#endif
