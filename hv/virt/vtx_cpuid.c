/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is not here stays hidden: MSRs that are not switched between VMs (an unknown one reads 0
 * and ignores writes, which would be a lie about speculation controls above all), and instructions
 * that need a VMCS control of their own, else they are #UD. Source: Intel SDM 2A, CPUID.
 */
#include "virt/vtx_cpuid.h"

#define ALL ~0U

const struct cpuid_hidden vtx_cpuid_hidden[VTX_CPUID_HIDDEN] = {
	/* DTES64, DS-CPL, SMX, EST, TM2, CNXT-ID, PDCM; MCE, MCA, DS, ACPI, TM, PBE */
	{ 1, 0, .ecx = BIT(2) | BIT(4) | BIT(6) | BIT(7) | BIT(8) | BIT(10) | BIT(15),
	  .edx = BIT(7) | BIT(14) | BIT(21) | BIT(22) | BIT(29) | BIT(31) },
	{ 4, ANY_SUB, .eax = 0xffffc000 }, /* cores and threads: one */
	{ 5, 0, ALL, ALL, ALL, ALL },      /* MONITOR */
	{ 6, 0, ALL, ALL, ALL, ALL },      /* power; ARAT is added behind this */
	/* TSC_ADJUST, SGX, HLE, RTM, RDT-M, MPX, RDT-A, PT */
	{ 7, 0, .ebx = BIT(1) | BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(25),
	  /* WAITPKG, CET_SS, TME, KL, BUS_LOCK, ENQCMD, SGX_LC, PKS */
	  .ecx = BIT(5) | BIT(7) | BIT(13) | BIT(23) | BIT(24) | BIT(29) | BIT(30) | BIT(31),
	  /* UINTR, RTM aborts, PCONFIG, LBR, IBT, AMX, speculation controls and their MSRs */
	  .edx = BIT(5) | BIT(11) | BIT(13) | BIT(18) | BIT(19) | BIT(20) | BIT(22) | BIT(24) |
		 BIT(25) | BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31) },
	{ 7, 1, .eax = BIT(17) | BIT(18) | BIT(19) | BIT(27), /* FRED, LKGS, WRMSRNS, MSRLIST */
	  .edx = BIT(18) },                                   /* CET_SSS */
	{ 7, 2, .edx = ALL },                                 /* more speculation controls */
	{ 0xa, 0, ALL, ALL, ALL, ALL },                       /* performance counters */
	{ 0xb, ANY_SUB, ALL, ALL, ALL, ALL },                 /* topology of the machine */
	{ 0xd, 1, .eax = BIT(3) | BIT(4) },                   /* XSAVES, XFD */
	{ 0xf, ANY_SUB, ALL, ALL, ALL, ALL },                 /* RDT */
	{ 0x10, ANY_SUB, ALL, ALL, ALL, ALL },                /* RDT */
	{ 0x12, ANY_SUB, ALL, ALL, ALL, ALL },                /* SGX */
	{ 0x14, ANY_SUB, ALL, ALL, ALL, ALL },                /* PT */
	{ 0x15, 0, ALL, ALL, ALL, ALL }, /* frequencies: VMs are told the TSC's */
	{ 0x16, 0, ALL, ALL, ALL, ALL },
	{ 0x1c, ANY_SUB, ALL, ALL, ALL, ALL }, /* LBR */
	{ 0x1f, ANY_SUB, ALL, ALL, ALL, ALL }, /* topology */
};
