/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of the driver VM's kernel that an attachment needs. */
#include "twin/check.h"

#include "kernel_abi.h"
#include "lib/printf.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/win.h"

#define LOCK_PREFIX 0xf0

/* What the body reads and finds; an invocation carries one number only. */
static struct {
	const uint64_t *section, *import;
	dva_t smp_lock;
	char why[160];
} job;

/* Where the running kernel has a key; 0: nowhere. The file's numbers are untrusted. */
static dva_t key_address(const struct twin_key *k)
{
	uint64_t base = 0;

	if (k->import < twin_count(TWIN_TABLE_IMPORTS))
		base = job.import[k->import];
	else if (k->section < twin_count(TWIN_TABLE_SECTIONS))
		base = job.section[k->section];
	return base ? base + k->offset : 0;
}

static void name_key(const struct twin_key *k, char *buf, size_t size)
{
	const struct twin_import *imp = twin_table(TWIN_TABLE_IMPORTS);
	const struct twin_section *s = twin_table(TWIN_TABLE_SECTIONS);

	if (k->import < twin_count(TWIN_TABLE_IMPORTS))
		snprintf(buf, size, "%s", twin_string(imp[k->import].name));
	else if (k->section < twin_count(TWIN_TABLE_SECTIONS))
		snprintf(buf, size, "%s+0x%x", twin_string(s[k->section].name), k->offset);
	else
		snprintf(buf, size, "without a name");
}

/* The function of the module that a key's branch is in. */
static const char *site_function(const struct twin_key *k)
{
	const struct twin_function *f = twin_table(TWIN_TABLE_FUNCTIONS);

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_FUNCTIONS); i++)
		if (f[i].section == k->site_section &&
		    k->site_offset - f[i].module_offset < f[i].module_size)
			return twin_string(f[i].name);
	return "?";
}

/* As static_key_enabled(): negative while the kernel is switching it on. */
static bool key_differs(const struct twin_key *k)
{
	dva_t at = key_address(k);
	char name[80];
	bool on;

	name_key(k, name, sizeof(name));
	if (!at) {
		snprintf(job.why, sizeof(job.why), "the driver VM has no static key %s", name);
		return true;
	}
	on = win_read32(at + K_STATIC_KEY_ENABLED) != 0;
	if (on == !!k->enabled)
		return false;
	snprintf(job.why, sizeof(job.why),
		 "static key %s is %s in the driver VM, and the twin's %s was derived for %s", name,
		 on ? "on" : "off", site_function(k), on ? "off" : "on");
	return true;
}

/*
 * As the kernel's dma_capable(): device->dma_mask and bus_dma_limit of the interface's parent. The
 * driver VM says it, which owns the device and could have it read anything.
 */
static bool dma_reach_unknown(void)
{
	dva_t dev = win_read64(twin_att.netdev + K_NET_DEVICE_DEV_PARENT);
	dva_t at = dev ? win_read64(dev + K_DEVICE_DMA_MASK) : 0;
	uint64_t mask = at ? win_read64(at) : 0;
	uint64_t limit = dev ? win_read64(dev + K_DEVICE_BUS_DMA_LIMIT) : 0;

	if (!mask) {
		snprintf(job.why, sizeof(job.why), "its driver has set no DMA mask");
		return true;
	}
	if (limit)
		mask = MIN(mask, limit);
	twin_att.dma_reach = mask == ~0UL ? mask : mask + 1;
	twin_att.dma_bytes = MIN(twin_att.dvm_bytes, twin_att.dma_reach);
	return false;
}

static void body(uint64_t arg)
{
	const struct twin_key *k = twin_table(TWIN_TABLE_KEYS);
	uint64_t link = win_read64(twin_att.netdev + K_NET_DEVICE_STATE);

	(void)arg;
	job.why[0] = 0;
	if (win_read8(job.smp_lock) != LOCK_PREFIX) {
		snprintf(job.why, sizeof(job.why),
			 "the kernel removed its LOCK prefixes (boot it with noreplace-smp)");
		return;
	}
	if (!(link >> K___LINK_STATE_START & 1)) {
		snprintf(job.why, sizeof(job.why), "the interface is not up");
		return;
	}
	if (dma_reach_unknown())
		return;
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_KEYS); i++)
		if (key_differs(&k[i]))
			return;
}

const char *check_kernel(const uint64_t *section, const uint64_t *import, dva_t smp_lock)
{
	job.section = section;
	job.import = import;
	job.smp_lock = smp_lock;
	if (!run_invocation(body, 0))
		return run_why();
	return job.why[0] ? job.why : NULL;
}
