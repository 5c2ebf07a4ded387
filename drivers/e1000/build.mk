# SPDX-License-Identifier: GPL-2.0-or-later
# The twin of the stock e1000: derived from the packaged module, then judged once as a file. The hypervisor judges it
# again at each attach, on its final bytes.

E1000_TWIN := $(O)/drivers/e1000.twin
E1000_MODULES := $(O)/kernel/image/lib/modules/$(shell cat $(O)/kernel/version 2>/dev/null)
E1000_KO := $(E1000_MODULES)/kernel/drivers/net/ethernet/intel/e1000/e1000.ko

twin: $(E1000_TWIN)
.PHONY: twin
ALL += twin

$(E1000_TWIN): $(E1000_KO) drivers/e1000/e1000.twin.conf $(O)/drivers/derive/derive $(O)/drivers/verify
	@echo "  DERIVE  $@"
	$(Q)$(O)/drivers/derive/derive $(E1000_KO) -c drivers/e1000/e1000.twin.conf -k $(O)/kernel/vmlinux -o $@
	$(Q)$(O)/drivers/verify $@
