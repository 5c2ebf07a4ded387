/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial port as Linux's 8250 driver sees it. The probe and start-up sequences are those of
 * Linux 6.1 drivers/tty/serial/8250/8250_port.c (autoconfig(), autoconfig_16550a(),
 * serial8250_do_startup()).
 */
#include "fake.h"

#include <string.h>

enum { RX, IER, IIR, LCR, MCR, LSR, MSR, SCR, TX = RX, FCR = IIR, DLL = RX, DLM = IER, EFR = IIR };

#define PIN  4
#define LINE 4096 /* what a VM that does not read for a while is typed at most */
#define VEC  0x34

static struct vuart *const uart = &fake_vm.uart;
static struct vlapic *const apic = &fake_vm.lapic;
static char sent[64];
static size_t sent_len;

void console_put(struct console_source *src, char byte)
{
	assert_ptr_equal(src, &uart->source);
	if (sent_len < sizeof(sent))
		sent[sent_len++] = byte;
}

static uint8_t in(unsigned int reg)
{
	return vuart_read(uart, reg);
}

static void out(unsigned int reg, uint8_t val)
{
	vuart_write(uart, reg, val);
}

static int setup(void **state)
{
	fake_reset(state);
	sent_len = 0;
	vuart_init(uart, &fake_vm, "g1");
	vlapic_mmio_write(apic, 0xf0, 0x1ff);
	vioapic_mmio_write(&fake_vm.ioapic, 0, 0x10 + 2 * PIN);
	vioapic_mmio_write(&fake_vm.ioapic, 0x10, VEC);
	return 0;
}

static bool interrupted(void)
{
	int vector = vlapic_pending(apic);

	if (vector < 0)
		return false;
	assert_int_equal(vector, VEC);
	vlapic_accept(apic, vector);
	vlapic_mmio_write(apic, 0xb0, 0);
	return true;
}

static bool line(void)
{
	return fake_vm.ioapic.pin[PIN].line;
}

static void type(const char *text)
{
	while (*text)
		uart->source.input(&uart->source, *text++);
}

/* ---- Linux's probe ---- */

enum type { UNKNOWN, T8250, T16450, T16550, T16550A, T16650, T16750, NS16550A, XSCALE };

static bool is_natsemi(void)
{
	uint8_t mcr, excr1;

	out(LCR, 0);
	mcr = in(MCR);
	out(LCR, 0xe0);
	excr1 = in(IIR);
	if ((excr1 ^ mcr) & 0x10)
		return false;
	out(LCR, 0);
	out(MCR, mcr ^ 0x10);
	out(LCR, 0xe0);
	excr1 = in(IIR);
	out(LCR, 0);
	out(MCR, mcr);
	return (excr1 ^ mcr) & 0x10;
}

static enum type probe_16550a(void)
{
	uint8_t a, b, ier;

	out(LCR, 0x80); /* configuration mode A */
	if (in(EFR) == 0)
		return T16650;
	out(LCR, 0xbf); /* mode B */
	if (in(EFR) == 0)
		return T16650;
	if (is_natsemi())
		return NS16550A;
	out(LCR, 0);
	out(FCR, 0x21); /* 64-byte FIFO? */
	a = in(IIR) >> 5;
	out(FCR, 1);
	out(LCR, 0x80);
	out(FCR, 0x21);
	b = in(IIR) >> 5;
	out(FCR, 1);
	out(LCR, 0);
	if (a == 7 || b == 7)
		return T16750;
	ier = in(IER); /* XScale's UUE bit? */
	out(IER, ier & ~0x40);
	if (in(IER)&0x40)
		return UNKNOWN;
	out(IER, ier | 0x40);
	if (in(IER)&0x40)
		return XSCALE;
	out(IER, ier);
	return T16550A;
}

static enum type probe(void)
{
	uint8_t scratch = in(IER), s2, s3, mcr, lcr;
	enum type type = UNKNOWN;

	out(IER, 0);
	s2 = in(IER)&0x0f;
	out(IER, 0x0f);
	s3 = in(IER)&0x0f;
	out(IER, scratch);
	if (s2 != 0 || s3 != 0x0f)
		return UNKNOWN;
	mcr = in(MCR);
	lcr = in(LCR);
	out(MCR, 0x10 | 0x0a);
	if ((in(MSR)&0xf0) != 0x90)
		return UNKNOWN;
	out(MCR, mcr);
	out(LCR, 0xbf);
	out(EFR, 0);
	out(LCR, 0);
	out(FCR, 1);
	switch (in(IIR) >> 6) {
	case 0: {
		uint8_t keep = in(SCR), s1;

		out(SCR, 0xa5);
		s1 = in(SCR);
		out(SCR, 0x5a);
		type = s1 == 0xa5 && in(SCR) == 0x5a ? T16450 : T8250;
		out(SCR, keep);
		break;
	}
	case 2:
		type = T16550;
		break;
	case 3:
		type = probe_16550a();
		break;
	}
	out(LCR, lcr);
	out(MCR, mcr);
	out(FCR, 1);
	out(FCR, 7);
	out(FCR, 0);
	(void)in(RX);
	out(IER, 0);
	return type;
}

static void linux_finds_a_16550a(void **state)
{
	(void)state;
	assert_int_equal(probe(), T16550A);
	assert_int_equal(sent_len, 0);
	assert_false(interrupted());
	assert_int_equal(uart->fcr, 0);
	assert_int_equal(uart->lcr, 0);
	assert_int_equal(uart->mcr, 0);
}

/*
 * serial8250_do_startup(): THRE test, then the quick test of the transmit interrupt. No bug flag
 * may result.
 */
static void linux_startup_finds_no_bugs(void **state)
{
	uint8_t iir1, iir, lsr;

	(void)state;
	probe();
	out(FCR, 1);
	out(FCR, 7);
	out(FCR, 0);
	(void)in(LSR), (void)in(RX), (void)in(IIR), (void)in(MSR);
	assert_int_not_equal(in(LSR), 0xff);
	assert_int_equal(in(LSR)&0x60, 0x60);
	out(IER, 2);
	iir1 = in(IIR);
	out(IER, 0);
	out(IER, 2);
	iir = in(IIR);
	out(IER, 0);
	assert_int_equal(iir1 & 0x0f, 2); /* UART_BUG_THRE if this works once only */
	assert_int_equal(iir & 0x0f, 2);
	out(LCR, 3);
	out(MCR, 0x08);
	out(IER, 2);
	lsr = in(LSR);
	iir = in(IIR);
	out(IER, 0);
	assert_false(lsr & 0x40 && iir & 1); /* UART_BUG_TXEN */
	assert_true(in(MSR)&0x80);           /* carrier: a getty opens the port */
}

/* ---- interrupts ---- */

static void open_port(void)
{
	out(LCR, 3);
	out(FCR, 0x81);
	out(MCR, 0x0b);
	interrupted();
}

static void receive(void **state)
{
	(void)state;
	open_port();
	out(IER, 1 | 4);
	assert_int_equal(in(IIR), 0xc1);
	assert_false(interrupted());
	type("ab");
	assert_true(interrupted());
	assert_int_equal(in(IIR), 0xc4);
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(RX), 'a');
	assert_int_equal(in(IIR), 0xc4);
	type("c"); /* more comes while it is read: the line stays high */
	assert_false(interrupted());
	assert_int_equal(in(RX), 'b');
	assert_int_equal(in(RX), 'c');
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(IIR), 0xc1);
	assert_int_equal(in(RX), 0); /* empty */
	type("d");
	assert_true(interrupted());
}

static void transmit(void **state)
{
	(void)state;
	open_port();
	out(IER, 2);
	assert_true(interrupted());
	assert_int_equal(in(IIR), 0xc2);
	assert_int_equal(in(IIR), 0xc1); /* reading took it back */
	assert_false(line());
	out(TX, 'h');
	assert_true(interrupted()); /* empty again */
	out(TX, 'i');
	assert_true(interrupted()); /* also without a read of IIR between */
	assert_memory_equal(sent, "hi", 2);
	out(IER, 0);
	assert_false(line());
	out(TX, '!');
	assert_false(interrupted());
	out(IER, 2); /* enabling it with an empty transmitter */
	assert_true(interrupted());
	assert_int_equal(in(IIR), 0xc2);
	out(IER, 2); /* is not enabling it again */
	assert_false(interrupted());
	assert_int_equal(in(IIR), 0xc1);
}

static void priority(void **state)
{
	(void)state;
	open_port();
	out(IER, 7);
	type("x");
	assert_int_equal(in(IIR)&0xf, 4);
	assert_int_equal(in(RX), 'x');
	assert_int_equal(in(IIR)&0xf, 2); /* the reads of IIR before did not take THRE back */
	assert_int_equal(in(IIR)&0xf, 1);
}

static void out2_is_the_gate(void **state)
{
	(void)state;
	out(IER, 1);
	type("x");
	assert_false(interrupted());
	assert_int_equal(in(IIR)&0xf, 4);
	out(MCR, 0x08);
	assert_true(interrupted());
	out(MCR, 0);
	assert_false(line());
}

static void overrun(void **state)
{
	(void)state;
	open_port();
	out(IER, 5);
	for (int i = 0; i < LINE; i++)
		uart->source.input(&uart->source, i);
	assert_int_equal(uart->lost, 0);
	assert_int_equal(fake_warnings, 0);
	type("xy");
	assert_int_equal(uart->lost, 2);
	assert_int_equal(fake_warnings, 1);
	assert_int_equal(in(IIR)&0xf, 6);
	assert_int_equal(in(LSR), 0x63);
	assert_int_equal(in(LSR), 0x61);
	for (int i = 0; i < LINE; i++)
		assert_int_equal(in(RX), i & 0xff);
	assert_int_equal(in(LSR), 0x60);
	/* The counters run over: 2^32 bytes later the queue still works. */
	uart->rx_head = uart->rx_tail = 0xfffffffe;
	type("1234");
	for (char c = '1'; c <= '4'; c++)
		assert_int_equal(in(RX), c);
}

static void fifo_reset(void **state)
{
	(void)state;
	open_port();
	type("abc");
	out(FCR, 0x83); /* reset receive */
	assert_int_equal(in(LSR), 0x60);
	type("abc");
	out(FCR, 0x81); /* no change */
	assert_int_equal(in(LSR), 0x61);
	out(FCR, 0); /* off empties it */
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(IIR), 0x01);
}

static void loopback(void **state)
{
	(void)state;
	open_port();
	out(IER, 1);
	for (uint8_t m = 0; m < 16; m++) {
		out(MCR, 0x10 | m);
		assert_int_equal(in(MSR),
				 (m & 1) << 5 | (m & 2) << 3 | (m & 4) << 4 | (m & 8) << 4);
	}
	out(TX, 'L');
	assert_int_equal(sent_len, 0);
	assert_false(interrupted()); /* OUT2 is off the pin */
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(RX), 'L');
	out(MCR, 0xeb);
	assert_int_equal(in(MCR), 0x0b); /* bits 7:5 read 0 */
	assert_int_equal(in(MSR), 0xb0);
}

static void divisor_and_scratch(void **state)
{
	(void)state;
	out(LCR, 0x83);
	out(DLL, 0x12);
	out(DLM, 0x34);
	assert_int_equal(in(DLL), 0x12);
	assert_int_equal(in(DLM), 0x34);
	out(LCR, 3);
	assert_int_equal(in(IER), 0);
	assert_int_equal(in(LCR), 3);
	assert_int_equal(sent_len, 0);
	out(SCR, 0xa5);
	assert_int_equal(in(SCR), 0xa5);
	out(LSR, 0xff);
	out(MSR, 0xff);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(MSR), 0xb0);
	assert_int_equal(in(8), 0xff);
	out(8, 1);
	out(~0U, 1);
}

static void name_is_cut(void **state)
{
	(void)state;
	vuart_init(uart, &fake_vm, "a-name-that-is-longer-than-the-tag");
	assert_string_equal(uart->source.name, "a-name-that-is-");
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(linux_finds_a_16550a),
		T(linux_startup_finds_no_bugs),
		T(receive),
		T(transmit),
		T(priority),
		T(out2_is_the_gate),
		T(overrun),
		T(fifo_reset),
		T(loopback),
		T(divisor_and_scratch),
		T(name_is_cut),
	};

	return cmocka_run_group_tests_name("vuart", tests, NULL, NULL);
}
