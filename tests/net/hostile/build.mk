# SPDX-License-Identifier: GPL-2.0-or-later
# The hostile guest: its own files, and of the lwIP guest start-up code, console and PCI access.

HOSTILE_DIR   := $(O)/tests/hostile
HOSTILE_ELF   := $(HOSTILE_DIR)/hostile.elf
HOSTILE_C     := $(wildcard tests/net/hostile/*.c)
HOSTILE_STUB  := guest-stub/lib/print.c guest-stub/lib/string.c guest-stub/lib/uart.c guest-stub/virtio/pci.c
HOSTILE_S     := tests/net/hostile/trap.S guest-stub/boot/entry.S
# Compiled anew, with two registers fewer (hostile.h).
HOSTILE_FLAGS := $(GUEST_STUB_FLAGS) -Wextra -Werror -ffixed-r14 -ffixed-r15 -fno-tree-loop-distribute-patterns \
	-Itests/net/hostile

ALL += $(HOSTILE_ELF)
LINT_C += $(HOSTILE_C) tests/net/hostile/hostile.h

$(HOSTILE_ELF): $(HOSTILE_C) $(HOSTILE_STUB) $(HOSTILE_S) tests/net/hostile/hostile.h guest-stub/boot/link.ld \
		tests/net/hostile/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(GUEST_STUB_CC) $(filter-out -MMD -MP,$(HOSTILE_FLAGS)) -static -nostdlib -Wl,-z,max-page-size=4096 \
		-Wl,-z,noexecstack -Wl,--build-id=none -T guest-stub/boot/link.ld -o $@ $(filter %.c %.S,$^)
