# SPDX-License-Identifier: GPL-2.0-or-later
# The judge: VERIFY_HV_SRCS for the hypervisor (freestanding), and out/drivers/verify for the host.

VERIFY_HV_SRCS := $(addprefix drivers/verify/,decode.c fact.c access.c step.c flow.c graph.c verify.c)
VERIFY_BIN := $(O)/drivers/verify
VERIFY_DIR := $(O)/drivers/verify.d
VERIFY_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Wvla
VERIFY_FREESTANDING := -ffreestanding -mgeneral-regs-only -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include)
VERIFY_JUDGE_OBJ := $(patsubst drivers/verify/%.c,$(VERIFY_DIR)/%.o,$(VERIFY_HV_SRCS))
VERIFY_HOST_OBJ := $(addprefix $(VERIFY_DIR)/,main.o twinfile.o)
VERIFY_ASAN := $(VERIFY_DIR)/verify-asan
VERIFY_RAW := $(VERIFY_DIR)/raw
VERIFY_UNIT := $(O)/tests/verify/decode_test
VERIFY_OBJDUMP := $(O)/tests/verify/objdump_test
VERIFY_FACT := $(O)/tests/verify/fact_test
VERIFY_FUZZ := $(O)/tests/verify/fuzz
VERIFY_FORMS := tests/fuzz/verify/forms.c tests/fuzz/random.c
FUZZ_MACHINE_SRC := $(addprefix tests/fuzz/,machine.c hostile.c shadow.c random.c) # what fuzzers run code in
VERIFY_SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

verify: $(VERIFY_BIN) $(VERIFY_ASAN) $(VERIFY_RAW) $(VERIFY_FUZZ) ## build the judge for the host, and what its tests need
ALL += verify
UNIT_TESTS += $(VERIFY_UNIT) $(VERIFY_OBJDUMP) $(VERIFY_FACT) $(VERIFY_FUZZ)
PYTESTS += tests/golden/verify
LINT_C += $(wildcard drivers/verify/*.[ch] tests/golden/verify/*.[ch] tests/fuzz/verify/*.[ch])
.PHONY: verify

$(VERIFY_BIN): $(VERIFY_HOST_OBJ) $(VERIFY_JUDGE_OBJ)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^

# For tests: the same with the sanitizers.
$(VERIFY_ASAN): drivers/verify/main.c drivers/verify/twinfile.c $(VERIFY_HV_SRCS) \
		$(wildcard drivers/verify/*.h) drivers/twin_abi.h drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(VERIFY_CFLAGS) $(VERIFY_SAN) -o $@ $(filter %.c,$^)

# For tests: judges bare bytes.
$(VERIFY_RAW): $(VERIFY_DIR)/raw.o $(VERIFY_JUDGE_OBJ)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^

# The judge is compiled as the hypervisor compiles it: without any header of the host.
$(VERIFY_JUDGE_OBJ): $(VERIFY_DIR)/%.o: drivers/verify/%.c drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(VERIFY_CFLAGS) $(VERIFY_FREESTANDING) -MMD -MP -c $< -o $@

$(VERIFY_HOST_OBJ): $(VERIFY_DIR)/%.o: drivers/verify/%.c drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(VERIFY_CFLAGS) -MMD -MP -c $< -o $@

$(VERIFY_DIR)/raw.o: tests/golden/verify/raw.c drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(VERIFY_CFLAGS) -I. -MMD -MP -c $< -o $@

$(VERIFY_UNIT): tests/fuzz/verify/decode_test.c $(VERIFY_FORMS) $(VERIFY_HV_SRCS) $(wildcard drivers/verify/*.h) \
		drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(VERIFY_CFLAGS) $(VERIFY_SAN) -I. -o $@ $(filter %.c,$^) -lcmocka -lZydis -lelf

# Without sanitizers: it goes through 24 million forms, as the test above does with them.
$(VERIFY_OBJDUMP): tests/fuzz/verify/objdump_test.c $(VERIFY_FORMS) drivers/verify/decode.c drivers/verify/decode.h \
		tests/fuzz/verify/forms.h drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(VERIFY_CFLAGS) -I. -o $@ $(filter %.c,$^) -lcmocka

$(VERIFY_FACT): tests/fuzz/verify/fact_test.c tests/fuzz/random.c drivers/verify/fact.c drivers/verify/fact.h \
		drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(VERIFY_CFLAGS) $(VERIFY_SAN) -I. -o $@ $(filter %.c,$^) -lcmocka

$(VERIFY_FUZZ): $(addprefix tests/fuzz/verify/,fuzz.c program.c) $(FUZZ_MACHINE_SRC) $(VERIFY_HV_SRCS) \
		drivers/verify/twinfile.c $(wildcard drivers/verify/*.h) drivers/twin_abi.h \
		$(wildcard tests/fuzz/*.h) tests/fuzz/verify/fuzz.h drivers/verify/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(VERIFY_CFLAGS) $(VERIFY_SAN) -I. -o $@ $(filter %.c,$^) -lunicorn -lZydis

-include $(wildcard $(VERIFY_DIR)/*.d)
