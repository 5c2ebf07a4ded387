/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user SEED COUNT: a process of the driver VM with all rights but the kernel's. Hypercalls from
 * ring 3, each of which has to end in SIGILL; ports by instruction (iopl) and by /dev/port, all
 * but those of the network card, which would be the card's fault, and the two that reset the VM.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "drivers/castor_abi.h"

#define KBD        0x64
#define CONFIG     0xcf8 /* and the reset port beside it; a card may be moved by it */
#define CONFIG_END 0xd00
#define UART       0x3f8 /* the shell's line to the test: not written */
#define UART_END   0x400

static sigjmp_buf after;
static volatile sig_atomic_t signalled;
static unsigned int card, card_end;
static uint64_t state;

static uint64_t random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

static void on_signal(int number)
{
	signalled = number;
	siglongjmp(after, 1);
}

static void vmmcall(void)
{
	uint64_t nr = random64() % 4 ? CASTOR_HC_HELLO + random64() % 16 : random64();
	uint64_t a = random64() >> random64() % 64, b = random64();

	__asm__ volatile("vmmcall" : "+a"(nr), "+b"(a), "+c"(b) : "d"(random64()) : "memory");
}

/* The signal that it ended with, 0: none. */
static int hypercall(void)
{
	signalled = 0;
	if (sigsetjmp(after, 1) == 0)
		vmmcall();
	return signalled;
}

static int forbidden(unsigned int port)
{
	return port == KBD || (port >= CONFIG && port < CONFIG_END) ||
	       (port + 4 > UART && port < UART_END) || (port + 4 > card && port < card_end);
}

static void port_access(unsigned int port)
{
	switch (random64() % 6) {
	case 0:
		inb(port);
		break;
	case 1:
		inw(port);
		break;
	case 2:
		inl(port);
		break;
	case 3:
		outb((uint8_t)random64(), port);
		break;
	case 4:
		outw((uint16_t)random64(), port);
		break;
	default:
		outl((uint32_t)random64(), port);
	}
}

static void port_by_file(int fd, unsigned int port)
{
	uint8_t byte = (uint8_t)random64();

	if (random64() % 2)
		(void)!pread(fd, &byte, 1, port);
	else
		(void)!pwrite(fd, &byte, 1, port);
}

static void find_card(void)
{
	char line[128];
	FILE *f = fopen("/proc/ioports", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "e1000"))
			sscanf(line, " %x-%x", &card, &card_end);
	if (!card_end)
		exit(2);
	card_end++;
	fclose(f);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, ill = 0, ports = 0;
	int fd = open("/dev/port", O_RDWR);

	if (argc < 3 || fd < 0 || iopl(3)) {
		perror("user: /dev/port or iopl");
		return 2;
	}
	find_card();
	state = (strtoul(argv[1], NULL, 10) + 1) * 0x9e3779b97f4a7c15u;
	signal(SIGILL, on_signal);
	signal(SIGSEGV, on_signal);
	for (unsigned long i = 0; i < count; i++) {
		unsigned int port = random64() % 2 ? random64() % 0x400 : random64() & 0xffff;

		ill += hypercall() == SIGILL;
		if (forbidden(port))
			continue;
		port_access(port);
		port_by_file(fd, port);
		ports += 2;
	}
	printf("hostile: hypercalls=%lu illegal=%lu ports=%lu\n", count, ill, ports);
	return ill != count;
}
