/* SPDX-License-Identifier: GPL-2.0-or-later */
/* derive: from the stock driver module of the dvm's kernel to the twin that the hv runs. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "derive.h"
#include "util.h"

static const char usage[] =
	"usage: derive [OPTION]... FILE.ko -c CONF -k VMLINUX -o OUT.twin\n"
	"       derive report [--json] [OPTION]... FILE.ko -c CONF -k VMLINUX\n"
	"       derive diff FUNCTION [OPTION]... FILE.ko -c CONF -k VMLINUX\n"
	"\n"
	"Derive the twin of a stock Linux network driver: code that may run in the hypervisor on\n"
	"the driver VM's data. `report` says what was done to each function, `diff` shows one.\n"
	"\n"
	"  -c, --conf FILE         description of the driver (entries, targets, upcalls)\n"
	"  -k, --vmlinux FILE      ELF kernel the module was built for; BTF and exports are read\n"
	"  -o, --output FILE       the twin; nothing is written if anything is refused\n"
	"      --facts=LEVEL       what may replace a guard: strict, access, slots (default)\n"
	"      --svm=ENGINE        how memory is reached: window (default), or stlb, the paper's\n"
	"                          lookup for each access, which is there to be measured\n"
	"      --json              report as JSON\n"
	"  -h, --help              this text\n"
	"\n"
	"For experiments; the file is marked and the hypervisor refuses it:\n"
	"      --all               every function; what cannot be derived is left out\n"
	"      --naive             a guard for every access\n"
	"      --no-load-guards    loads are not guarded\n"
	"      --no-store-guards   stores are not guarded\n"
	"\n"
	"Exit status: 0, or 1 with one line per problem on stderr.\n";

enum { OPT_FACTS = 256, OPT_SVM, OPT_JSON, OPT_ALL, OPT_NAIVE, OPT_NO_LOADS, OPT_NO_STORES };

static const struct option long_options[] = {
	{ "conf", required_argument, NULL, 'c' },
	{ "vmlinux", required_argument, NULL, 'k' },
	{ "output", required_argument, NULL, 'o' },
	{ "facts", required_argument, NULL, OPT_FACTS },
	{ "svm", required_argument, NULL, OPT_SVM },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "naive", no_argument, NULL, OPT_NAIVE },
	{ "no-load-guards", no_argument, NULL, OPT_NO_LOADS },
	{ "no-store-guards", no_argument, NULL, OPT_NO_STORES },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static enum twin_facts parse_level(const char *word)
{
	static const char *const names[] = { [TWIN_FACTS_STRICT] = "strict",
					     [TWIN_FACTS_ACCESS] = "access",
					     [TWIN_FACTS_SLOTS] = "slots" };

	for (unsigned k = 0; k < ARRAY_SIZE(names); k++)
		if (strcmp(names[k], word) == 0)
			return k;
	fail("--facts=%s: unknown level (strict, access, slots)", word);
}

static enum twin_engine parse_engine(const char *word)
{
	if (strcmp(word, "window") == 0)
		return TWIN_ENGINE_WINDOW;
	if (strcmp(word, "stlb") == 0)
		return TWIN_ENGINE_STLB;
	fail("--svm=%s: unknown engine (window, stlb)", word);
}

static void parse_option(struct job *job, int option, bool *json)
{
	switch (option) {
	case 'c':
		job->conf = optarg;
		break;
	case 'k':
		job->vmlinux = optarg;
		break;
	case 'o':
		job->output = optarg;
		break;
	case OPT_FACTS:
		job->options.level = parse_level(optarg);
		break;
	case OPT_SVM:
		job->options.engine = parse_engine(optarg);
		break;
	case OPT_JSON:
		*json = true;
		break;
	case OPT_ALL:
		job->all = true;
		break;
	case OPT_NAIVE:
		job->options.naive = true;
		break;
	case OPT_NO_LOADS:
		job->options.guard_loads = false;
		break;
	case OPT_NO_STORES:
		job->options.guard_stores = false;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs("derive: try derive --help\n", stderr);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct job job = {
		.options = { .level = TWIN_FACTS_SLOTS, .guard_loads = true, .guard_stores = true }
	};
	const char *command = "", *function = NULL;
	bool json = false;
	struct twin *t;
	int option;

	while ((option = getopt_long(argc, argv, "c:k:o:h", long_options, NULL)) != -1)
		parse_option(&job, option, &json);
	if (optind < argc && (!strcmp(argv[optind], "report") || !strcmp(argv[optind], "diff")))
		command = argv[optind++];
	if (strcmp(command, "diff") == 0 && optind < argc)
		function = argv[optind++];
	if (optind + 1 != argc)
		fail("one module is wanted; try derive --help");
	job.module = argv[optind];
	if (!job.conf || !job.vmlinux)
		fail("-c CONF and -k VMLINUX are wanted; try derive --help");
	if (!*command && !job.output)
		fail("-o OUT.twin is wanted; try derive --help");
	if (job.options.engine == TWIN_ENGINE_STLB &&
	    (job.options.naive || !job.options.guard_loads || !job.options.guard_stores))
		fail("--svm=stlb: there are no guards to experiment with");
	t = derive(&job);
	if (job.output)
		file_write(t, job.output);
	if (strcmp(command, "diff") == 0)
		diff_print(t, function, stdout);
	else if (strcmp(command, "report") == 0)
		(json ? report_json : report_text)(t, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
