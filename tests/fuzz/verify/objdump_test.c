/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's decoder against objdump, which shares nothing with it nor with Zydis: all accepted
 * ones of forms.h stand one behind the other in one file, and objdump's lines must begin where the
 * judge says and name the operation that it says. So lengths agree, no prefix is left over that
 * objdump would print by itself, and nothing is "(bad)".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/verify/decode.h"
#include "forms.h"

#define MOST 1000000 /* accepted forms that there is room for */

static struct {
	uint8_t op, len;
} accepted[MOST];
static uint32_t nr_accepted;

static void write_forms(FILE *f)
{
	for (uint32_t n = 0; n < FORMS; n++) {
		uint8_t b[FORM_BYTES];
		const char *reason;
		struct insn i;

		form_make(n, b);
		if (insn_decode(b, 15, 0, &i, &reason) != VERIFY_OK || i.op == OP_GUARD ||
		    i.op == OP_INDIRECT)
			continue; /* three instructions; refused by the sweep */
		assert_true(nr_accepted < MOST);
		accepted[nr_accepted].op = i.op;
		accepted[nr_accepted++].len = i.len;
		assert_int_equal(fwrite(b, 1, i.len, f), i.len);
	}
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_operation(uint8_t op, const char *mnemonic)
{
	if (!strcmp(mnemonic, "xchg ax,ax")) /* 66 90, or 66 87 c0 */
		return op == OP_NOP || op == OP_XCHG;
	switch (op) {
	case OP_JCC:
		return mnemonic[0] == 'j' && strcmp(mnemonic, "jmp") != 0 &&
		       !strstr(mnemonic, "cxz");
	case OP_CMOV:
		return begins(mnemonic, "cmov");
	case OP_SETCC:
		return begins(mnemonic, "set");
	default:
		return form_is_named(op, mnemonic);
	}
}

/* A line is `   1f:\tlock add DWORD PTR [rax],ecx`; false for headings and empty lines. */
static bool take_line(char *line, uint64_t *at, char mnemonic[32])
{
	char *text = strchr(line, '\t'), *end;

	*at = strtoull(line, &end, 16);
	if (!text || *end != ':')
		return false;
	text++;
	if (begins(text, "lock ") || begins(text, "rep "))
		text = strchr(text, ' ') + 1;
	snprintf(mnemonic, 32, "%.*s", (int)strcspn(text, " \n"), text);
	if (begins(text, "xchg   ax,ax\n"))
		strcpy(mnemonic, "xchg ax,ax");
	return true;
}

static void compare(FILE *lines)
{
	char line[256], mnemonic[32];
	uint64_t at, expected = 0;
	uint32_t n = 0;

	while (fgets(line, sizeof(line), lines)) {
		if (!take_line(line, &at, mnemonic))
			continue;
		assert_in_range(n, 0, nr_accepted - 1);
		if (at != expected || !is_operation(accepted[n].op, mnemonic)) {
			print_message(
				"form %u at 0x%llx, op %u, %u bytes: objdump has %s at 0x%llx\n", n,
				(unsigned long long)expected, accepted[n].op, accepted[n].len,
				mnemonic, (unsigned long long)at);
			fail();
		}
		expected += accepted[n++].len;
	}
	assert_int_equal(n, nr_accepted);
}

static void test_r7_lengths_and_operations_by_objdump(void **state)
{
	char path[] = "/tmp/forms-XXXXXX", command[160];
	FILE *f = fdopen(mkstemp(path), "wb"), *lines;

	(void)state;
	assert_non_null(f);
	write_forms(f);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command),
		 "LC_ALL=C objdump -D -z -b binary -m i386:x86-64 -M intel --no-show-raw-insn %s",
		 path);
	lines = popen(command, "r");
	assert_non_null(lines);
	compare(lines);
	assert_int_equal(pclose(lines), 0);
	unlink(path);
	print_message("%u forms agree\n", nr_accepted);
	assert_true(nr_accepted > 500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r7_lengths_and_operations_by_objdump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
