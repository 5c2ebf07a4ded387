/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses the boot words. Everything here runs before the first VM, so a bad word ends the boot. */
#include "vm/config.h"

#include "debug/log.h"
#include "lib/string.h"

#define MEM_MIN MIB(8)
#define MEM_MAX GIB(3)

struct word {
	char text[160]; /* KEY or KEY=VALUE; key and value point into it */
	const char *key, *value;
};

/*
 * Takes the next word of *line; false at its end. A lone `--` also ends it: *line then points at
 * the rest behind it.
 */
static bool next_word(const char **line, struct word *w, const char *where)
{
	const char *s = *line;
	size_t n = 0;
	char *eq;

	while (*s == ' ')
		s++;
	while (s[n] && s[n] != ' ')
		n++;
	if (n >= sizeof(w->text))
		boot_fail("%s: a word of %lu characters", where, n);
	memcpy(w->text, s, n);
	w->text[n] = 0;
	*line = s + n;
	if (n == 0 || strcmp(w->text, "--") == 0)
		return false;
	eq = strchr(w->text, '=');
	if (eq)
		*eq = 0;
	w->key = w->text;
	w->value = eq ? eq + 1 : "";
	return true;
}

static uint64_t number(const struct word *w, const char *where)
{
	const char *s = w->value;
	uint64_t n;

	if (parse_u64(&s, &n) || *s)
		boot_fail("%s: %s=%s is not a number", where, w->key, w->value);
	return n;
}

static void set_name(char *dst, const struct word *w, const char *where)
{
	if (!w->value[0] || strlen(w->value) >= VM_NAME_LEN)
		boot_fail("%s: %s=%s: a name has 1 to %d characters", where, w->key, w->value,
			  VM_NAME_LEN - 1);
	for (const char *c = w->value; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-'))
			boot_fail("%s: %s=%s: a name is made of a-z, 0-9 and -", where, w->key,
				  w->value);
	strlcpy(dst, w->value, VM_NAME_LEN);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static void set_mac(uint8_t *mac, const struct word *w, const char *where)
{
	const char *s = w->value;

	for (int i = 0; i < 6; i++, s += 3) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0 || s[2] != (i < 5 ? ':' : 0))
			boot_fail("%s: mac=%s is not aa:bb:cc:dd:ee:ff", where, w->value);
		mac[i] = hi << 4 | lo;
	}
	if (mac[0] & 1)
		boot_fail("%s: mac=%s is a group address", where, w->value);
}

static uint32_t read_ip(const struct word *w, const char *where)
{
	const char *s = w->value;
	uint32_t ip = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t part = 0, digits = 0;

		for (; *s >= '0' && *s <= '9' && digits < 3; s++, digits++)
			part = part * 10 + (uint32_t)(*s - '0');
		if (!digits || part > 255 || *s++ != (i < 3 ? '.' : 0))
			boot_fail("%s: ip=%s is not a.b.c.d", where, w->value);
		ip = ip << 8 | part;
	}
	if (!ip)
		boot_fail("%s: ip=%s is nobody's address", where, w->value);
	return ip;
}

/* One of two values. Returns whether it is the second one. */
static bool is_second(const struct word *w, const char *where, const char *first,
		      const char *second)
{
	if (strcmp(w->value, first) && strcmp(w->value, second))
		boot_fail("%s: %s=%s (known: %s, %s)", where, w->key, w->value, first, second);
	return strcmp(w->value, second) == 0;
}

static struct vm_config *find_vm(struct config *cfg, const char *name)
{
	for (unsigned int i = 0; i < cfg->vms; i++)
		if (strcmp(cfg->vm[i].name, name) == 0)
			return &cfg->vm[i];
	return NULL;
}

/* 52:54:00:88:01:ID unless the line says otherwise. */
static void default_mac(uint8_t *mac, unsigned int id)
{
	static const uint8_t base[6] = { 0x52, 0x54, 0x00, 0x88, 0x01, 0x00 };

	memcpy(mac, base, 6);
	mac[5] = id;
}

static void vm_word(struct vm_config *vm, const struct word *w, uint32_t *seen, const char *where)
{
	static const char *const keys[] = { "kind", "mem", "mac", "ip", "frames" };
	unsigned int k = 0;

	while (k < ARRAY_SIZE(keys) && strcmp(keys[k], w->key))
		k++;
	if (k == ARRAY_SIZE(keys))
		boot_fail("%s: unknown word '%s' (known: kind= mem= mac= ip= frames= --)", where,
			  w->key);
	if (*seen & BIT(k))
		boot_fail("%s: %s= is given twice", where, w->key);
	*seen |= BIT(k);
	if (k == 0) {
		vm->kind = is_second(w, where, "dvm", "guest") ? VM_GUEST : VM_DVM;
	} else if (k == 1) {
		vm->mem = ALIGN_DOWN(number(w, where), MIB(2));
		if (vm->mem < MEM_MIN || vm->mem > MEM_MAX)
			boot_fail("%s: mem=%s (8M to 3G)", where, w->value);
	} else if (k == 2) {
		set_mac(vm->mac, w, where);
	} else if (k == 3) {
		vm->ip = read_ip(w, where);
	} else {
		vm->plain_frames = is_second(w, where, "large", "plain");
	}
}

static void read_vm(struct config *cfg, const struct boot_module *m, const struct word *first,
		    const char *line)
{
	struct vm_config *vm = &cfg->vm[cfg->vms];
	uint32_t seen = 0;
	struct word w;

	if (cfg->vms == VM_MAX)
		boot_fail("more than %d VMs", VM_MAX);
	set_name(vm->name, first, "vm");
	if (find_vm(cfg, vm->name))
		boot_fail("two VMs are called %s", vm->name);
	if (strcmp(vm->name, "hv") == 0 || strcmp(vm->name, "mon") == 0 ||
	    strcmp(vm->name, "json") == 0)
		boot_fail("vm=%s: this name is the hypervisor's own", vm->name);
	default_mac(vm->mac, cfg->vms);
	while (next_word(&line, &w, vm->name))
		vm_word(vm, &w, &seen, vm->name);
	while (*line == ' ')
		line++;
	if ((seen & 3) != 3)
		boot_fail("vm=%s needs %s", vm->name, seen & 1 ? "mem=" : "kind=");
	if (vm->ip && vm->kind == VM_DVM)
		boot_fail("vm=%s: ip= is for guests", vm->name);
	for (unsigned int i = 0; vm->ip && i < cfg->vms; i++)
		if (cfg->vm[i].ip == vm->ip)
			boot_fail("%s and %s have the same ip=", cfg->vm[i].name, vm->name);
	vm->cmdline = line;
	vm->kernel = m;
	cfg->vms++;
}

static void only_word(const char *line, const char *where)
{
	struct word w;

	if (next_word(&line, &w, where))
		boot_fail("%s: unknown word '%s'", where, w.key);
}

/* One driver's twin, derived for one level or for each. */
static void add_twin(struct config *cfg, const struct boot_module *m, const struct word *w)
{
	if (cfg->twins == CONFIG_TWINS)
		boot_fail("twin= is given more than %d times", CONFIG_TWINS);
	if (cfg->twins && strcmp(cfg->twin_driver, w->value))
		boot_fail("twin=%s and twin=%s: only one driver has a twin", cfg->twin_driver,
			  w->value);
	set_name(cfg->twin_driver, w, "twin");
	cfg->twin[cfg->twins++] = m;
}

static void read_module(struct config *cfg, const struct boot_module *m, unsigned int number_)
{
	const char *line = m->line;
	struct word w;

	if (!next_word(&line, &w, "module"))
		boot_fail("module %u has no words (vm= initrd= twin= symbols)", number_);
	if (strcmp(w.key, "vm") == 0) {
		read_vm(cfg, m, &w, line);
		return;
	}
	if (strcmp(w.key, "initrd") == 0) {
		struct vm_config *vm = find_vm(cfg, w.value);

		if (!vm)
			boot_fail("initrd=%s: there is no such VM before this module", w.value);
		if (vm->initrd)
			boot_fail("initrd=%s is given twice", w.value);
		vm->initrd = m;
	} else if (strcmp(w.key, "twin") == 0) {
		add_twin(cfg, m, &w);
	} else if (strcmp(w.key, "symbols") == 0) {
		cfg->symbols = m;
	} else {
		boot_fail("module %u: unknown word '%s' (known: vm= initrd= twin= symbols)",
			  number_, w.key);
	}
	only_word(line, m->line);
}

/* The same, once in the hypervisor's line. */
static bool choice(const struct word *w, bool *seen, const char *first, const char *second)
{
	bool is = is_second(w, "hypervisor", first, second);

	if (*seen)
		boot_fail("%s= is given twice", w->key);
	*seen = true;
	return is;
}

/* More than the usual number is for campaigns, in which deaths are made. */
static unsigned int restarts(const struct word *w)
{
	uint64_t n = number(w, "hypervisor");

	if (n < 1 || n > CONFIG_RESTARTS_MAX)
		boot_fail("restarts=%s (1 to %d)", w->value, CONFIG_RESTARTS_MAX);
	return n;
}

static void read_words(struct config *cfg, const char *line)
{
	struct word w;
	bool net_seen = false, judge_seen = false, engine_seen = false, panic_seen = false;

	cfg->restarts = CONFIG_RESTARTS;
	while (next_word(&line, &w, "hypervisor")) {
		if (strcmp(w.key, "net") == 0) {
			cfg->net = choice(&w, &net_seen, "bridge", "twin") ? NET_TWIN : NET_BRIDGE;
		} else if (strcmp(w.key, "judge") == 0) {
			cfg->judge = choice(&w, &judge_seen, "strict", "normal") ? JUDGE_NORMAL
										 : JUDGE_STRICT;
		} else if (strcmp(w.key, "svm") == 0) {
			cfg->svm = choice(&w, &engine_seen, "window", "stlb") ? TWIN_ENGINE_STLB
									      : TWIN_ENGINE_WINDOW;
		} else if (strcmp(w.key, "panic") == 0) {
			cfg->panic_reboots = choice(&w, &panic_seen, "halt", "reboot");
		} else if (strcmp(w.key, "focus") == 0) {
			set_name(cfg->focus, &w, "hypervisor");
		} else if (strcmp(w.key, "run") == 0) {
			cfg->run_seconds = number(&w, "hypervisor");
		} else if (strcmp(w.key, "restarts") == 0) {
			cfg->restarts = restarts(&w);
		} else {
			boot_fail("hypervisor: unknown word '%s' (known: net= judge= svm= focus= "
				  "run= restarts= panic= check)",
				  w.key);
		}
	}
}

bool config_is_check(const struct boot_info *boot)
{
	const char *line = boot->words;
	struct word w;

	while (next_word(&line, &w, "hypervisor"))
		if (strcmp(w.key, "check") == 0)
			return true;
	return false;
}

/* A file that the medium lacks costs the twin alone, as one that is refused does. */
static void warn_of_no_twin(const struct config *cfg, unsigned int dvms)
{
	if (!dvms)
		log_warn("net=twin: there is no VM of kind=dvm, so guests have no way to the wire");
	else if (!cfg->twins)
		log_warn("net=twin: no module twin=DRIVER was loaded, so guests use the bridge");
}

void config_read(struct config *cfg, const struct boot_info *boot)
{
	unsigned int dvms = 0;

	read_words(cfg, boot->words);
	for (unsigned int i = 0; i < boot->modules; i++)
		read_module(cfg, &boot->module[i], i + 1);
	if (cfg->vms == 0)
		boot_fail("no VM: give at least one module a line vm=NAME kind=... mem=...");
	for (unsigned int i = 0; i < cfg->vms; i++)
		dvms += cfg->vm[i].kind == VM_DVM;
	if (dvms > 1)
		boot_fail("more than one VM of kind=dvm");
	if (cfg->net == NET_TWIN)
		warn_of_no_twin(cfg, dvms);
	if (cfg->focus[0] && !find_vm(cfg, cfg->focus))
		boot_fail("focus=%s: there is no such VM", cfg->focus);
}
