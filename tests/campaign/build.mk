# SPDX-License-Identifier: GPL-2.0-or-later
# Campaigns: the same tests many times, with seeds. Each one is a script of this folder that goes on
# where it was interrupted; results in $(O)/campaign.

CAMPAIGN_PARTS := %/campaign.py %/lab.py %/kill_session.py %/workloads.py %/pace_lab.py %/pace_kinds.py # no campaigns themselves
CAMPAIGNS := $(patsubst tests/campaign/%.py,campaign-%,$(filter-out $(CAMPAIGN_PARTS),$(wildcard tests/campaign/*.py)))
.PHONY: campaign $(CAMPAIGNS)

campaign: $(CAMPAIGNS) ## all campaigns: hours; one alone: make campaign-NAME (CAMPAIGN=--help)

$(CAMPAIGNS): campaign-%: all
	@echo "  CAMPAIGN $*"
	$(Q)$(PYTHON) tests/campaign/$*.py $(CAMPAIGN)

# The peer's end of campaign pace's streams.
STREAM_PEER := $(O)/tests/campaign/stream
ALL += $(STREAM_PEER)
LINT_C += tests/campaign/stream.c

$(STREAM_PEER): tests/campaign/stream.c guest-stub/apps/verify.h tests/campaign/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -I. -o $@ $<
