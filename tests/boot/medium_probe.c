/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Multiboot2 kernel that prints what the boot loader gave it, for tests of the medium and the
 * launcher: the words, each module's size, byte sum and line. Then it answers each typed line,
 * and `end` ends the machine. 32-bit, freestanding; Multiboot2 specification 3.1 and 3.6.
 */
#include <stdint.h>

#define MB2_HEADER_MAGIC 0xe85250d6u
#define MB2_BOOT_MAGIC   0x36d76289u
#define TAG_END          0
#define TAG_WORDS        1
#define TAG_MODULE       3
#define COM1             0x3f8
#define EXIT_PORT        0xf4
#define EXIT_GOOD        0x10
#define EXIT_BAD         0x11
#define CTRL_A           1

struct tag {
	uint32_t type, size;
	union {
		char words[1];
		struct {
			uint32_t start, end;
			char line[1];
		} module;
	} u;
};

void probe_main(uint32_t magic, const uint8_t *info);

__asm__(".section .text.start, \"ax\"\n"
	".balign 8\n"
	"header: .long 0xe85250d6, 0, 24, -(0xe85250d6 + 24)\n"
	"	.word 0, 0\n"
	"	.long 8\n"
	".globl _start\n"
	"_start: mov $stack + 4096, %esp\n"
	"	push %ebx\n"
	"	push %eax\n"
	"	call probe_main\n"
	".local stack\n"
	".comm stack, 4096, 16\n"
	".text\n");

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(COM1, (uint8_t)c);
}

static void print(const char *text)
{
	while (*text)
		put(*text++);
}

static void print_hex(uint32_t value)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		put("0123456789abcdef"[value >> shift & 15]);
}

static char get(void)
{
	while (!(inb(COM1 + 5) & 1))
		;
	return (char)inb(COM1);
}

static void end(uint8_t code)
{
	outb(EXIT_PORT, code);
	for (;;)
		;
}

static void print_module(const struct tag *tag)
{
	uint32_t sum = 0;

	for (uint32_t at = tag->u.module.start; at < tag->u.module.end; at++)
		sum += *(const uint8_t *)(uintptr_t)at;
	print("hv| module ");
	print_hex(tag->u.module.end - tag->u.module.start);
	print(" ");
	print_hex(sum);
	print(" ");
	print(tag->u.module.line);
	print("\n");
}

static void answer(void)
{
	char line[80];
	unsigned int len = 0;
	char c;

	while ((c = get()) != '\n') {
		if (c == CTRL_A)
			c = '^';
		if (len < sizeof(line) - 1)
			line[len++] = c;
	}
	line[len] = '\0';
	if (len >= 3 && line[len - 3] == 'e' && line[len - 2] == 'n' && line[len - 1] == 'd')
		end(EXIT_GOOD);
	print("mon| got ");
	print(line);
	print("\nmon| ok\n");
}

void probe_main(uint32_t magic, const uint8_t *info)
{
	if (magic != MB2_BOOT_MAGIC)
		end(EXIT_BAD);
	for (const uint8_t *p = info + 8;;) {
		const struct tag *tag = (const struct tag *)p;

		if (tag->type == TAG_END)
			break;
		if (tag->type == TAG_WORDS) {
			print("hv| words ");
			print(tag->u.words);
			print("\n");
		} else if (tag->type == TAG_MODULE) {
			print_module(tag);
		}
		p += (tag->size + 7) & ~7u;
	}
	print("hv| ready\n");
	for (;;)
		answer();
}
