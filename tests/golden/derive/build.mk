# SPDX-License-Identifier: GPL-2.0-or-later
# The differential test's recorded states: of the kernel and module that set-up has unpacked, so they
# are made here and not kept in the repository. A new kernel, twin or recorder makes them again.

RECORDED := $(O)/tests/recorded/e1000.json.gz
RECORD_INITRD := $(O)/dvm/initrd.img
RECORD_PY := $(addprefix tests/golden/derive/,record.py snapshot.py gdbstub.py)

$(RECORDED): $(RECORD_PY) $(O)/kernel/e1000.sha256 $(O)/drivers/e1000.twin | $(RECORD_INITRD)
	@mkdir -p $(@D)
	@echo "  RECORD  $@"
	$(Q)$(PYTHON) tests/golden/derive/record.py --kernel $(O)/kernel --initrd $(RECORD_INITRD) \
		--twin $(O)/drivers/e1000.twin --output $@ > $@.log 2>&1 || { cat $@.log; exit 1; }

.PHONY: record
record: $(RECORDED) ## boot the driver VM natively and record states for the differential test

test-golden: $(RECORDED)
