/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge as a host program: reads a .twin file and says whether the hypervisor would run it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twinfile.h"

#define WORK_SIZE     (256u << 20) /* enough for the largest text; touched only as needed */
#define DEFAULT_STACK 4096

enum exit_code { EXIT_ACCEPTED, EXIT_REFUSED, EXIT_USAGE };

static const char usage[] =
	"Usage: verify [--strict] [--json] [--stack BYTES] FILE.twin\n"
	"       verify --rules | --help\n"
	"\n"
	"Judges the code of a derived driver: relocates it plausibly and applies the\n"
	"rules that the hypervisor applies before the code may run.\n"
	"\n"
	"  --strict       accept no fact that rests on a successful access or on a stack slot\n"
	"  --json         print the verdict as one JSON object\n"
	"  --stack BYTES  most stack that an entry may use (4096)\n"
	"  --rules        list the rules\n"
	"\n"
	"Exit status: 0 accepted, 1 refused by a rule, 2 bad usage or not a sound .twin file.\n";

static void print_rules(void)
{
	for (int k = 1; k < VERIFY_NR_RULES; k++)
		printf("%2d  %-13s %s\n", k, verify_rules[k].name, verify_rules[k].text);
}

static void print_text(const char *path, const struct twinfile *t, const struct verify_result *r)
{
	uint32_t distance = 0;
	const char *name = r->rule ? twinfile_function(t, r->offset, &distance) : NULL;

	if (!r->rule)
		printf("%s: ok: %u instructions, %u guards, %u functions, stack %u, %llu steps\n",
		       path, r->instructions, r->guards, r->functions, r->stack,
		       (unsigned long long)r->steps);
	else if (name)
		printf("%s: rule %s (%d) at 0x%x (%s+0x%x): %s\n", path, verify_rules[r->rule].name,
		       r->rule, r->offset, name, distance, r->reason);
	else
		printf("%s: rule %s (%d) at 0x%x: %s\n", path, verify_rules[r->rule].name, r->rule,
		       r->offset, r->reason);
}

/* Strings of rules are plain text without quotes, the file's name is left out: no escapes. */
static void print_json(const struct verify_input *in, const struct verify_result *r)
{
	printf("{\"ok\": %s, \"strict\": %s, \"rule\": %d, \"name\": \"%s\", \"offset\": %u, "
	       "\"reason\": \"%s\", \"bytes\": %u, \"instructions\": %u, \"guards\": %u, "
	       "\"functions\": %u, \"blocks\": %u, \"stack\": %u, \"steps\": %llu}\n",
	       r->rule ? "false" : "true", in->strict ? "true" : "false", r->rule,
	       verify_rules[r->rule].name, r->offset, r->reason, in->size, r->instructions,
	       r->guards, r->functions, r->blocks, r->stack, (unsigned long long)r->steps);
}

static int judge_file(const char *path, bool strict, bool json, uint32_t stack)
{
	struct twinfile t;
	struct verify_result r;
	const char *bad = twinfile_open(&t, path);
	int code = EXIT_USAGE;

	if (bad) {
		fprintf(stderr, "verify: %s: %s\n", path, bad);
		goto out;
	}
	t.input.strict = strict;
	t.input.stack_limit = stack;
	t.input.work_size = WORK_SIZE;
	t.input.work = malloc(WORK_SIZE);
	if (!t.input.work) {
		fprintf(stderr, "verify: out of memory\n");
		goto out;
	}
	code = verify_blob(&t.input, &r) ? EXIT_ACCEPTED : EXIT_REFUSED;
	if (json)
		print_json(&t.input, &r);
	else
		print_text(path, &t, &r);
	free(t.input.work);
out:
	twinfile_close(&t);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "strict", no_argument, NULL, 's' },      { "json", no_argument, NULL, 'j' },
		{ "stack", required_argument, NULL, 'k' }, { "rules", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },        { 0 },
	};
	bool strict = false, json = false;
	unsigned long stack = DEFAULT_STACK;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			strict = true;
			break;
		case 'j':
			json = true;
			break;
		case 'k':
			stack = strtoul(optarg, &end, 0);
			if (!*optarg || *end || stack > VERIFY_MAX_SIZE) {
				fprintf(stderr, "verify: --stack %s: not a number of bytes\n",
					optarg);
				return EXIT_USAGE;
			}
			break;
		case 'r':
			print_rules();
			return EXIT_ACCEPTED;
		case 'h':
			fputs(usage, stdout);
			return EXIT_ACCEPTED;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return judge_file(argv[optind], strict, json, (uint32_t)stack);
}
