# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/dev: each program is a test, the models it needs, and the fakes below them.

DEV_TEST := $(O)/tests/unit/dev
DEV_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Ihv -Itests/unit/dev

# The interrupt controllers and what stands in for everything below them.
DEV_FAKE := tests/unit/dev/fake.c hv/dev/vlapic.c hv/dev/vlapic_timer.c \
	hv/dev/vioapic.c hv/dev/irq.c

# In tests that look at ports the instructions are calls (ports/cpu/x86.h).
DEV_PORTS := -Itests/unit/dev/ports

DEV_TESTS := vlapic vlapic_timer vlapic_pv_eoi vioapic vuart insn acpi mptable rtc vpci_pass entry nic_quiet cpuid

vlapic_test_SRC := $(DEV_FAKE)
vlapic_timer_test_SRC := $(DEV_FAKE)
vlapic_pv_eoi_test_SRC := $(DEV_FAKE)
vioapic_test_SRC := $(DEV_FAKE)
vuart_test_SRC := hv/dev/vuart.c $(DEV_FAKE)
insn_test_SRC := hv/dev/insn.c
insn_test_LIBS := -lZydis
acpi_test_SRC := hv/dev/acpi.c
acpi_test_CFLAGS := -I$(O)/hv
mptable_test_SRC := hv/dev/mptable.c
rtc_test_SRC := hv/dev/rtc.c
rtc_test_CFLAGS := $(DEV_PORTS)
entry_test_SRC := hv/vm/entry.c $(DEV_FAKE)
entry_test_CFLAGS := -I.
vpci_pass_test_SRC := hv/dev/vpci_pass.c hv/cpu/pci.c $(DEV_FAKE)
vpci_pass_test_CFLAGS := $(DEV_PORTS)
nic_quiet_test_SRC := hv/dev/nic_quiet.c
cpuid_test_SRC := hv/vm/cpuid.c
cpuid_test_CFLAGS := -Itests/unit/dev/ones

$(DEV_TEST)/acpi_test: | $(O)/hv/dsdt.h

define DEV_TEST_RULE
UNIT_TESTS += $(DEV_TEST)/$(1)_test
$(DEV_TEST)/$(1)_test: tests/unit/dev/$(1)_test.c $$($(1)_test_SRC) $$(wildcard hv/*/*.h) \
		$$(wildcard tests/unit/dev/*.h tests/unit/dev/*/*/*.h) tests/unit/dev/build.mk
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$$(CC) $$($(1)_test_CFLAGS) $$(DEV_TEST_CFLAGS) -o $$@ $$(filter %.c,$$^) \
		-lcmocka $$($(1)_test_LIBS)
endef

$(foreach t,$(DEV_TESTS),$(eval $(call DEV_TEST_RULE,$(t))))

LINT_C += $(wildcard tests/unit/dev/*.[ch] tests/unit/dev/*/cpu/*.h)
