# SPDX-License-Identifier: GPL-2.0-or-later
# death.ko, with which tests kill the driver VM's kernel.

DEATH_DIR := $(O)/tests/death

ALL += $(DEATH_DIR)/death.ko

$(DEATH_DIR)/death.ko: tests/net/death/death.c tests/net/death/Kbuild tests/net/death/build.mk
	@mkdir -p $(@D)
	@echo "  KBUILD  $@"
	$(Q)cp $(filter-out %.mk,$^) $(@D)/
	$(Q)$(call kbuild,$(@D))
