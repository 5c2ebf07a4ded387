/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to the driver VM with an upcall, whatever the file's table of imports says. */
#include "twin/upcall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "debug/monitor.h"
#include "debug/stats.h"
#include "cpu/timer.h"
#include "twin/castor.h"
#include "twin/gate.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/transmit.h"

#define ROUTINE 0xffffffff81000000UL /* of the driver VM */
#define OURS    0x20000000000UL      /* an address of the hypervisor */
#define WORDS   (TWIN_ARGS_MAX - 6)

uint64_t tsc_khz = 1000;
const uint64_t *twin_frames_end;
struct twin_image twin_image;

static struct twin_import import;
static uint64_t given[TWIN_ARGS_MAX];
static unsigned int given_count;

const void *twin_table(enum twin_table_id id)
{
	(void)id;
	return &import;
}

uint32_t twin_count(enum twin_table_id id)
{
	(void)id;
	return 1;
}

const char *twin_string(uint32_t offset)
{
	(void)offset;
	return "_dev_info";
}

int castor_upcall(enum castor_context context, dva_t fn, const uint64_t *args, unsigned int n,
		  uint64_t *result)
{
	(void)context;
	assert_int_equal(fn, ROUTINE);
	memcpy(given, args, n * sizeof(*args));
	given_count = n;
	*result = 7;
	return 0;
}

bool transmit_holds_lock(void)
{
	return false;
}

void run_suspend(void)
{
}

bool run_resume(void)
{
	return true;
}

void native_kill(const char *fmt, ...)
{
	fail_msg("%s", fmt);
	__builtin_trap();
}

void mon(const char *fmt, ...)
{
	(void)fmt;
}

void json_u64(const char *key, uint64_t val)
{
	(void)key;
	(void)val;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	(void)size;
	return strlen(strcpy(dst, src));
}

static const uint64_t regs[6] = { ROUTINE + 1, 2, 3, 4, 5, 6 };

/* The words of derived frames on a stack whose rest is the hypervisor's. */
static void call(uint8_t flags, uint8_t nstack, unsigned int own)
{
	static const uint64_t address = ROUTINE;
	uint64_t stack[2 * WORDS];

	for (unsigned int i = 0; i < 2 * WORDS; i++)
		stack[i] = i < own ? 100 + i : OURS + i;
	twin_frames_end = stack + own;
	import = (struct twin_import){ .flags = flags, .nargs = 1, .nstack = nstack };
	import.args[0] = 8 << 4 | TWIN_ARG_POINTER;
	upcall_bind(&address);
	assert_int_equal(twin_upcall(0, regs, stack), 7);
}

static void test_words_of_the_caller_are_copied(void **state)
{
	(void)state;
	call(TWIN_IMPORT_VARARGS, 3, WORDS);
	assert_int_equal(given_count, 9);
	assert_memory_equal(given, regs, sizeof(regs));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(given[6 + i], 100 + i);
}

static void test_what_is_above_derived_frames_is_not(void **state)
{
	(void)state;
	for (unsigned int own = 0; own <= WORDS; own++) {
		call(TWIN_IMPORT_VARARGS, 255, own);
		assert_int_equal(given_count, TWIN_ARGS_MAX);
		for (unsigned int i = 0; i < WORDS; i++)
			assert_int_equal(given[6 + i], i < own ? 100 + i : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_the_caller_are_copied),
		cmocka_unit_test(test_what_is_above_derived_frames_is_not),
	};

	return cmocka_run_group_tests_name("upcall", tests, NULL, NULL);
}
