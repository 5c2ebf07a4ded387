# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of hv/net and of the virtual PCI bus: each program is one test, all sources and the fakes.

NET_TEST := $(O)/tests/unit/net
NET_TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -Ihv -I. -Itests/unit/net

NET_TESTS := vring virtio_pci identity switch poll offload virtio_net large lend coalesce coalesce_ack udp_sum net_fuzz
NET_ON_BENCH := virtio_net large lend

NET_PCI := hv/dev/vpci.c hv/dev/virtio_pci.c hv/dev/virtio_pci_cfg.c hv/dev/virtio_pci_regs.c \
	hv/dev/virtio_msix.c
NET_ALL := tests/unit/net/fake.c $(NET_PCI) hv/net/vring.c hv/net/lend.c hv/net/packet.c hv/net/offload.c \
	hv/net/switch.c hv/net/coalesce.c hv/net/udp_sum.c hv/net/identity.c hv/net/poll.c hv/net/threshold.c \
	hv/net/virtio_net.c hv/net/virtio_net_rx.c hv/net/virtio_net_tx.c

define NET_TEST_RULE
UNIT_TESTS += $(NET_TEST)/$(1)_test
$(NET_TEST)/$(1)_test: tests/unit/net/$(1)_test.c $(NET_ALL) $(if $(filter $(1),$(NET_ON_BENCH)),tests/unit/net/bench.c) \
		$(if $(filter $(1),coalesce coalesce_ack),tests/unit/net/coalesce_lab.c tests/fuzz/random.c tests/fuzz/random.h) \
		$$(wildcard hv/*/*.h) $$(wildcard tests/unit/net/*.h) tests/unit/net/build.mk
	@mkdir -p $$(@D)
	@echo "  CCLD    $$@"
	$$(Q)$$(CC) $$(NET_TEST_CFLAGS) -o $$@ $$(filter %.c,$$^) -lcmocka -lpthread
endef

$(foreach t,$(NET_TESTS),$(eval $(call NET_TEST_RULE,$(t))))

UNIT_TESTS += $(NET_TEST)/charge_test
$(NET_TEST)/charge_test: tests/unit/net/charge_test.c hv/net/charge.c $(wildcard hv/*/*.h) tests/unit/net/build.mk
	@mkdir -p $(@D)
	@echo "  CCLD    $@"
	$(Q)$(CC) $(NET_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

LINT_C += $(wildcard tests/unit/net/*.[ch])
