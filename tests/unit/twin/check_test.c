/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an attachment needs of the driver VM's kernel, and how far the device reaches. */
#include "twin/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_abi.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/win.h"

#define NETDEV   0x1000
#define DEVICE   0x4000
#define MASK     0x8000
#define SMP_LOCK 0x9000

uint8_t fake_memory[FAKE_BYTES];
struct twin_attachment twin_att;

/* The file has no static keys. */
const void *twin_table(enum twin_table_id id)
{
	(void)id;
	return NULL;
}

uint32_t twin_count(enum twin_table_id id)
{
	(void)id;
	return 0;
}

const char *twin_string(uint32_t offset)
{
	(void)offset;
	return "?";
}

bool run_invocation(void (*body)(uint64_t arg), uint64_t arg)
{
	body(arg);
	return true;
}

const char *run_why(void)
{
	return "killed";
}

static int begin(void **state)
{
	(void)state;
	memset(fake_memory, 0, sizeof(fake_memory));
	twin_att = (struct twin_attachment){ .netdev = NETDEV, .dvm_bytes = GIB(1) };
	win_write8(SMP_LOCK, 0xf0);
	win_write64(NETDEV + K_NET_DEVICE_STATE, 1UL << K___LINK_STATE_START);
	win_write64(NETDEV + K_NET_DEVICE_DEV_PARENT, DEVICE);
	win_write64(DEVICE + K_DEVICE_DMA_MASK, MASK);
	win_write64(MASK, GIB(4) - 1);
	return 0;
}

static void accepts(uint64_t reach, uint64_t bytes)
{
	assert_null(check_kernel(NULL, NULL, SMP_LOCK));
	assert_int_equal(twin_att.dma_reach, reach);
	assert_int_equal(twin_att.dma_bytes, bytes);
}

static void refuses(const char *why)
{
	const char *says = check_kernel(NULL, NULL, SMP_LOCK);

	assert_non_null(says);
	assert_non_null(strstr(says, why));
}

static void test_dma_mask_is_the_drivers(void **state)
{
	(void)state;
	accepts(GIB(4), GIB(1));
	win_write64(MASK, ~0UL);
	accepts(~0UL, GIB(1));
	win_write64(MASK, GIB(64) - 1);
	accepts(GIB(64), GIB(1));
	win_write64(MASK, MIB(16) - 1); /* less than the driver VM's RAM */
	accepts(MIB(16), MIB(16));
}

static void test_bus_limits_the_mask(void **state)
{
	(void)state;
	win_write64(MASK, ~0UL);
	win_write64(DEVICE + K_DEVICE_BUS_DMA_LIMIT, GIB(4) - 1);
	accepts(GIB(4), GIB(1));
	win_write64(MASK, GIB(2) - 1);
	accepts(GIB(2), GIB(1));
}

static void test_no_mask(void **state)
{
	(void)state;
	win_write64(MASK, 0);
	refuses("no DMA mask");
	win_write64(DEVICE + K_DEVICE_DMA_MASK, 0);
	refuses("no DMA mask");
	win_write64(NETDEV + K_NET_DEVICE_DEV_PARENT, 0);
	refuses("no DMA mask");
}

static void test_r8_lock_prefixes(void **state)
{
	(void)state;
	win_write8(SMP_LOCK, 0x90);
	refuses("LOCK prefixes");
}

static void test_r9_interface_is_up(void **state)
{
	(void)state;
	win_write64(NETDEV + K_NET_DEVICE_STATE, 0);
	refuses("not up");
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_dma_mask_is_the_drivers),
		CASE(test_bus_limits_the_mask),
		CASE(test_no_mask),
		CASE(test_r8_lock_prefixes),
		CASE(test_r9_interface_is_up),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
