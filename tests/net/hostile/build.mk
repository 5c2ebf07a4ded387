# SPDX-License-Identifier: GPL-2.0-or-later
# The hostile guest: its own files, and of the lwIP guest start-up code, console and PCI access.

HOSTILE_DIR   := $(O)/tests/hostile
HOSTILE_ELF   := $(HOSTILE_DIR)/hostile.elf
HOSTILE_C     := $(wildcard tests/net/hostile/*.c)
HOSTILE_STUB  := guest-stub/lib/print.c guest-stub/lib/string.c guest-stub/lib/uart.c guest-stub/virtio/pci.c
HOSTILE_S     := tests/net/hostile/trap.S guest-stub/boot/entry.S
# Compiled anew, with three registers fewer (hostile.h).
HOSTILE_FLAGS := $(GUEST_STUB_FLAGS) -Wextra -Werror -ffixed-r13 -ffixed-r14 -ffixed-r15 -fno-tree-loop-distribute-patterns \
	-Itests/net/hostile

ALL += $(HOSTILE_ELF)
HOSTILE_H     := $(wildcard tests/net/hostile/*.h)
LINT_C += $(HOSTILE_C) $(HOSTILE_H)

$(HOSTILE_ELF): $(HOSTILE_C) $(HOSTILE_STUB) $(HOSTILE_S) $(HOSTILE_H) guest-stub/boot/link.ld \
		tests/net/hostile/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(GUEST_STUB_CC) $(filter-out -MMD -MP,$(HOSTILE_FLAGS)) -static -nostdlib -Wl,-z,max-page-size=4096 \
		-Wl,-z,noexecstack -Wl,--build-id=none -T guest-stub/boot/link.ld -o $@ $(filter %.c %.S,$^)

# For the driver VM: a module and a program that test_hostile_dvm.py puts into its initrd.
HOSTILE_KO    := $(HOSTILE_DIR)/dvm/hypercalls.ko
HOSTILE_USER  := $(HOSTILE_DIR)/dvm/user
HOSTILE_KO_SRC := tests/net/hostile/dvm/hypercalls.c tests/net/hostile/dvm/Kbuild drivers/castor_abi.h
ALL += $(HOSTILE_KO) $(HOSTILE_USER)
LINT_C += tests/net/hostile/dvm/user.c

$(HOSTILE_USER): tests/net/hostile/dvm/user.c drivers/castor_abi.h tests/net/hostile/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -I. -o $@ $<

$(HOSTILE_KO): $(HOSTILE_KO_SRC) tests/net/hostile/build.mk
	@mkdir -p $(@D)
	@echo "  KBUILD  $@"
	$(Q)cp $(HOSTILE_KO_SRC) $(@D)/
	$(Q)$(MAKE) -s -C /usr/src/linux-headers-$(CASTOR_KERNEL) M=$(abspath $(@D)) O= MAKEFLAGS= modules \
		>$(@D)/kbuild.log 2>&1 || (cat $(@D)/kbuild.log; exit 1)
