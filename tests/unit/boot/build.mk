# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of what the hypervisor is told by boot loader and firmware: the information itself, the memory map, ACPI
# tables, the local APIC, the screen; and of our own loader. Each program is a test, the sources it proves, and machine.c:
# physical memory below them.

BOOT_TEST := $(O)/tests/unit/boot
BOOT_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Itests/unit/boot/ports -Itests/unit/boot -Ihv -I. -I$(HV_DIR)

BOOT_TESTS := $(patsubst tests/unit/boot/%_test.c,%,$(wildcard tests/unit/boot/*_test.c))

multiboot2_test_SRC := boot/multiboot2.c hv/lib/string.c
framebuffer_test_SRC := hv/debug/framebuffer.c
lapic_test_SRC := hv/cpu/lapic.c
lines_test_SRC := boot/efi/lines.c hv/lib/string.c
elf_test_SRC := boot/efi/elf.c
info_test_SRC := boot/efi/info.c boot/multiboot2.c hv/lib/string.c

define BOOT_TEST_RULE
UNIT_TESTS += $(BOOT_TEST)/$(1)_test
$(BOOT_TEST)/$(1)_test: tests/unit/boot/$(1)_test.c $$($(1)_test_SRC) tests/unit/boot/machine.c \
		$$(wildcard hv/*/*.h boot/*.h boot/efi/*.h tests/unit/boot/*.h tests/unit/boot/*/*/*.h) \
		tests/unit/boot/build.mk | $$(HV_DIR)/font.h
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$$(CC) $$(BOOT_TEST_CFLAGS) -o $$@ $$(filter %.c,$$^) -lcmocka
endef

$(foreach t,$(BOOT_TESTS),$(eval $(call BOOT_TEST_RULE,$(t))))

LINT_C += $(wildcard tests/unit/boot/*.[ch] tests/unit/boot/ports/*/*.h)
