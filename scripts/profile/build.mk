# SPDX-License-Identifier: GPL-2.0-or-later
# The counting plugins of QEMU. qemu-plugin.h is in no binary package: set-up takes it from QEMU's source.

PROFILE_PLUGINS := $(O)/profile/count.so $(O)/profile/machine.so

$(PROFILE_PLUGINS): $(O)/profile/%.so: scripts/profile/%.c scripts/profile/insn.h scripts/profile/build.mk \
		$(O)/qemu/qemu-plugin.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -fPIC -shared -isystem $(O)/qemu $< -o $@

ALL += $(PROFILE_PLUGINS)
LINT_C += scripts/profile/count.c scripts/profile/machine.c scripts/profile/insn.h
