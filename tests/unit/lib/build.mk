# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/lib and hv/debug: each program is one test, the sources it proves, and the fakes.

LIB_TEST := $(O)/tests/unit/lib
LIB_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -fno-builtin \
	-include tests/unit/lib/names.h -Itests/unit/lib/ports -Itests/unit/lib -Ihv -I.

LIB_TEXT := hv/lib/string.c hv/lib/printf.c
LIB_CONSOLE := $(LIB_TEXT) hv/lib/utf8.c hv/debug/console.c tests/unit/lib/uart.c
LIB_FAKE_RAM := tests/unit/lib/uart.c tests/unit/lib/ram.c

LIB_TESTS := string printf utf8 console log monitor stats symbol walk dump

string_test_SRC := hv/lib/string.c
printf_test_SRC := $(LIB_TEXT)
utf8_test_SRC := hv/lib/utf8.c hv/lib/string.c
console_test_SRC := $(LIB_CONSOLE)
log_test_SRC := $(LIB_CONSOLE) hv/debug/log.c
monitor_test_SRC := $(LIB_CONSOLE) hv/debug/monitor.c
stats_test_SRC := $(LIB_CONSOLE) hv/debug/stats.c
symbol_test_SRC := $(LIB_TEXT) hv/debug/symbol.c
walk_test_SRC := $(LIB_TEXT) hv/debug/walk.c $(LIB_FAKE_RAM)
dump_test_SRC := $(LIB_TEXT) hv/debug/dump.c hv/debug/walk.c $(LIB_FAKE_RAM)

define LIB_TEST_RULE
UNIT_TESTS += $(LIB_TEST)/$(1)_test
$(LIB_TEST)/$(1)_test: tests/unit/lib/$(1)_test.c $$($(1)_test_SRC) $$(wildcard hv/*/*.h) \
		$$(wildcard tests/unit/lib/*.h tests/unit/lib/*/*/*.h) tests/unit/lib/sections.ld \
		tests/unit/lib/build.mk
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$$(CC) $$(LIB_TEST_CFLAGS) -o $$@ $$(filter %.c,$$^) -Wl,-T,tests/unit/lib/sections.ld \
		-lcmocka
endef

$(foreach t,$(LIB_TESTS),$(eval $(call LIB_TEST_RULE,$(t))))

LINT_C += $(wildcard tests/unit/lib/*.[ch] tests/unit/lib/ports/*/*.h)
