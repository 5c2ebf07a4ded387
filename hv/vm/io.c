/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port accesses of a VM that exit: serial port, clock, PCI, reset; anything else is an empty bus.
 */
#include "dev/rtc.h"
#include "vm/exit.h"

#define PORT_PIT_CH2 0x42
#define PORT_KBD_CMD 0x64
#define PORT_SYSCTL  0x61
#define PORT_DELAY   0x80
#define PORT_RESET   0xcf9
#define KBD_RESET    0xfe
#define RESET_CPU    BIT(2)

static uint32_t all_ones(unsigned int size)
{
	return size == 4 ? 0xffffffff : (1u << 8 * size) - 1;
}

static bool reset_requested(uint16_t port, bool write, uint32_t val)
{
	return write && ((port == PORT_KBD_CMD && (uint8_t)val == KBD_RESET) ||
			 (port == PORT_RESET && (val & RESET_CPU)));
}

/* A port nobody owns. The PIT reads 0: Linux loops on 0xff for seconds (quick_pit_calibrate). */
static uint32_t empty_bus(struct vm *vm, uint16_t port, unsigned int size)
{
	if (port == PORT_PIT_CH2 || port == PORT_SYSCTL)
		return 0;
	if (port != PORT_DELAY)
		vm->unknown_io++;
	return all_ones(size);
}

static uint32_t access(struct vm *vm, uint16_t port, unsigned int size, bool write, uint32_t val)
{
	if (port >= VUART_BASE && port < VUART_BASE + 8 && size == 1) {
		if (!write)
			return vuart_read(&vm->uart, port - VUART_BASE);
		vuart_write(&vm->uart, port - VUART_BASE, val);
		return 0;
	}
	if ((port == RTC_INDEX || port == RTC_DATA) && size == 1) {
		if (!write)
			return rtc_read(&vm->rtc, port);
		rtc_write(&vm->rtc, port, val);
		return 0;
	}
	if (reset_requested(port, write, val)) {
		vm_stop(vm, "reset by the VM itself");
		return 0;
	}
	if (vpci_io(vm, port, size, write, &val))
		return val;
	return write ? 0 : empty_bus(vm, port, size);
}

void io_emulate(struct vcpu *vcpu, const struct vm_exit *exit)
{
	uint64_t *rax = &vcpu->gpr[RAX];
	uint32_t val;

	if (exit->io.string) {
		vm_kill(vcpu->vm, "string I/O on port %x", exit->io.port);
		return;
	}
	val = access(vcpu->vm, exit->io.port, exit->io.size, exit->io.write,
		     *rax & all_ones(exit->io.size));
	if (exit->io.write)
		return;
	if (exit->io.size == 4)
		*rax = val;
	else
		*rax = (*rax & ~(uint64_t)all_ones(exit->io.size)) |
		       (val & all_ones(exit->io.size));
}
