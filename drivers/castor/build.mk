# SPDX-License-Identifier: GPL-2.0-or-later
# castor.ko, against the packaged headers of the driver VM's kernel. Kbuild writes beside its sources, so it works on
# a copy below out/.

CASTOR_DIR := $(O)/drivers/castor
CASTOR_SRC := $(wildcard drivers/castor/*.[ch]) drivers/castor/Kbuild
CASTOR_KERNEL := $(shell cat $(O)/kernel/version 2>/dev/null)

# $(call kbuild,FOLDER): the module whose sources and Kbuild are there.
kbuild = $(MAKE) -s -C /usr/src/linux-headers-$(CASTOR_KERNEL) M=$(abspath $(1)) O= MAKEFLAGS= modules \
	>$(1)/kbuild.log 2>&1 || (cat $(1)/kbuild.log; exit 1)

castor: $(CASTOR_DIR)/castor.ko ## build the agent in the driver VM, castor.ko
.PHONY: castor
ALL += castor

$(CASTOR_DIR)/castor.ko: $(CASTOR_SRC) drivers/castor_abi.h drivers/castor/build.mk
	@mkdir -p $(CASTOR_DIR)
	@echo "  KBUILD  $@"
	$(Q)cp $(CASTOR_SRC) $(CASTOR_DIR)/ && cp drivers/castor_abi.h $(O)/drivers/
	$(Q)$(call kbuild,$(CASTOR_DIR))
