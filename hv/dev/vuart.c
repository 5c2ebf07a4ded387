/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual serial port. */
#include "dev/vuart.h"

#include "debug/log.h"
#include "lib/string.h"
#include "vm/irq.h"

enum reg { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX    BIT(0)
#define IER_THRE  BIT(1)
#define IER_LINE  BIT(2)
#define IER_VALID 0x0f

#define IIR_NONE 0x01
#define IIR_THRE 0x02
#define IIR_RX   0x04
#define IIR_LINE 0x06
#define IIR_FIFO 0xc0

#define FCR_ENABLE BIT(0)
#define FCR_RX_RST BIT(1)

#define LCR_DLAB BIT(7)

#define MCR_DTR   BIT(0)
#define MCR_RTS   BIT(1)
#define MCR_OUT1  BIT(2)
#define MCR_OUT2  BIT(3)
#define MCR_LOOP  BIT(4)
#define MCR_VALID 0x1f

#define LSR_READY   BIT(0)
#define LSR_OVERRUN BIT(1)
#define LSR_EMPTY   0x60 /* THRE and TEMT: transmit is instant */

#define MSR_CTS BIT(4)
#define MSR_DSR BIT(5)
#define MSR_RI  BIT(6)
#define MSR_DCD BIT(7)

static bool rx_ready(const struct vuart *uart)
{
	return uart->rx_head != uart->rx_tail;
}

/* The pending interrupt of the highest priority (datasheet table IV), as IIR shows it. */
static uint8_t interrupt_id(const struct vuart *uart)
{
	if (uart->ier & IER_LINE && uart->overrun)
		return IIR_LINE;
	if (uart->ier & IER_RX && rx_ready(uart))
		return IIR_RX;
	if (uart->ier & IER_THRE && uart->thr_empty_pending)
		return IIR_THRE;
	return IIR_NONE;
}

/* On a PC the interrupt output reaches the IOAPIC through OUT2, which loopback holds off. */
static void update_line(struct vuart *uart)
{
	bool gate = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	vm_pin_set(uart->vm, VUART_PIN, gate && interrupt_id(uart) != IIR_NONE);
}

static void receive(struct vuart *uart, uint8_t byte)
{
	if (uart->rx_head - uart->rx_tail == VUART_RX) {
		uart->lost++;
		uart->overrun = true;
	} else {
		uart->rx[uart->rx_head++ % VUART_RX] = byte;
	}
	update_line(uart);
}

static void console_input(struct console_source *source, uint8_t byte)
{
	struct vuart *uart = container_of(source, struct vuart, source);
	bool told = uart->overrun;

	receive(uart, byte);
	if (uart->overrun && !told)
		log_warn("%s: input lost, as the VM does not read its serial port", source->name);
}

static uint8_t data_read(struct vuart *uart)
{
	uint8_t byte = 0;

	if (rx_ready(uart))
		byte = uart->rx[uart->rx_tail++ % VUART_RX];
	update_line(uart);
	return byte;
}

/* The byte is gone at once, so the line falls and rises: the driver may wait for that edge. */
static void data_write(struct vuart *uart, uint8_t byte)
{
	uart->thr_empty_pending = false;
	update_line(uart);
	if (uart->mcr & MCR_LOOP)
		receive(uart, byte);
	else
		console_put(&uart->source, byte);
	uart->thr_empty_pending = true;
	update_line(uart);
}

static uint8_t iir_read(struct vuart *uart)
{
	uint8_t id = interrupt_id(uart);

	if (id == IIR_THRE) { /* reading it as the source takes it back */
		uart->thr_empty_pending = false;
		update_line(uart);
	}
	return id | (uart->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t lsr_read(struct vuart *uart)
{
	uint8_t val =
		LSR_EMPTY | (rx_ready(uart) ? LSR_READY : 0) | (uart->overrun ? LSR_OVERRUN : 0);

	uart->overrun = false;
	update_line(uart);
	return val;
}

/* Loopback wires the outputs to the inputs: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD. */
static uint8_t msr_read(const struct vuart *uart)
{
	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (uart->mcr & MCR_RTS ? MSR_CTS : 0) | (uart->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (uart->mcr & MCR_OUT1 ? MSR_RI : 0) | (uart->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void ier_write(struct vuart *uart, uint8_t val)
{
	/* Enabling THRE while the transmitter is empty interrupts at once; Linux tests for it. */
	if (val & IER_THRE && !(uart->ier & IER_THRE))
		uart->thr_empty_pending = true;
	uart->ier = val & IER_VALID;
	update_line(uart);
}

static void fcr_write(struct vuart *uart, uint8_t val)
{
	if (val & FCR_RX_RST || (val ^ uart->fcr) & FCR_ENABLE)
		uart->rx_tail = uart->rx_head;
	uart->fcr = val & FCR_ENABLE;
	update_line(uart);
}

static void reset_registers(struct vuart *uart)
{
	uart->ier = uart->fcr = uart->lcr = uart->mcr = uart->scr = uart->dlm = 0;
	uart->dll = 1; /* 115200 */
	uart->thr_empty_pending = uart->overrun = false;
	uart->rx_head = uart->rx_tail = 0;
}

void vuart_reset(struct vuart *uart)
{
	if (uart->source.len)
		console_put(&uart->source, '\n');
	reset_registers(uart);
}

void vuart_init(struct vuart *uart, struct vm *vm, const char *name)
{
	memset(uart, 0, sizeof(*uart));
	uart->vm = vm;
	reset_registers(uart);
	strlcpy(uart->source.name, name, sizeof(uart->source.name));
	uart->source.input = console_input;
}

uint8_t vuart_read(struct vuart *uart, unsigned int reg)
{
	bool dlab = uart->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? uart->dll : data_read(uart);
	case REG_IER:
		return dlab ? uart->dlm : uart->ier;
	case REG_IIR_FCR:
		return iir_read(uart);
	case REG_LCR:
		return uart->lcr;
	case REG_MCR:
		return uart->mcr;
	case REG_LSR:
		return lsr_read(uart);
	case REG_MSR:
		return msr_read(uart);
	case REG_SCR:
		return uart->scr;
	default:
		return 0xff;
	}
}

void vuart_write(struct vuart *uart, unsigned int reg, uint8_t val)
{
	bool dlab = uart->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			uart->dll = val;
		else
			data_write(uart, val);
		break;
	case REG_IER:
		if (dlab)
			uart->dlm = val;
		else
			ier_write(uart, val);
		break;
	case REG_IIR_FCR:
		fcr_write(uart, val);
		break;
	case REG_LCR:
		uart->lcr = val;
		break;
	case REG_MCR:
		uart->mcr = val & MCR_VALID;
		update_line(uart);
		break;
	case REG_SCR:
		uart->scr = val;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}
