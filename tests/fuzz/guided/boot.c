/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot information and boot words (boot/multiboot2.c, hv/vm/config.c). An input that begins with
 * the byte 0xd6 is the tags of Multiboot2 information as they are; any other is text, its first
 * line the hypervisor's words, each further one a module's, and becomes such tags.
 */
#include <sanitizer/asan_interface.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "debug/log.h"
#include "guided.h"
#include "vm/config.h"

#define INFO_BYTES 0x10000
#define RAW        0xd6
#define HEAD       8 /* total size, reserved */

enum { TAG_CMDLINE = 1, TAG_MODULE = 3, TAG_MMAP = 6 };

static jmp_buf refused;
static char message[400];
static uint8_t *info; /* the loader's address has 32 bits */

void boot_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	longjmp(refused, 1);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
}

/* Appends a tag of `size` bytes in all; returns where its contents go. */
static uint8_t *add_tag(uint32_t *at, uint32_t type, uint32_t size)
{
	uint8_t *tag = info + *at;

	memset(tag, 0, ALIGN_UP(size, 8));
	memcpy(tag, &type, 4);
	memcpy(tag + 4, &size, 4);
	*at += ALIGN_UP(size, 8);
	return tag + 8;
}

/* The total size of the information that a text makes. */
static uint32_t from_text(const uint8_t *text, size_t size)
{
	const uint32_t range[] = { 24, 0, 0x100000, 0, 0x8000000, 0, 1, 0 };
	const uint8_t *end = text + size;
	uint32_t at = HEAD, where = 0x1000000;
	bool first = true;

	memcpy(add_tag(&at, TAG_MMAP, 8 + sizeof(range)), range, sizeof(range));
	while (text < end || first) {
		const uint8_t *eol = memchr(text, '\n', end - text);
		uint32_t len = (eol ? eol : end) - text, fixed = first ? 0 : 8;
		uint8_t *to;

		if (at + len + 40 > INFO_BYTES)
			break;
		to = add_tag(&at, first ? TAG_CMDLINE : TAG_MODULE, 8 + fixed + len + 1);
		if (!first) {
			memcpy(to, &where, 4);
			where += 0x1000;
			memcpy(to + 4, &where, 4);
		}
		memcpy(to + fixed, text, len);
		text += len + (eol != NULL);
		first = false;
	}
	return at;
}

static uint32_t from_raw(const uint8_t *tags, size_t size)
{
	uint32_t n = MIN(size, INFO_BYTES - HEAD);

	memcpy(info + HEAD, tags, n);
	return HEAD + n;
}

static void check_vm(const struct config *cfg, const struct boot_info *boot, unsigned int i)
{
	const struct vm_config *vm = &cfg->vm[i];
	const struct boot_module *last = boot->module + boot->modules;

	CHECK(vm->name[0] && strnlen(vm->name, VM_NAME_LEN) < VM_NAME_LEN);
	CHECK(strspn(vm->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(vm->name));
	CHECK(strcmp(vm->name, "hv") && strcmp(vm->name, "mon") && strcmp(vm->name, "json"));
	for (unsigned int k = 0; k < i; k++)
		CHECK(strcmp(vm->name, cfg->vm[k].name));
	CHECK(vm->mem % MIB(2) == 0 && vm->mem >= MIB(8) && vm->mem <= GIB(3));
	CHECK(!(vm->mac[0] & 1));
	CHECK(vm->kernel >= boot->module && vm->kernel < last);
	CHECK(!vm->initrd || (vm->initrd >= boot->module && vm->initrd < last));
	CHECK(vm->cmdline >= vm->kernel->line && vm->cmdline < vm->kernel->line + BOOT_LINE);
	CHECK(vm->cmdline[0] != ' ');
}

static void check(const struct config *cfg, const struct boot_info *boot)
{
	unsigned int dvms = 0;

	CHECK(boot->ranges && boot->ranges <= BOOT_RANGES && boot->modules <= BOOT_MODULES);
	CHECK(cfg->vms && cfg->vms <= VM_MAX && cfg->twins <= CONFIG_TWINS);
	for (unsigned int i = 0; i < cfg->vms; i++) {
		check_vm(cfg, boot, i);
		dvms += cfg->vm[i].kind == VM_DVM;
	}
	CHECK(dvms <= 1);
	CHECK(boot->rsdp_size <= RSDP_MAX);
	CHECK(strnlen(cfg->focus, VM_NAME_LEN) < VM_NAME_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info boot;
	static struct config cfg, again;
	uint32_t total;

	if (!info)
		info = mmap(NULL, INFO_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	CHECK(info != MAP_FAILED);
	ASAN_UNPOISON_MEMORY_REGION(info, INFO_BYTES);
	total = size && data[0] == RAW ? from_raw(data + 1, size - 1) : from_text(data, size);
	memcpy(info, &total, 4);
	/* What lies behind it is not the loader's. */
	ASAN_POISON_MEMORY_REGION(info + total, INFO_BYTES - total);
	memset(&boot, 0, sizeof(boot));
	memset(&cfg, 0, sizeof(cfg));
	memset(&again, 0, sizeof(again));
	message[0] = 0;
	if (setjmp(refused)) {
		CHECK(message[0]);
		return 0;
	}
	multiboot2_read(&boot, MB2_BOOT_MAGIC, (uint32_t)(uintptr_t)info);
	config_read(&cfg, &boot);
	check(&cfg, &boot);
	config_read(&again, &boot);
	CHECK(memcmp(&cfg, &again, sizeof(cfg)) == 0);
	return 0;
}
