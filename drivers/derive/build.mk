# SPDX-License-Identifier: GPL-2.0-or-later
# derive: the host tool that makes a twin from a stock module.

DERIVE_C := $(wildcard drivers/derive/*.c)
DERIVE_H := $(wildcard drivers/derive/*.h) drivers/twin_abi.h
DERIVE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Werror
DERIVE := $(O)/drivers/derive/derive
# The same with the sanitizers, for the tests: they feed it broken files.
DERIVE_ASAN := $(O)/drivers/derive/derive-asan

$(O)/drivers/derive/%.o: drivers/derive/%.c $(DERIVE_H)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc $(DERIVE_CFLAGS) -O2 -c $< -o $@

$(O)/drivers/derive/%.asan.o: drivers/derive/%.c $(DERIVE_H)
	@mkdir -p $(@D)
	@echo "  CC      $< (asan)"
	$(Q)gcc $(DERIVE_CFLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover -c $< -o $@

$(DERIVE): $(DERIVE_C:%.c=$(O)/%.o)
	@echo "  LD      $@"
	$(Q)gcc $^ -o $@ -lZydis -lelf

$(DERIVE_ASAN): $(DERIVE_C:%.c=$(O)/%.asan.o)
	@echo "  LD      $@"
	$(Q)gcc -fsanitize=address,undefined $^ -o $@ -lZydis -lelf

.PHONY: derive
derive: $(DERIVE) $(DERIVE_ASAN) ## build the tool that makes a twin from a module

ALL += derive
PYTESTS += tests/golden/derive
LINT_C += $(DERIVE_C) $(wildcard drivers/derive/*.h) drivers/twin_abi.h
