# SPDX-License-Identifier: GPL-2.0-or-later
# The campaign against loader and judge: `make fuzz` runs it on, `make test` runs a part of it.

JUDGE_FUZZ_DIR := $(O)/tests/fuzz
JUDGE_CAMPAIGN := $(JUDGE_FUZZ_DIR)/campaign
JUDGE_CAMPAIGN_SRC := $(wildcard tests/fuzz/judge/*.c) $(FUZZ_MACHINE_SRC) hv/twin/load.c \
	$(addprefix drivers/verify/,decode.c fact.c access.c step.c flow.c graph.c verify.c)

ALL += $(JUDGE_CAMPAIGN)
PYTESTS += tests/fuzz/judge
LINT_C += $(wildcard tests/fuzz/*.[ch] tests/fuzz/judge/*.[ch])

.PHONY: fuzz
fuzz: campaign-judge ## 10^6 mutated twins against the judge, resumable

# The natives' names are those of the hypervisor's sources.
$(JUDGE_FUZZ_DIR)/natives.inc: $(wildcard hv/twin/*.c)
	@mkdir -p $(@D)
	$(Q)sed -n 's/^NATIVE(\("[a-zA-Z0-9_]*"\).*/{ \1, 0 },/p' $^ > $@

# verify_blob() is wrapped: a self-test leaves rules out.
$(JUDGE_CAMPAIGN): $(JUDGE_CAMPAIGN_SRC) $(wildcard tests/fuzz/*.h tests/fuzz/judge/*.h hv/*/*.h drivers/verify/*.h) \
		drivers/twin_abi.h $(JUDGE_FUZZ_DIR)/natives.inc tests/fuzz/judge/build.mk
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -Ihv -I. -I$(JUDGE_FUZZ_DIR) -Wl,--wrap=verify_blob \
		-o $@ $(sort $(filter %.c,$^)) -lunicorn -lZydis
