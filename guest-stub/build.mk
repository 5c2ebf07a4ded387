# SPDX-License-Identifier: GPL-2.0-or-later
# The lwIP guest. lwIP is compiled from Debian's source package, which set-up unpacks to $(O)/lwip;
# nothing of it is in this tree. -nostdinc proves that no header of the host gets in.

GUEST_STUB_SRC := $(wildcard guest-stub/*.c guest-stub/*/*.c)
GUEST_STUB_DIR := $(O)/guest-stub
GUEST_STUB_ELF := $(GUEST_STUB_DIR)/guest.elf
LWIP_SRC_DIR   := $(O)/lwip/src

GUEST_STUB_LWIP := \
	$(addprefix core/,init def inet_chksum ip mem memp netif pbuf raw stats sys tcp tcp_in \
		tcp_out timeouts udp) \
	$(addprefix core/ipv4/,dhcp etharp icmp ip4 ip4_addr ip4_frag) \
	netif/ethernet apps/lwiperf/lwiperf

GUEST_STUB_C_OBJ    := $(GUEST_STUB_SRC:guest-stub/%.c=$(GUEST_STUB_DIR)/%.o)
GUEST_STUB_S_OBJ    := $(GUEST_STUB_DIR)/boot/entry.o
GUEST_STUB_LWIP_OBJ := $(GUEST_STUB_LWIP:%=$(GUEST_STUB_DIR)/lwip/%.o)
GUEST_STUB_OBJ      := $(GUEST_STUB_C_OBJ) $(GUEST_STUB_S_OBJ) $(GUEST_STUB_LWIP_OBJ)

GUEST_STUB_CC    := $(or $(TARGET_CC),gcc)
GUEST_STUB_FLAGS := -std=gnu11 -O2 -g -Wall -ffreestanding -nostdinc \
	-isystem $(shell gcc -print-file-name=include) \
	-m64 -mcmodel=small -mno-red-zone -mgeneral-regs-only -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -ffunction-sections -fdata-sections \
	-MMD -MP -Iguest-stub -Iguest-stub/lib/include -Iguest-stub/lwip-port \
	-I$(LWIP_SRC_DIR)/include

.PHONY: guest-stub
guest-stub: $(GUEST_STUB_ELF) ## build the lwIP guest
ALL += guest-stub
LINT_C += $(GUEST_STUB_SRC)

$(LWIP_SRC_DIR)/include/lwip/init.h:
	@echo "lwIP's source is missing: run 'make setup'" >&2; exit 1

# lib/string.c defines memcpy and memset: its loops must not become calls of themselves.
$(GUEST_STUB_DIR)/lib/string.o: GUEST_STUB_EXTRA := -fno-tree-loop-distribute-patterns

$(GUEST_STUB_LWIP_OBJ): $(GUEST_STUB_DIR)/lwip/%.o: $(LWIP_SRC_DIR)/%.c guest-stub/build.mk
	@mkdir -p $(@D)
	@echo "  CC      lwip/$*.c"
	$(Q)$(GUEST_STUB_CC) $(GUEST_STUB_FLAGS) -c $< -o $@

$(GUEST_STUB_LWIP:%=$(LWIP_SRC_DIR)/%.c): | $(LWIP_SRC_DIR)/include/lwip/init.h ;

$(GUEST_STUB_C_OBJ): $(GUEST_STUB_DIR)/%.o: guest-stub/%.c guest-stub/build.mk \
		| $(LWIP_SRC_DIR)/include/lwip/init.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(GUEST_STUB_CC) $(GUEST_STUB_FLAGS) -Wextra -Werror $(GUEST_STUB_EXTRA) -c $< -o $@

$(GUEST_STUB_S_OBJ): $(GUEST_STUB_DIR)/%.o: guest-stub/%.S guest-stub/build.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(GUEST_STUB_CC) -m64 -MMD -MP -c $< -o $@

$(GUEST_STUB_ELF): $(GUEST_STUB_OBJ) guest-stub/boot/link.ld
	@echo "  LD      $@"
	$(Q)ld -nostdlib -static --gc-sections -z max-page-size=4096 -z noexecstack \
		-T guest-stub/boot/link.ld -o $@ $(GUEST_STUB_OBJ)

-include $(wildcard $(GUEST_STUB_OBJ:.o=.d))
