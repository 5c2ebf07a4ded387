# SPDX-License-Identifier: GPL-2.0-or-later
# Coverage-guided fuzzers (guided.h). Each harness becomes two programs: NAME, with clang's libFuzzer,
# for `make fuzz-guided`; NAME-replay, with gcc, which `make test` runs over the committed corpus.

GUIDED := tests/fuzz/guided
GUIDED_DIR := $(O)/tests/fuzz/guided
GUIDED_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
GUIDED_NAMES := judge twin kernel boot net pci pass coalesce
GUIDED_NET := tests/unit/net/fake.c hv/dev/vpci.c $(wildcard hv/dev/virtio_*.c) \
	$(filter-out hv/net/net.c hv/net/charge.c,$(wildcard hv/net/*.c))

judge_guided_SRC := $(VERIFY_HV_SRCS) $(FUZZ_MACHINE_SRC)
judge_guided_LIBS := -lunicorn -lZydis
twin_guided_SRC := tests/fuzz/judge/loader.c hv/twin/load.c $(VERIFY_HV_SRCS) \
	$(FUZZ_MACHINE_SRC)
twin_guided_CFLAGS := -Itests/fuzz/judge -I$(O)/tests/fuzz -Wl,--wrap=verify_blob
twin_guided_LIBS := -lunicorn -lZydis
kernel_guided_SRC := hv/vm/load.c hv/vm/load_pvh.c hv/vm/load_bzimage.c
kernel_guided_CFLAGS := -Itests/unit/twin/ports
boot_guided_SRC := $(GUIDED)/missing.c $(GUIDED)/text.c boot/multiboot2.c hv/vm/config.c
net_guided_SRC := $(GUIDED_NET)
net_guided_CFLAGS := -I$(GUIDED)/race -Itests/unit/net
net_guided_LIBS := -lcmocka
pci_guided_SRC := $(GUIDED_NET)
pci_guided_CFLAGS := -Itests/unit/net
pci_guided_LIBS := -lcmocka
pass_guided_SRC := hv/dev/vpci_pass.c hv/dev/vpci.c hv/cpu/pci.c
pass_guided_CFLAGS := -Itests/unit/dev/ports
coalesce_guided_SRC := tests/unit/net/coalesce_lab.c tests/fuzz/random.c $(GUIDED_NET)
coalesce_guided_CFLAGS := -Itests/unit/net
coalesce_guided_LIBS := -lcmocka

GUIDED_FUZZERS := $(GUIDED_NAMES:%=$(GUIDED_DIR)/%)
GUIDED_REPLAYS := $(GUIDED_NAMES:%=$(GUIDED_DIR)/%-replay)
GUIDED_HEADERS := $(wildcard $(GUIDED)/*.h $(GUIDED)/race/net/*.h hv/*/*.h boot/*.h drivers/verify/*.h) \
	$(wildcard tests/fuzz/*.h tests/fuzz/judge/*.h tests/unit/net/*.h tests/unit/dev/ports/*/*.h) drivers/twin_abi.h

UNIT_TESTS += $(GUIDED_REPLAYS)
LINT_C += $(wildcard $(GUIDED)/*.[ch] $(GUIDED)/race/net/*.h)

# $(1): harness; $(2): ending of the program's name; $(3): compiler; $(4): its own sources; $(5): its flags
define GUIDED_RULE
$(GUIDED_DIR)/$(1)$(2): $(GUIDED)/$(1).c $(4) $$($(1)_guided_SRC) $(GUIDED_HEADERS) $(GUIDED)/build.mk \
		| $(if $(filter twin,$(1)),$(O)/tests/fuzz/natives.inc)
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$(3) $(GUIDED_CFLAGS) $(5) $$($(1)_guided_CFLAGS) -Ihv -I. -I$(GUIDED) -o $$@ $$(filter %.c,$$^) \
		$$($(1)_guided_LIBS)
endef

GUIDED_CORPUS = -DCORPUS='"$(GUIDED)/corpus/$(n)"'
$(foreach n,$(GUIDED_NAMES),$(eval $(call GUIDED_RULE,$(n),,clang -fno-integrated-as,,-fsanitize=fuzzer)))
$(foreach n,$(GUIDED_NAMES),$(eval $(call GUIDED_RULE,$(n),-replay,$(CC),$(GUIDED)/replay.c,$(GUIDED_CORPUS))))

$(foreach n,$(GUIDED_NAMES),$(eval $(call GUIDED_RULE,$(n),-coverage,$(CC),$(GUIDED)/replay.c,$(GUIDED_CORPUS) --coverage)))

.PHONY: fuzz-guided fuzz-seeds fuzz-corpus fuzz-coverage
fuzz-guided: $(GUIDED_FUZZERS) fuzz-seeds ## coverage-guided fuzzers in turn, a minute each, resumable (CAMPAIGN=--help)
	$(Q)$(PYTHON) tests/campaign/guided.py $(CAMPAIGN)

campaign-guided: $(GUIDED_FUZZERS) fuzz-seeds

fuzz-seeds: all # inputs to begin with, made from real files
	$(Q)$(PYTHON) $(GUIDED)/seeds.py

fuzz-corpus: $(GUIDED_FUZZERS) fuzz-seeds # makes the committed corpora anew
	$(Q)$(PYTHON) $(GUIDED)/corpus.py $(GUIDED_NAMES)

fuzz-coverage: $(GUIDED_NAMES:%=$(GUIDED_DIR)/%-coverage) ## what the inputs of the coverage-guided fuzzers reach, by gcov
	$(Q)$(PYTHON) $(GUIDED)/coverage.py $^
