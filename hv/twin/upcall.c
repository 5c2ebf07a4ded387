/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Upcalls of the twin. */
#include "twin/upcall.h"

#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "debug/stats.h"
#include "cpu/timer.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "twin/castor.h"
#include "twin/gate.h"
#include "twin/load.h"
#include "twin/native.h"
#include "twin/run.h"
#include "twin/transmit.h"

#define QUEUE_MAX  16
#define FORCED_MAX 16
#define FORCED_LEN 48

struct upcall_count upcall_count[TWIN_GATE_STUBS];
static const uint64_t *import_dva;
static uint64_t null_pointers; /* arguments the dvm could not have followed */
static uint64_t in_hard_irq;   /* upcalls under a lock */

/* Natives that are to run as upcalls from the next attachment on: for tests and measurements. */
static char forced[FORCED_MAX][FORCED_LEN];
static unsigned int forced_count;

static struct queued {
	uint32_t import;
	uint64_t arg[6];
} queue[QUEUE_MAX];
static unsigned int queued;

/* Routines whose result is known beforehand, so that nobody has to wait for it. */
static const struct {
	const char *name;
	uint64_t result;
} deferrable[] = {
	{ "queue_delayed_work_on", 1 },
	{ "queue_work_on", 1 },
};

static const struct twin_import *import_at(uint32_t i)
{
	return (const struct twin_import *)twin_table(TWIN_TABLE_IMPORTS) + i;
}

void upcall_bind(const uint64_t *import_dva_)
{
	import_dva = import_dva_;
	queued = 0;
}

static bool defer(uint32_t import, const uint64_t *args, uint64_t *result)
{
	const char *name = twin_string(import_at(import)->name);

	for (unsigned int i = 0; i < ARRAY_SIZE(deferrable); i++) {
		if (strcmp(name, deferrable[i].name) || queued == QUEUE_MAX)
			continue;
		queue[queued].import = import;
		memcpy(queue[queued].arg, args, sizeof(queue[queued].arg));
		queued++;
		*result = deferrable[i].result;
		return true;
	}
	return false;
}

/* A pointer to the hypervisor's half means nothing to the dvm: NULL instead. */
static uint64_t argument(const struct twin_import *imp, unsigned int n, uint64_t val)
{
	if (n < imp->nargs && TWIN_ARG_KIND(imp->args[n]) == TWIN_ARG_POINTER && val &&
	    !(val >> 63)) {
		null_pointers++;
		return 0;
	}
	return val;
}

/*
 * A word that the caller may have passed on the stack. The judge has seen that a fixed prototype's
 * are the caller's own. With variable arguments their number is the file's word, and most calls
 * pass fewer: what then lies above the frames of derived code is the hypervisor's, and is not for
 * the dvm.
 */
static uint64_t stack_argument(const uint64_t *stack_args, unsigned int n)
{
	return stack_args + n < twin_frames_end ? stack_args[n] : 0;
}

static uint64_t cut(const struct twin_import *imp, uint64_t val)
{
	unsigned int bytes = TWIN_ARG_BYTES(imp->ret);

	return bytes && bytes < 8 ? val & ((1UL << 8 * bytes) - 1) : val;
}

/*
 * R15. The file says whether a call can be reached under a lock of the driver. It is not trusted:
 * a wrong word there makes the dvm wait for itself, which the limit of an upcall ends.
 */
static enum castor_context context_of(uint32_t import)
{
	if (transmit_holds_lock() || (import_at(import)->flags & TWIN_IMPORT_LOCKED))
		return CASTOR_HARD_IRQ;
	return CASTOR_SOFTIRQ;
}

static int call(uint32_t import, const uint64_t *args, unsigned int n, uint64_t *result)
{
	enum castor_context context = context_of(import);
	uint64_t start = rdtsc();
	int rc = castor_upcall(context, import_dva[import], args, n, result);

	in_hard_irq += context == CASTOR_HARD_IRQ;
	upcall_count[import].calls++;
	upcall_count[import].tsc += rdtsc() - start;
	return rc;
}

uint64_t twin_upcall(uint32_t import, const uint64_t *reg_args, const uint64_t *stack_args)
{
	const struct twin_import *imp;
	uint64_t args[TWIN_ARGS_MAX], result = 0;
	unsigned int n;
	bool in_time;
	int rc;

	if (import >= twin_count(TWIN_TABLE_IMPORTS))
		native_kill("upcall %u does not exist", import);
	imp = import_at(import);
	if ((imp->flags & TWIN_IMPORT_NORETURN) || !import_dva[import])
		native_kill("%s was called", twin_string(imp->name));
	n = 6u + MIN(imp->nstack, TWIN_ARGS_MAX - 6);
	for (unsigned int i = 0; i < n; i++)
		args[i] = argument(imp, i, i < 6 ? reg_args[i] : stack_argument(stack_args, i - 6));
	if (defer(import, args, &result))
		return result;
	run_suspend();
	rc = call(import, args, n, &result);
	in_time = run_resume();
	if (rc)
		native_kill("no answer to the upcall of %s", twin_string(imp->name));
	if (!in_time)
		native_kill("upcalls take too long, the last of them %s,", twin_string(imp->name));
	return cut(imp, result);
}

int upcall_run_queued(void)
{
	uint64_t result;
	int rc = 0;

	for (unsigned int i = 0; i < queued && !rc; i++)
		rc = call(queue[i].import, queue[i].arg, 6, &result);
	queued = 0;
	return rc;
}

void upcall_forget(void)
{
	memset(upcall_count, 0, sizeof(upcall_count));
}

uint64_t upcall_total(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_IMPORTS); i++)
		n += upcall_count[i].calls;
	return n;
}

bool upcall_is_forced(const char *name)
{
	for (unsigned int i = 0; i < forced_count; i++)
		if (strcmp(forced[i], name) == 0)
			return true;
	return false;
}

static bool is_function(const char *name)
{
	for (uint32_t i = 0; twin_image.head && i < twin_count(TWIN_TABLE_IMPORTS); i++)
		if (import_at(i)->kind == TWIN_IMPORT_FUNCTION &&
		    strcmp(twin_string(import_at(i)->name), name) == 0)
			return true;
	return false;
}

static int force(int argc, char **argv)
{
	if (argc > FORCED_MAX) {
		mon("at most %u names", FORCED_MAX);
		return -EINVAL;
	}
	for (int i = 0; i < argc; i++)
		if (strlen(argv[i]) >= FORCED_LEN || !is_function(argv[i])) {
			mon("the twin calls no routine %s", argv[i]);
			return -EINVAL;
		}
	forced_count = argc;
	for (int i = 0; i < argc; i++)
		strlcpy(forced[i], argv[i], FORCED_LEN);
	return 0;
}

static int monitor_upcalls(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "force") == 0)
		return force(argc - 2, argv + 2);
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_IMPORTS); i++)
		if (upcall_count[i].calls)
			mon("%-28s %8lu calls %8lu us each", twin_string(import_at(i)->name),
			    upcall_count[i].calls,
			    upcall_count[i].tsc * 1000 / tsc_khz / upcall_count[i].calls);
	mon("%lu in all, %lu of them under a lock, %lu arguments replaced by NULL", upcall_total(),
	    in_hard_irq, null_pointers);
	return 0;
}
MONITOR("upcalls",
	"[force NAME..] routines run in the driver VM for the twin; natives to run there",
	monitor_upcalls);

static void stats_upcalls(void)
{
	for (uint32_t i = 0; i < twin_count(TWIN_TABLE_IMPORTS); i++)
		if (upcall_count[i].calls)
			json_u64(twin_string(import_at(i)->name), upcall_count[i].calls);
}
STATS("upcalls", stats_upcalls);
