# SPDX-License-Identifier: GPL-2.0-or-later
# Campaigns: the same tests many times, with seeds. Each one is a script of this folder that goes on
# where it was interrupted; results in $(O)/campaign.

# No campaigns themselves.
CAMPAIGN_PARTS := %/campaign.py %/lab.py %/kill_session.py %/workloads.py %/pace_lab.py %/pace_kinds.py %/driver_data.py
CAMPAIGNS := $(patsubst tests/campaign/%.py,campaign-%,$(filter-out $(CAMPAIGN_PARTS),$(wildcard tests/campaign/*.py)))
.PHONY: campaign $(CAMPAIGNS)

# A campaign with a failed step keeps none of the others from being run.
campaign: all ## all campaigns: hours; one alone: make campaign-NAME (CAMPAIGN=--help)
	$(Q)$(MAKE) --keep-going $(CAMPAIGNS)

$(CAMPAIGNS): campaign-%: all
	@echo "  CAMPAIGN $*"
	$(Q)$(PYTHON) tests/campaign/$*.py $(CAMPAIGN)

campaign-long: $(O)/tests/unit/twin/native_fuzz_test
