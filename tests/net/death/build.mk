# SPDX-License-Identifier: GPL-2.0-or-later
# death.ko, with which tests kill the driver VM's kernel; hold.ko, which waits with a lock held; mute.ko: the card sends nothing.

DEATH_DIR := $(O)/tests/death
DEATH_SRC := $(wildcard tests/net/death/*.c) tests/net/death/Kbuild

ALL += $(DEATH_DIR)/death.ko

$(DEATH_DIR)/death.ko: $(DEATH_SRC) tests/net/death/build.mk
	@mkdir -p $(@D)
	@echo "  KBUILD  $(@D)"
	$(Q)cp $(DEATH_SRC) $(@D)/
	$(Q)$(call kbuild,$(@D))
