# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/twin: what needs neither a driver VM nor derived code.

TWIN_TEST := $(O)/tests/unit/twin
TWIN_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Ihv -I. -I$(O)/hv

UNIT_TESTS += $(TWIN_TEST)/pool_test
$(TWIN_TEST)/pool_test: tests/unit/twin/pool_test.c tests/unit/twin/dvm_ram.c hv/twin/pool.c \
		tests/unit/twin/dvm_ram.h hv/twin/pool.h hv/twin/native.h tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(TWIN_TEST)/jiffies_test
$(TWIN_TEST)/jiffies_test: tests/unit/twin/jiffies_test.c hv/twin/jiffies.c hv/twin/jiffies.h tests/unit/twin/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(TWIN_TEST)/share_test
$(TWIN_TEST)/share_test: tests/unit/twin/share_test.c hv/twin/share.c hv/twin/share.h tests/unit/twin/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# The driver VM's memory is an array here: fake/twin/win_access.h stands in front of the real one.
UNIT_TESTS += $(TWIN_TEST)/transmit_test
$(TWIN_TEST)/transmit_test: tests/unit/twin/transmit_test.c hv/twin/transmit.c hv/twin/share.c \
		hv/net/offload.c hv/net/packet.c \
		tests/unit/twin/fake/twin/win_access.h tests/unit/twin/win_memory.h $(wildcard hv/twin/*.h) \
		tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/fake $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(TWIN_TEST)/napi_test
$(TWIN_TEST)/napi_test: tests/unit/twin/napi_test.c hv/twin/uplink.c hv/twin/native_napi.c hv/lib/string.c \
		tests/unit/twin/fake/twin/win_access.h tests/unit/twin/win_memory.h tests/unit/twin/sections.ld \
		$(wildcard hv/*/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/fake $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) \
		-Wl,-T,tests/unit/twin/sections.ld -lcmocka

UNIT_TESTS += $(TWIN_TEST)/repair_test
$(TWIN_TEST)/repair_test: tests/unit/twin/repair_test.c drivers/e1000/repair.c tests/unit/twin/fake/twin/win.h \
		$(wildcard hv/twin/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h $(O)/hv/e1000_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/fake $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(TWIN_TEST)/check_test
$(TWIN_TEST)/check_test: tests/unit/twin/check_test.c hv/twin/check.c hv/lib/printf.c tests/unit/twin/fake/twin/win.h \
		$(wildcard hv/*/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/fake $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# Tests of one source.
TWIN_ALONE := $(patsubst %,$(TWIN_TEST)/%_test,stuck alive verdict upcall)
UNIT_TESTS += $(TWIN_ALONE)
$(TWIN_ALONE): $(TWIN_TEST)/%_test: tests/unit/twin/%_test.c hv/twin/%.c $(wildcard hv/*/*.h) tests/unit/twin/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(TWIN_TEST)/card_test
$(TWIN_TEST)/card_test: tests/unit/twin/card_test.c drivers/e1000/card.c tests/unit/twin/fake/twin/win.h \
		$(wildcard hv/*/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h $(O)/hv/e1000_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/fake $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# All natives, found by their table; refusing/twin/win_access.h stands in front of the real one.
TWIN_RECEIVE := $(patsubst %,$(TWIN_TEST)/%_test,receive receive_own)
TWIN_NATIVES := $(TWIN_TEST)/native_fuzz_test $(TWIN_RECEIVE)
$(TWIN_RECEIVE): tests/unit/twin/receive_lab.c tests/unit/twin/receive_lab.h
UNIT_TESTS += $(TWIN_NATIVES)
$(TWIN_NATIVES): $(TWIN_TEST)/%_test: tests/unit/twin/%_test.c tests/unit/twin/dvm_ram.c tests/fuzz/random.c \
		tests/unit/twin/dvm_ram.h tests/fuzz/random.h $(wildcard hv/twin/native_*.c) \
		hv/twin/receive.c hv/twin/receive_own.c \
		hv/twin/loan.c hv/net/lend.c tests/unit/twin/sending_card.c tests/unit/twin/sending_card.h \
		hv/twin/pool.c hv/twin/share.c hv/net/packet.c hv/net/coalesce.c hv/net/udp_sum.c hv/net/offload.c \
		tests/unit/twin/refusing/twin/win_access.h \
		tests/unit/twin/win_memory.h tests/unit/twin/sections.ld \
		$(wildcard hv/twin/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/refusing $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) \
		-Wl,-T,tests/unit/twin/sections.ld -lcmocka

UNIT_TESTS += $(TWIN_TEST)/fill_test
$(TWIN_TEST)/fill_test: tests/unit/twin/fill_test.c tests/unit/twin/dvm_ram.c tests/unit/twin/dvm_ram.h hv/twin/fill.c \
		hv/twin/interface.c hv/twin/native_frags.c hv/twin/native_skb.c hv/twin/pool.c hv/twin/share.c \
		hv/twin/loan.c hv/net/lend.c tests/unit/twin/sending_card.c tests/unit/twin/sending_card.h \
		hv/net/offload.c hv/net/packet.c \
		tests/unit/twin/refusing/twin/win_access.h tests/unit/twin/win_memory.h tests/unit/twin/sections.ld \
		$(wildcard hv/*/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/refusing $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) \
		-Wl,-T,tests/unit/twin/sections.ld -lcmocka

# lending/mem/layout.h says where the guest's memory is.
UNIT_TESTS += $(TWIN_TEST)/loan_test
$(TWIN_TEST)/loan_test: tests/unit/twin/loan_test.c tests/unit/twin/dvm_ram.c tests/unit/twin/dvm_ram.h hv/twin/loan.c \
		hv/net/lend.c tests/unit/twin/sending_card.c tests/unit/twin/sending_card.h hv/twin/native_dma.c \
		hv/twin/native_frags.c hv/twin/native_skb.c hv/twin/pool.c hv/twin/share.c hv/net/packet.c \
		tests/unit/twin/lending/mem/layout.h tests/unit/twin/refusing/twin/win_access.h \
		tests/unit/twin/win_memory.h tests/unit/twin/sections.ld \
		$(wildcard hv/*/*.h) tests/unit/twin/build.mk | $(O)/hv/kernel_abi.h
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/lending -Itests/unit/twin/refusing $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) \
		-Wl,-T,tests/unit/twin/sections.ld -lcmocka

# Both engines on one small driver VM.
TWIN_ENGINES := $(patsubst %,$(TWIN_TEST)/%_test,window stlb)
UNIT_TESTS += $(TWIN_ENGINES)
$(TWIN_ENGINES): $(TWIN_TEST)/%_test: tests/unit/twin/%_test.c tests/unit/twin/small_dvm.c hv/twin/window.c \
		hv/twin/stlb.c $(wildcard hv/*/*.h) tests/unit/twin/small_dvm.h $(wildcard tests/unit/twin/ports/*/*.h) \
		tests/unit/twin/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -Itests/unit/twin/ports $(TWIN_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# Assembly is no business of the sanitizers, and it leaves frames by longjmp().
TWIN_GATES := $(patsubst %,$(TWIN_TEST)/%_test,enter miss)
UNIT_TESTS += $(TWIN_GATES)
$(TWIN_GATES): $(TWIN_TEST)/%_test: tests/unit/twin/%_test.c hv/twin/enter.S hv/twin/gate.h hv/twin/gate_abi.h \
		tests/unit/twin/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror -Ihv -I. -I$(O)/hv -o $@ $(filter %.c %.S,$^) -lcmocka

LINT_C += $(wildcard tests/unit/twin/*.[ch] tests/unit/twin/fake/twin/*.h tests/unit/twin/refusing/twin/*.h)
LINT_C += $(wildcard tests/unit/twin/ports/*/*.h tests/unit/twin/lending/*/*.h)
