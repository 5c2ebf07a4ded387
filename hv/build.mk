# SPDX-License-Identifier: GPL-2.0-or-later
# The hypervisor: boot/, hv/ and the judge make pollux.elf; nm makes its symbol table. Offsets of kernel
# structures come from the BTF of the driver VM's kernel.

HV_DIR := $(O)/hv
HV_JUDGE := $(filter-out %/main.c %/twinfile.c %/raw.c,$(wildcard drivers/verify/*.c))
HV_SRC := $(wildcard boot/*.c boot/boot.S hv/*.c hv/*/*.c hv/*/*.S) $(HV_JUDGE) drivers/e1000/card.c drivers/e1000/repair.c
HV_OBJ := $(patsubst %,$(HV_DIR)/%.o,$(basename $(HV_SRC)))

HV_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Wvla \
	-ffreestanding -nostdinc -isystem $(shell gcc -print-file-name=include) \
	-fpie -mcmodel=small -fvisibility=hidden -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-omit-frame-pointer -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns \
	-Ihv -I. -I$(HV_DIR) -include hv/lib/hidden.h
# A packet's way goes through a dozen files: functions are inlined across them, but not those called from one place alone, as a
# call stack must tell where it was. In one partition, so that each build is the same.
HV_LTO := -flto -flto-partition=one -fno-inline-functions-called-once

hv: $(HV_DIR)/pollux.elf $(HV_DIR)/pollux.sym ## build the hypervisor and its symbol table
.PHONY: hv
ALL += hv
LINT_C += $(filter-out drivers/%,$(filter %.c,$(HV_SRC))) $(wildcard boot/*.h hv/*/*.h)

$(HV_DIR)/pollux.elf: $(HV_OBJ) $(HV_DIR)/pollux.lds
	@echo "  LD      $@"
	$(Q)$(CC) $(HV_CFLAGS) $(HV_LTO) -nostdlib -static -no-pie -Wl,-n,-z,max-page-size=4096,-z,noexecstack \
		-Wl,--build-id=none -T $(HV_DIR)/pollux.lds -o $@ $(HV_OBJ)

$(HV_DIR)/pollux.sym: $(HV_DIR)/pollux.elf
	@echo "  NM      $@"
	$(Q)nm -n $< | grep -i ' [t] ' | sed 's/\.\(lto_priv\|constprop\|isra\|part\)\.[0-9][0-9]*//g' > $@

$(HV_DIR)/pollux.lds: boot/pollux.lds.S boot/layout_abi.h hv/build.mk
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x c -I. $< -o $@

$(HV_DIR)/kernel_abi.h: hv/twin/kernel_abi.list scripts/kernel_abi.py $(O)/kernel/vmlinux
	@mkdir -p $(@D)
	@echo "  BTF     $@"
	$(Q)scripts/kernel_abi.py --vmlinux $(O)/kernel/vmlinux --list $< -o $@

# iasl writes a whole table with its checksum, as bytes of a C array.
$(HV_DIR)/dsdt.h: hv/dev/dsdt.asl hv/build.mk
	@mkdir -p $(@D)
	@echo "  IASL    $<"
	$(Q)iasl -vs -tc -p $(HV_DIR)/dsdt $< >$(HV_DIR)/dsdt.log || { cat $(HV_DIR)/dsdt.log; exit 1; }
	$(Q)sed 's/^unsigned char dsdt_aml_code/static const uint8_t acpi_dsdt/' $(HV_DIR)/dsdt.hex >$@

# The screen's characters are those of a font that GRUB's package has.
$(HV_DIR)/font.h: scripts/font.py hv/build.mk
	@mkdir -p $(@D)
	@echo "  FONT    $@"
	$(Q)$(PYTHON) scripts/font.py --output $@

$(HV_DIR)/%.o: %.c hv/build.mk | $(HV_DIR)/kernel_abi.h $(HV_DIR)/e1000_abi.h $(HV_DIR)/dsdt.h $(HV_DIR)/font.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(HV_CFLAGS) $(HV_LTO) -MMD -MP -c $< -o $@

$(HV_DIR)/%.o: %.S hv/build.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) -g -I. -MMD -MP -c $< -o $@

-include $(HV_OBJ:.o=.d)
