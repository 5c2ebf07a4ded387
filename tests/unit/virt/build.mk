# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/virt: each program is a test and the sources that it looks at.

VIRT_TEST := $(O)/tests/unit/virt
VIRT_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Itests/unit/virt/ports -Ihv -I.

VIRT_TESTS := nested vtx_caps vtx_words
nested_test_SRC := hv/virt/nested.c hv/virt/npt.c hv/virt/ept.c
vtx_caps_test_SRC := hv/virt/vtx_caps.c
vtx_words_test_SRC := hv/virt/vtx_words.c

define VIRT_TEST_RULE
UNIT_TESTS += $(VIRT_TEST)/$(1)_test
$(VIRT_TEST)/$(1)_test: tests/unit/virt/$(1)_test.c $($(1)_test_SRC) $$(wildcard hv/*/*.h) \
		$$(wildcard tests/unit/virt/ports/*/*.h) tests/unit/virt/build.mk
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$$(CC) $$(VIRT_TEST_CFLAGS) -o $$@ $$(filter %.c,$$^) -lcmocka
endef

$(foreach t,$(VIRT_TESTS),$(eval $(call VIRT_TEST_RULE,$(t))))

LINT_C += $(wildcard tests/unit/virt/*.[ch] tests/unit/virt/ports/*/*.h)
