/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges bare code bytes, for tests: what a golden case assembles to, without a .twin around it.
 * Prints `ok`, or `rule NAME at 0xOFF` and on a second line the reason. -d RULE disables a rule.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/verify/verify.h"

#define MAX_LIST 256

static uint8_t code[VERIFY_MAX_SIZE + 1];
static uint32_t entries[MAX_LIST], traps[MAX_LIST];
static struct verify_target targets[MAX_LIST];

static uint64_t number(const char *s)
{
	return strtoull(s, NULL, 0);
}

/* ADDRESS,FLAGS,STACK_ARGS */
static struct verify_target target(const char *s)
{
	struct verify_target t = { 0 };
	char *end;

	t.addr = strtoull(s, &end, 0);
	if (*end == ',')
		t.flags = (uint32_t)strtoul(end + 1, &end, 0);
	if (*end == ',')
		t.stack_args = (uint32_t)strtoul(end + 1, &end, 0);
	return t;
}

static enum verify_rule rule_by_name(const char *name)
{
	for (int k = 1; k < VERIFY_NR_RULES; k++)
		if (!strcmp(verify_rules[k].name, name))
			return k;
	fprintf(stderr, "raw: no rule %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct verify_input in = { .code = code,
				   .base = 0x20001000000,
				   .entries = entries,
				   .traps = traps,
				   .targets = targets,
				   .gs_size = 4096,
				   .stack_limit = 1024,
				   .second_stack = 0xffff868003b50000,
				   .work_size = VERIFY_WORK_SIZE };
	struct verify_result r;
	int c;

	while ((c = getopt(argc, argv, "b:e:t:w:d:m:l:sx")) >= 0) {
		if (in.nr_entries == MAX_LIST || in.nr_traps == MAX_LIST ||
		    in.nr_targets == MAX_LIST)
			return 2;
		switch (c) {
		case 'b':
			in.base = number(optarg);
			break;
		case 'e':
			entries[in.nr_entries++] = (uint32_t)number(optarg);
			break;
		case 'w':
			traps[in.nr_traps++] = (uint32_t)number(optarg);
			break;
		case 't':
			targets[in.nr_targets++] = target(optarg);
			break;
		case 'd':
			in.disabled |= VERIFY_BIT(rule_by_name(optarg));
			break;
		case 'm':
			in.work_size = number(optarg);
			break;
		case 'l':
			in.stack_limit = (uint32_t)number(optarg);
			break;
		case 's':
			in.strict = true;
			break;
		case 'x':
			in.lookups = true;
			break;
		default:
			return 2;
		}
	}
	in.size = (uint32_t)fread(code, 1, sizeof(code), stdin);
	in.work = malloc(in.work_size);
	verify_blob(&in, &r);
	free(in.work);
	if (r.rule)
		printf("rule %s at 0x%x\n%s\n", verify_rules[r.rule].name, r.offset, r.reason);
	else
		printf("ok\n");
	return 0;
}
