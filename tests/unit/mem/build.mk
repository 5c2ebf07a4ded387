# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/mem: each program is a test and the one source that it looks at.

MEM_TEST := $(O)/tests/unit/mem
MEM_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Itests/unit/mem/ports -Ihv -I.

UNIT_TESTS += $(patsubst tests/unit/mem/%.c,$(MEM_TEST)/%,$(wildcard tests/unit/mem/*_test.c))
$(MEM_TEST)/%_test: tests/unit/mem/%_test.c hv/mem/%.c $(wildcard hv/*/*.h tests/unit/mem/ports/*/*.h) tests/unit/mem/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(MEM_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

LINT_C += $(wildcard tests/unit/mem/*.[ch] tests/unit/mem/ports/*/*.h)
