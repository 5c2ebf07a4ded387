# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark's load generator. Static: the Linux VMs' C library is busybox's own.

BENCH_LOAD := $(O)/bench/load
BENCH_LOAD_C := load.c serve.c wire.c

$(BENCH_LOAD): $(addprefix scripts/bench/load/,$(BENCH_LOAD_C) wire.h build.mk)
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -s -o $@ $(addprefix scripts/bench/load/,$(BENCH_LOAD_C))

ALL += $(BENCH_LOAD)
LINT_C += $(addprefix scripts/bench/load/,$(BENCH_LOAD_C) wire.h)
