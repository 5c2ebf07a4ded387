# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/vm: each program is a test and the one source that it looks at.

VM_TEST := $(O)/tests/unit/vm
VM_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Ihv -I.

UNIT_TESTS += $(patsubst tests/unit/vm/%.c,$(VM_TEST)/%,$(wildcard tests/unit/vm/*_test.c))
$(VM_TEST)/%_test: tests/unit/vm/%_test.c hv/vm/%.c $(wildcard hv/*/*.h) tests/unit/vm/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(VM_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

LINT_C += $(wildcard tests/unit/vm/*.[ch])
