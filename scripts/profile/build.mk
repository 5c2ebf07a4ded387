# SPDX-License-Identifier: GPL-2.0-or-later
# The counting plugin of QEMU. qemu-plugin.h is in no binary package: set-up takes it from QEMU's source.

PROFILE := $(O)/profile/count.so

$(PROFILE): scripts/profile/count.c scripts/profile/build.mk $(O)/qemu/qemu-plugin.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -fPIC -shared -isystem $(O)/qemu $< -o $@

ALL += $(PROFILE)
LINT_C += scripts/profile/count.c
