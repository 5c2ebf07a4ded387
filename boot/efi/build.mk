# SPDX-License-Identifier: GPL-2.0-or-later
# The loader for UEFI: a GNU-EFI application, of its start code, its headers and nothing else of its library.

EFI_DIR := $(O)/efi
EFI_SRC := $(wildcard boot/efi/*.c boot/efi/*.S) hv/lib/string.c hv/lib/printf.c
EFI_OBJ := $(patsubst %,$(EFI_DIR)/%.o,$(basename $(EFI_SRC)))
EFI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Wvla -ffreestanding -fpic -fshort-wchar \
	-fvisibility=hidden -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -DGNU_EFI_USE_MS_ABI \
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -Ihv -I. -include hv/lib/hidden.h

efi: $(EFI_DIR)/pollux.efi ## build the loader for UEFI
.PHONY: efi
ALL += efi
LINT_C += $(wildcard boot/efi/*.[ch])

$(EFI_DIR)/pollux.so: $(EFI_OBJ)
	@echo "  LD      $@"
	$(Q)ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined --build-id=none -z noexecstack \
		-T /usr/lib/elf_x86_64_efi.lds -o $@ /usr/lib/crt0-efi-x86_64.o $(EFI_OBJ) /usr/lib/libgnuefi.a

$(EFI_DIR)/pollux.efi: $(EFI_DIR)/pollux.so
	@echo "  EFI     $@"
	$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j '.rel*' -j '.rela*' -j .reloc \
		--target=efi-app-x86_64 --subsystem=10 $< $@

$(EFI_DIR)/%.o: %.c boot/efi/build.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(EFI_CFLAGS) -MMD -MP -c $< -o $@

$(EFI_DIR)/%.o: %.S boot/efi/build.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) -I. -MMD -MP -c $< -o $@

-include $(EFI_OBJ:.o=.d)
