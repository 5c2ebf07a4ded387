# SPDX-License-Identifier: GPL-2.0-or-later
# The peer's program that judges what a guest sends, frame by frame.

WIRE_JUDGE := $(O)/tests/wire/wire-judge
WIRE_SRC   := tests/net/wire/wire_judge.c tests/net/hostile/tally.c

ALL += $(WIRE_JUDGE)
LINT_C += tests/net/wire/wire_judge.c

$(WIRE_JUDGE): $(WIRE_SRC) tests/net/hostile/tally.h tests/net/wire/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -Itests/net/hostile -o $@ $(WIRE_SRC)
