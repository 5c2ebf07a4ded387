/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing and the commands of the monitor. */
#include "debug/monitor.h"

#include "debug/console.h"
#include "debug/dump.h"
#include "debug/end.h"
#include "debug/stats.h"
#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vm/vm.h"

#define CTRL_U   21
#define DEL      127
#define LINE_MAX 400

extern const struct monitor_command __monitor_start[], __monitor_end[];

static void input(struct console_source *src, uint8_t byte);

static struct console_source source = { .name = "mon", .input = input };
static char command[200];
static unsigned int length;

void monitor_init(void)
{
	console_register(&source, true);
}

void mon(const char *fmt, ...)
{
	char text[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	console_write(&source, text);
	console_put(&source, '\n');
}

static int split(char *s, char **argv)
{
	int argc = 0;

	for (;;) {
		while (*s == ' ')
			*s++ = 0;
		if (!*s)
			return argc;
		if (argc == MONITOR_MAX_ARGS)
			return -E2BIG;
		argv[argc++] = s;
		while (*s && *s != ' ')
			s++;
	}
}

static const struct monitor_command *find(const char *name)
{
	for (const struct monitor_command *c = __monitor_start; c < __monitor_end; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* The command said what is wrong; this is the line that ends its output. */
static void print_error(int rc)
{
	static const struct {
		int number;
		const char *text;
	} names[] = {
		{ ENOENT, "no such thing" }, { EIO, "it failed" },
		{ EAGAIN, "not now" },       { ENOMEM, "no memory" },
		{ EBUSY, "busy" },           { ENODEV, "no such device" },
		{ EINVAL, "bad argument" },  { EOPNOTSUPP, "not possible here" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == -rc) {
			mon("error: %s", names[i].text);
			return;
		}
	mon("error: %d", rc);
}

static void execute(char *text)
{
	char *argv[MONITOR_MAX_ARGS];
	int argc = split(text, argv), rc;
	const struct monitor_command *c;

	if (argc == 0)
		return;
	if (argc < 0) {
		mon("error: more than %d words", MONITOR_MAX_ARGS);
		return;
	}
	c = find(argv[0]);
	if (!c) {
		mon("error: unknown command '%s' (try help)", argv[0]);
		return;
	}
	rc = c->run(argc, argv);
	if (rc)
		print_error(rc);
	else
		mon("ok");
}

static void erase(void)
{
	if (length) {
		length--;
		console_put(&source, '\b');
	}
}

static void input(struct console_source *src, uint8_t byte)
{
	if (byte == '\r' || byte == '\n') {
		if (length)
			console_put(src, '\n');
		command[length] = 0;
		length = 0;
		execute(command);
	} else if (byte == '\b' || byte == DEL) {
		erase();
	} else if (byte == CTRL_U) {
		while (length)
			erase();
	} else if (byte >= ' ' && byte < DEL && length < sizeof(command) - 1) {
		command[length++] = byte;
		console_put(src, byte);
	}
}

static int monitor_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (const struct monitor_command *c = __monitor_start; c < __monitor_end; c++)
		mon("%-10s %s", c->name, c->help);
	mon("Ctrl-A 0 selects this monitor, Ctrl-A 1.. the VMs in the order of `vms`");
	return 0;
}
MONITOR("help", "this list", monitor_help);

static int monitor_stats(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	stats_dump();
	return 0;
}
MONITOR("stats", "all counters, as one JSON document in `json| ` lines", monitor_stats);

static int monitor_focus(int argc, char **argv)
{
	if (argc != 2 || console_focus(argv[1])) {
		mon("usage: focus NAME (a VM of `vms`, or mon)");
		return -EINVAL;
	}
	return 0;
}
MONITOR("focus", "focus NAME: input goes to that VM", monitor_focus);

static const struct vcpu *started_vcpu(int argc, char **argv)
{
	struct vm *vm = argc == 2 ? vm_find(argv[1]) : NULL;

	if (vm && vm->vcpu.vendor)
		return &vm->vcpu;
	mon("usage: %s NAME (a VM that was started)", argv[0]);
	return NULL;
}

static int monitor_regs(int argc, char **argv)
{
	const struct vcpu *vcpu = started_vcpu(argc, argv);

	if (!vcpu)
		return -EINVAL;
	dump_vcpu_regs(vcpu);
	return 0;
}
MONITOR("regs", "regs NAME: registers of a VM, into the log", monitor_regs);

static int monitor_dump(int argc, char **argv)
{
	const struct vcpu *vcpu = started_vcpu(argc, argv);

	if (!vcpu)
		return -EINVAL;
	dump_vcpu(vcpu, "asked for");
	return 0;
}
MONITOR("dump", "dump NAME: registers, page walk and code of a VM, into the log", monitor_dump);

static int monitor_kill(int argc, char **argv)
{
	struct vm *vm = argc == 2 ? vm_find(argv[1]) : NULL;

	if (!vm) {
		mon("usage: kill NAME");
		return -EINVAL;
	}
	vm->ended_on_purpose = true;
	vm_kill(vm, "killed from the monitor");
	return 0;
}
MONITOR("kill", "kill NAME: ends a VM for good (the driver VM: until `restart`)", monitor_kill);

static int monitor_quit(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	stats_dump();
	mon("ok");
	machine_end(END_OK);
}
MONITOR("quit", "prints the counters and ends the run", monitor_quit);
