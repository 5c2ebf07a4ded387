# SPDX-License-Identifier: GPL-2.0-or-later
# The twins of the stock e1000, one for each level of the judge (R6): derived from the packaged module, then judged
# once as files. The hypervisor takes the one for its level and judges it again at each attach, on its final bytes.
# e1000-access.twin, a level in between, is made only to be measured (docs/overhead.md); e1000-stlb.twin, the paper's
# engine, is one that the hypervisor takes when its boot word asks for it, to be measured too.

E1000_TWIN := $(O)/drivers/e1000.twin
E1000_STRICT := $(O)/drivers/e1000-strict.twin
E1000_ACCESS := $(O)/drivers/e1000-access.twin
E1000_STLB := $(O)/drivers/e1000-stlb.twin
E1000_MODULES := $(O)/kernel/image/lib/modules/$(shell cat $(O)/kernel/version 2>/dev/null)
E1000_KO := $(E1000_MODULES)/kernel/drivers/net/ethernet/intel/e1000/e1000.ko

twin: $(E1000_TWIN) $(E1000_STRICT) $(E1000_STLB) ## derive the twins of e1000, one for each level of the judge, and judge them
.PHONY: twin
ALL += twin

$(E1000_TWIN): DERIVE_FACTS := slots
$(E1000_ACCESS): DERIVE_FACTS := access
$(E1000_STRICT): DERIVE_FACTS := strict
$(E1000_STLB): DERIVE_FACTS := slots
$(E1000_STLB): DERIVE_ENGINE := --svm=stlb
$(E1000_STRICT): VERIFY_LEVEL := --strict

$(E1000_TWIN) $(E1000_STRICT) $(E1000_ACCESS) $(E1000_STLB): $(E1000_KO) drivers/e1000/e1000.twin.conf \
		$(O)/drivers/derive/derive $(O)/drivers/verify
	@echo "  DERIVE  $@"
	$(Q)$(O)/drivers/derive/derive --facts=$(DERIVE_FACTS) $(DERIVE_ENGINE) $(E1000_KO) -c drivers/e1000/e1000.twin.conf \
		-k $(O)/kernel/vmlinux -o $@
	$(Q)$(O)/drivers/verify $(VERIFY_LEVEL) $@

# What the hypervisor's card.c and repair.c know of the driver's own structures.
$(O)/hv/e1000_abi.h: drivers/e1000/e1000_abi.list scripts/kernel_abi.py $(E1000_KO) $(O)/kernel/vmlinux
	@mkdir -p $(@D)
	@echo "  BTF     $@"
	$(Q)scripts/kernel_abi.py --vmlinux $(O)/kernel/vmlinux --module $(E1000_KO) --list $< -o $@

LINT_C += drivers/e1000/card.c drivers/e1000/repair.c
