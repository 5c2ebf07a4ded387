# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/cpu: each program is a test and the one source that it looks at.

CPU_TEST := $(O)/tests/unit/cpu
CPU_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Itests/unit/cpu/ports -Ihv -I.

UNIT_TESTS += $(patsubst tests/unit/cpu/%.c,$(CPU_TEST)/%,$(wildcard tests/unit/cpu/*_test.c))
$(CPU_TEST)/%_test: tests/unit/cpu/%_test.c hv/cpu/%.c $(wildcard hv/*/*.h tests/unit/cpu/ports/*/*.h) tests/unit/cpu/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(CPU_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

LINT_C += $(wildcard tests/unit/cpu/*.[ch] tests/unit/cpu/ports/*/*.h)
