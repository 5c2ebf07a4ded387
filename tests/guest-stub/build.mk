# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the lwIP guest: unit tests of its pure parts on the host, and pytest under plain QEMU.

PYTESTS += tests/guest-stub

GUEST_STUB_UNIT_DIR   := $(O)/tests/guest-stub
GUEST_STUB_UNIT_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -Iguest-stub -MMD -MP

GUEST_STUB_UNITS := $(addprefix $(GUEST_STUB_UNIT_DIR)/,test_words test_vring test_lib test_pace)
UNIT_TESTS += $(GUEST_STUB_UNITS)

$(GUEST_STUB_UNIT_DIR)/test_words: guest-stub/apps/words.c guest-stub/lib/print.c \
	tests/guest-stub/unit/no_uart.c
$(GUEST_STUB_UNIT_DIR)/test_vring: guest-stub/virtio/vring.c
$(GUEST_STUB_UNIT_DIR)/test_pace: guest-stub/apps/pace.c
$(GUEST_STUB_UNIT_DIR)/test_lib: guest-stub/lib/print.c $(GUEST_STUB_UNIT_DIR)/string.o

# Our library functions under other names, next to the host's.
$(GUEST_STUB_UNIT_DIR)/string.o: guest-stub/lib/string.c
	@mkdir -p $(@D)
	@echo "  CC      $< (host)"
	$(Q)gcc $(GUEST_STUB_UNIT_FLAGS) -fno-builtin -fno-tree-loop-distribute-patterns \
		$(foreach f,memcpy memmove memset memcmp strlen strcmp strncmp strchr strstr \
			atoi,-D$(f)=stub_$(f)) -c $< -o $@

$(GUEST_STUB_UNITS): $(GUEST_STUB_UNIT_DIR)/%: tests/guest-stub/unit/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)gcc $(GUEST_STUB_UNIT_FLAGS) $(filter %.c %.o,$^) -o $@ -lcmocka

-include $(wildcard $(GUEST_STUB_UNITS:=.d))

# The peer's end of a guest's self-checking streams.
VERIFY_PEER := $(GUEST_STUB_UNIT_DIR)/verify-peer
ALL += $(VERIFY_PEER)
LINT_C += tests/guest-stub/verify_peer.c

$(VERIFY_PEER): tests/guest-stub/verify_peer.c guest-stub/apps/verify.h tests/guest-stub/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -I. -o $@ $<
