# SPDX-License-Identifier: GPL-2.0-or-later
# One non-recursive make: each part brings a build.mk, see `make help`.

O ?= out
Q := $(if $(V),,@)
export O
PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider
export PYTHONDONTWRITEBYTECODE := 1
export PYTHONPATH := $(CURDIR)/scripts

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

PARTS := $(wildcard */build.mk */*/build.mk */*/*/build.mk) # the makefiles of the parts
ALL :=        # what `make all` builds
UNIT_TESTS := # programs that `make test-unit` builds and runs
PYTESTS :=    # folders with tests of the tools
LINT_C := scripts/dvm/witness.c scripts/dvm/frames.c # C files and headers for `make lint`

# Set-up has run for exactly this list and this script. The stamp is an included makefile: when it is
# missing, make runs set-up and then starts again, with every tool and source in place.
SETUP_FILES := scripts/setup.sh scripts/apt.sh scripts/packages.list scripts/vmlinux.py
SETUP_STAMP := $(O)/.setup-$(shell cat $(SETUP_FILES) | sha256sum | cut -c1-16).mk
NEEDS_SETUP := $(filter-out help clean distclean,$(or $(MAKECMDGOALS),all))

ifneq ($(NEEDS_SETUP),)
include $(SETUP_STAMP)
ifneq ($(wildcard $(SETUP_STAMP)),)
include $(PARTS)
endif
endif

$(SETUP_STAMP): | $(SETUP_FILES)
	@O=$(O) scripts/setup.sh
	@rm -f $(O)/.setup-*.mk
	@touch $@

# The driver VM's initrd, with castor.ko, and those of Linux guests: with its kernel, and with another flavour's.
DVM_INITRD := $(O)/dvm/initrd.img
LINUX_INITRDS := $(O)/linux/initrd.img $(O)/linux-cloud/initrd.img
VM_PROGRAMS = $(DVM_PROGRAMS) $(O)/bench/load
DVM_FILES := scripts/initramfs.py scripts/dvm/init
DVM_PROGRAMS := $(O)/dvm/witness $(O)/dvm/frames
CASTOR_KO := $(if $(wildcard drivers/castor/build.mk),$(O)/drivers/castor/castor.ko)

$(DVM_INITRD): $(DVM_FILES) $(DVM_PROGRAMS) $(O)/bench/load $(CASTOR_KO) $(SETUP_STAMP)
	@echo "  INITRD  $@"
	$(Q)$(PYTHON) scripts/initramfs.py --kernel $(O)/kernel --output $@ $(VM_PROGRAMS:%=--program %) \
		$(CASTOR_KO:%=--module %)

$(LINUX_INITRDS): $(O)/%/initrd.img: scripts/initramfs.py scripts/linux/init $(DVM_PROGRAMS) $(O)/bench/load $(SETUP_STAMP)
	@echo "  INITRD  $@"
	$(Q)$(PYTHON) scripts/initramfs.py --kind linux --kernel $(O)/$(*:linux%=kernel%) --output $@ $(VM_PROGRAMS:%=--program %)

# Static: the driver VM's C library is busybox's own.
$(DVM_PROGRAMS): $(O)/dvm/%: scripts/dvm/%.c $(SETUP_STAMP)
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -Os -Wall -Wextra -Werror -static -s -o $@ $<

.PHONY: all setup run run-intel shell image install-usb overhead bench plots test test-all test-unit test-golden test-boot \
	test-net lint clean distclean help dvm

all: $(ALL) $(DVM_INITRD) $(LINUX_INITRDS) ## build everything (the default)

dvm: $(DVM_INITRD) ## build the driver VM's initrd

setup: ## get packages, kernel, lwIP's source, QEMU's plugin header (every target does it when needed)
	@O=$(O) scripts/setup.sh

run: all ## boot Pollux with a driver VM and two guests, measure, print the table, write out/run.json
	$(Q)$(PYTHON) scripts/demo.py

run-intel: all ## the same driver VM and guests with VT-x, in Bochs: pings and TCP, no other measurements
	$(Q)$(PYTHON) scripts/intel.py

shell: all ## boot the same and stay on the multiplexed console
	$(Q)$(PYTHON) scripts/demo.py --shell

image: all ## write out/pollux.img, a disk image that boots on BIOS and on UEFI
	$(Q)$(PYTHON) scripts/disk.py --output $(O)/pollux.img

install-usb: ## copy that image to the USB stick DEV=sdX, after asking
	$(Q)$(PYTHON) scripts/install_usb.py --image $(O)/pollux.img $(DEV)

overhead: all ## count what derived code costs, function by function; write out/overhead.json
	$(Q)$(PYTHON) scripts/overhead.py

bench: all ## measure Pollux against native Linux and others; BENCH='--quick' for 10 minutes of it, --help for more words
	$(Q)scripts/bench/setup.sh || echo 'bench: goes on without Xen'
	$(Q)$(PYTHON) scripts/bench/bench.py $(BENCH)

plots: ## draw what bench and overhead wrote into docs/plots; root gets Debian's python3-matplotlib installed
	$(Q)scripts/bench/setup.sh plots
	$(Q)$(PYTHON) scripts/bench/plots.py

test: lint test-unit test-golden test-boot test-net ## everything that fits into an hour

test-all: test ## the same and what takes longer
	$(call run_pytests,tests/boot tests/net,long)

# The fuzzers are only built: nothing else here is compiled by clang.
test-unit: $(UNIT_TESTS) $(GUIDED_FUZZERS) ## unit tests, with the address and undefined-behaviour sanitizers
	$(Q)set -e; for t in $(UNIT_TESTS); do echo "  TEST    $$t"; $$t; done

# $(call run_pytests,FOLDERS[,long]): one pytest for each folder, as each has its own conftest.py and helpers. Results
# go to $(O)/junit; those of the long tests to files of their own, as the others are there already.
define run_pytests
	$(Q)set -e; mkdir -p $(O)/junit; for d in $(1); do echo "  PYTEST  $$d $(2)"; $(if $(2),POLLUX_LONG=1) \
		$(PYTEST) $(if $(2),-m long) --junitxml=$(O)/junit/$$(echo $$d | tr / -)$(2:%=-%).xml $$d; done
endef

test-golden: all ## golden tests of the tools: input and expected output
	$(call run_pytests,$(filter tests/golden/%,$(PYTESTS)))

test-boot: all ## boots: one virtual machine for each test
	$(call run_pytests,tests/boot)

test-net: all ## network tests: guests against peers in a network namespace
	$(call run_pytests,$(filter-out tests/golden/%,$(PYTESTS)) tests/net)

lint: hv ## layout, static checks, size limits
	$(Q)$(PYTHON) scripts/lint.py $(sort $(LINT_C))

clean: ## remove what was built; keeps what set-up downloaded
	$(Q)find $(O) -mindepth 1 -maxdepth 1 ! -name 'kernel*' ! -name lwip ! -name qemu ! -name '.setup*' \
		-exec rm -rf {} + 2>/dev/null || true

distclean: ## remove everything that is not in the repository
	$(Q)rm -rf $(O)

help: ## this list
	@echo "make TARGET [V=1: show commands] [O=DIR: where products go, default out]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1 \2/p' Makefile $(PARTS) | \
		awk '{ t = $$1; $$1 = ""; printf "  %-12s%s\n", t, $$0 }'
