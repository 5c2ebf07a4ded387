/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each entry of a VM is counted once, and never as the VM's own timer when another began it. */
#include "vlapic_msr.h"

#include <string.h>

#include "drivers/castor_abi.h"
#include "net/virtio_net.h"
#include "vm/entry.h"

#define PIN_NIC    11
#define PIN_CARD   20
#define PIN_NOBODY 7

enum { V_TIMER = 0xec, V_NIC = 0x31, V_CARD_PIN = 0x32, V_CARD_MSI = 0x33, V_CASTOR = 0x34 };
enum { V_CONSOLE = 0x35, V_NOBODY = 0x36, V_SELF = 0xf6 };

static struct virtio_net card;

static int machine(void **state)
{
	int err = setup(state);

	memset(&card, 0, sizeof(card));
	card.pci.dev.intx_pin = PIN_CARD;
	card.pci.msix[1].data = V_CARD_MSI;
	fake_vm.vnic = &card;
	fake_vm.kind = VM_DVM;
	fake_vm.lapic.lvt[VLAPIC_LVT_TIMER] = BY_TSC | V_TIMER;
	fake_vm.ioapic.pin[PIN_NIC].rte = V_NIC;
	fake_vm.ioapic.pin[PIN_NIC].phys = 11;
	fake_vm.ioapic.pin[PIN_CARD].rte = V_CARD_PIN;
	fake_vm.ioapic.pin[CASTOR_PIN].rte = V_CASTOR;
	fake_vm.ioapic.pin[VUART_PIN].rte = V_CONSOLE;
	fake_vm.ioapic.pin[PIN_NOBODY].rte = V_NOBODY;
	return err;
}

/* One entry after that exit; the cause that it was counted under. */
static enum entry_cause entry_after(enum exit_kind exit, int vector)
{
	uint64_t before[ENTRY_CAUSES], total = fake_vm.entries;
	enum entry_cause cause = ENTRY_CAUSES;

	memcpy(before, fake_vm.entries_by, sizeof(before));
	fake_vm.vcpu.last_exit = exit;
	entry_count(&fake_vm, vector);
	assert_int_equal(fake_vm.entries, total + 1);
	for (int c = 0; c < ENTRY_CAUSES; c++)
		if (fake_vm.entries_by[c] != before[c]) {
			assert_int_equal(fake_vm.entries_by[c], before[c] + 1);
			assert_int_equal(cause, ENTRY_CAUSES);
			cause = c;
		}
	return cause;
}

static void each_source_has_its_cause(void **state)
{
	static const struct {
		int vector;
		enum entry_cause cause;
	} cases[] = {
		{ V_NIC, ENTRY_NIC },       { V_TIMER, ENTRY_TIMER },
		{ V_CARD_PIN, ENTRY_CARD }, { V_CARD_MSI, ENTRY_CARD },
		{ V_CASTOR, ENTRY_CASTOR }, { V_CONSOLE, ENTRY_CONSOLE },
		{ V_NOBODY, ENTRY_OTHER },  { V_SELF, ENTRY_OTHER },
	};

	(void)state;
	assert_int_equal(entry_after(EXIT_MSR, -1), ENTRY_START);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(entry_after(EXIT_HLT, cases[i].vector), cases[i].cause);
		/* What the handler's exits lead to belongs to it. */
		assert_int_equal(entry_after(EXIT_MSR, -1), cases[i].cause);
		assert_int_equal(entry_after(EXIT_IO, -1), cases[i].cause);
	}
}

static void the_timer_takes_nothing_from_others(void **state)
{
	(void)state;
	entry_after(EXIT_HLT, V_CASTOR);
	assert_int_equal(entry_after(EXIT_INTR, V_TIMER), ENTRY_CASTOR);
	assert_int_equal(entry_after(EXIT_MSR, -1), ENTRY_CASTOR);
	assert_int_equal(entry_after(EXIT_HLT, V_TIMER), ENTRY_TIMER);
	assert_int_equal(entry_after(EXIT_MSR, V_NIC), ENTRY_NIC);
	assert_int_equal(entry_after(EXIT_HYPERCALL, V_CARD_MSI), ENTRY_CARD);
}

static void a_physical_interrupt_is_nobodys_cause(void **state)
{
	(void)state;
	assert_int_equal(entry_after(EXIT_INTR, -1), ENTRY_RESUMED);
	entry_after(EXIT_HLT, V_CASTOR);
	assert_int_equal(entry_after(EXIT_INTR, -1), ENTRY_RESUMED);
	/* It ends no activity, and one that brings an interrupt has that one's cause. */
	assert_int_equal(entry_after(EXIT_MSR, -1), ENTRY_CASTOR);
	assert_int_equal(entry_after(EXIT_INTR, V_NIC), ENTRY_NIC);
	assert_int_equal(entry_after(EXIT_INTR, -1), ENTRY_RESUMED);
	assert_int_equal(entry_after(EXIT_IO, -1), ENTRY_NIC);
}

static void a_guest_has_no_agent(void **state)
{
	(void)state;
	fake_vm.kind = VM_GUEST;
	assert_int_equal(entry_after(EXIT_HLT, V_CASTOR), ENTRY_OTHER);
	fake_vm.vnic = NULL;
	assert_int_equal(entry_after(EXIT_HLT, V_CARD_MSI), ENTRY_OTHER);
	assert_int_equal(entry_after(EXIT_HLT, V_CARD_PIN), ENTRY_OTHER);
}

static void names_are_told_apart(void **state)
{
	(void)state;
	for (int a = 0; a < ENTRY_CAUSES; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(entry_cause_name(a), entry_cause_name(b));
	assert_string_equal(entry_cause_name(ENTRY_CAUSES), "?");
}

#define T(f) cmocka_unit_test_setup(f, machine)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(each_source_has_its_cause),
		T(the_timer_takes_nothing_from_others),
		T(a_physical_interrupt_is_nobodys_cause),
		T(a_guest_has_no_agent),
		T(names_are_told_apart),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
