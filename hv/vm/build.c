/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes VMs. */
#include "vm/build.h"

#include "cpu/irq.h"
#include "debug/console.h"
#include "debug/log.h"
#include "dev/acpi.h"
#include "dev/mptable.h"
#include "dev/vlapic_timer.h"
#include "dev/vpci_pass.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/phys.h"
#include "net/net.h"
#include "net/virtio_net.h"
#include "twin/castor.h"
#include "virt/virt_ops.h"
#include "vm/load.h"
#include "vm/mem.h"

#define LOW_RAM_END 0x9f000UL
#define LOW_NEEDED  0x16000UL /* what the loaders write to (vm/load_parts.h) */
#define MP_GPA      0xf0000UL
#define VNIC_SLOT   5
#define VNIC_PIN    20
#define HV_MARGIN   MIB(8) /* page tables, stacks, control blocks */

#define IRQS 3

static struct vpci_pass nic; /* the assigned network card */
static bool nic_found;
static hpa_t floor; /* the driver VM's RAM is below, guests' above */

/* What the PCI devices of each VM are wired to, for its MP table. */
static struct {
	struct mp_pci_irq irq[IRQS];
	unsigned int count;
} wiring[VM_MAX];

static uint64_t dvm_memory(const struct config *cfg)
{
	for (unsigned int i = 0; i < cfg->vms; i++)
		if (cfg->vm[i].kind == VM_DVM)
			return cfg->vm[i].mem;
	return 0;
}

static void move_up(struct boot_module *m)
{
	hpa_t to = phys_alloc(m->size, PAGE_SIZE, FRAME_BOOT);

	if (!to)
		boot_fail("too little memory: no room to move a boot module of %lu KiB",
			  m->size >> 10);
	memcpy(hpa_to_hva(to), hpa_to_hva(m->start), m->size);
	phys_set_owner(m->start, m->size, FRAME_FREE);
	m->start = to;
}

void build_place_modules(const struct config *cfg, struct boot_info *boot)
{
	uint64_t dvm = dvm_memory(cfg), need = HV_MARGIN, have;

	floor = MAX(dvm, image_end_hpa());
	phys_set_floor(floor);
	for (unsigned int i = 0; i < boot->modules; i++)
		if (boot->module[i].start < dvm)
			need += ALIGN_UP(boot->module[i].size, PAGE_SIZE);
	have = phys_free_bytes(floor);
	if (have < need)
		boot_fail("too little memory: %lu MiB RAM; the driver VM takes the first %lu MiB, "
			  "and of the %lu MiB for modules and page tables %lu MiB are missing",
			  phys_ram_bytes() >> 20, dvm >> 20, need >> 20, ((need - have) >> 20) + 1);
	for (unsigned int i = 0; i < boot->modules; i++)
		if (boot->module[i].size && boot->module[i].start < dvm)
			move_up(&boot->module[i]);
}

static void add_ram(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t size)
{
	BUG_ON(vm->ram_count == VM_RAM_MAX);
	vm->ram[vm->ram_count] = (struct vm_ram_range){ gpa, size, hpa_to_hva(hpa) };
	vm->ram_last = &vm->ram[vm->ram_count++];
	if (virt->nested_map(vm, gpa, hpa, size, true, NESTED_RAM))
		boot_fail("too little memory: no page for nested tables of %s", vm->name);
}

/* What the machine has no RAM at is left out; RAM that is another's should not be there. */
static uint64_t leave_out(const struct vm *vm, hpa_t start, hpa_t end)
{
	if (end <= start)
		return 0;
	if (!phys_owned_by(start, end - start, FRAME_NONE))
		boot_fail("too little memory: %s needs %lx-%lx, which is not all free RAM",
			  vm->name, start, end);
	log_info("%s does without %lx-%lx, where the machine has no RAM", vm->name, start, end);
	return end - start;
}

/* A part of the driver VM's RAM, in pieces: gpa == hpa. Returns the bytes that are left out. */
static uint64_t add_identity(struct vm *vm, hpa_t start, hpa_t end)
{
	uint64_t out = 0, len;
	hpa_t at = start;

	while (start < end && (len = phys_run(&at, MIN(end, phys_top()), FRAME_FREE))) {
		out += leave_out(vm, start, at);
		if (vm->ram_count == VM_RAM_MAX)
			boot_fail("the machine's memory below %lx has too many holes for %s", end,
				  vm->name);
		phys_set_owner(at, len, FRAME_VM + vm->id);
		memset(hpa_to_hva(at), 0, len);
		add_ram(vm, at, at, len);
		start = at = at + len;
	}
	return out + leave_out(vm, start, MIN(end, phys_top())) +
	       (end > phys_top() ? end - MAX(start, phys_top()) : 0);
}

/* A guest that does not fit stays without RAM; the others do not pay for it. */
static void build_guest_memory(struct vm *vm)
{
	uint64_t need = vm->mem_size + HV_MARGIN, free = phys_free_bytes(floor);
	hpa_t hpa = 0;

	if (free >= need)
		hpa = phys_alloc(vm->mem_size, MIN(MIB(2), vm->mem_size & -vm->mem_size),
				 FRAME_VM + vm->id);
	if (hpa)
		add_ram(vm, 0, hpa, vm->mem_size);
	else
		vm_kill(vm, "not started: too little memory: mem=%luM, free are %lu MiB%s",
			vm->mem_size >> 20, free >> 20,
			free >= need ? ", but not so many in one piece" : "");
}

/* Pages that are not the machine's: Linux gives nothing of the first MiB to a device. */
static void add_private(struct vm *vm, gpa_t gpa, uint64_t size)
{
	hpa_t hpa = phys_alloc(size, PAGE_SIZE, FRAME_VM + vm->id);

	if (!hpa)
		boot_fail("too little memory: no %lu KiB in one piece for %s", size >> 10,
			  vm->name);
	add_ram(vm, gpa, hpa, size);
}

/*
 * Below 1 MiB it has RAM up to the machine's first hole, and private pages from there on (EBDA,
 * VGA, ROMs, MP table): a kernel looks for tables all over the place. Where the firmware keeps what
 * the loaders write to, as one for UEFI may, all of it is private.
 */
static void add_low(struct vm *vm)
{
	hpa_t at = 0;
	uint64_t len = phys_run(&at, LOW_RAM_END, FRAME_FREE);

	if (!at && len >= LOW_NEEDED) {
		vm->low_end = len;
		add_identity(vm, 0, len);
	} else {
		add_private(vm, 0, vm->low_end);
	}
	add_private(vm, vm->low_end, MIB(1) - vm->low_end);
}

static void build_memory(struct vm *vm)
{
	uint64_t out = 0;

	vm->low_end = LOW_RAM_END;
	if (vm->kind == VM_GUEST) {
		build_guest_memory(vm);
		return;
	}
	add_low(vm);
	out += add_identity(vm, MIB(1), MIN(HV_PHYS_START, vm->mem_size));
	out += add_identity(vm, ALIGN_UP(image_end_hpa(), MIB(2)), vm->mem_size);
	if (out > vm->mem_size / 4)
		boot_fail("too little memory: of the first %lu MiB, which %s is to have, %lu are "
			  "no RAM",
			  vm->mem_size >> 20, vm->name, out >> 20);
}

static void wire(struct vm *vm, struct mp_pci_irq irq)
{
	BUG_ON(wiring[vm->id].count == IRQS);
	wiring[vm->id].irq[wiring[vm->id].count++] = irq;
}

/* Gives the network card to the driver VM: ports, registers, interrupt pin. */
static void build_nic(struct vm *vm)
{
	if (vpci_pass_find_nic(&nic, vm)) {
		log_warn("%s: no network card to pass through", vm->name);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(nic.bar); i++) {
		const struct vpci_pass_bar *b = &nic.bar[i];

		if (b->size && b->io)
			virt->io_intercept(vm, b->base, b->base + b->size - 1, false);
		else if (b->size &&
			 virt->nested_map(vm, b->base, b->base, ALIGN_UP(b->size, PAGE_SIZE), true,
					  NESTED_MMIO))
			boot_fail("too little memory: no page for the network card's registers");
	}
	nic_found = true;
	vioapic_map(&vm->ioapic, nic.pin, nic.pin);
	irq_forward(nic.pin, &vm->ioapic, nic.pin);
	wire(vm, (struct mp_pci_irq){ .slot = nic.dev.slot, .ioapic_pin = nic.pin });
	log_info("%s owns the network card %04x:%04x at 00:%02x.0, pin %u", vm->name, nic.vendor,
		 nic.device, nic.dev.slot, nic.pin);
}

const struct vpci_pass *build_nic_found(void)
{
	return nic_found ? &nic : NULL;
}

static void build_devices(struct vm *vm)
{
	vlapic_init(&vm->lapic, vm);
	vioapic_init(&vm->ioapic, vm);
	vuart_init(&vm->uart, vm, vm->name);
	console_register(&vm->uart.source, true);
	rtc_init(&vm->rtc);
	virt->io_intercept(vm, 0, 0xffff, true);
	virt->io_intercept(vm, 0x80, 0x80, false); /* Linux's I/O delay: harmless, frequent */
	if (vm->kind == VM_DVM) {
		build_nic(vm);
		if (castor_init(vm) == 0)
			wire(vm, (struct mp_pci_irq){ .slot = CASTOR_PCI_SLOT,
						      .ioapic_pin = CASTOR_PIN,
						      .edge = true });
	}
	if (net_add_nic(vm, VNIC_SLOT, VNIC_PIN) == 0)
		wire(vm, (struct mp_pci_irq){ .slot = VNIC_SLOT, .ioapic_pin = VNIC_PIN });
}

/* From clean memory and devices to the first instruction. */
static void start_vm(struct vm *vm, const struct vm_config *c)
{
	struct vcpu_entry entry;
	char why[120];

	BUG_ON(mptable_build(vm_ram(vm, MP_GPA, 0x10000), 0x10000, MP_GPA, wiring[vm->id].irq,
			     wiring[vm->id].count) < 0);
	/* The driver VM's devices are the machine's: its MP table names them, the DSDT does not. */
	if (vm->kind == VM_GUEST)
		BUG_ON(acpi_build(vm_ram(vm, ACPI_GPA, ACPI_SIZE), ACPI_SIZE, ACPI_GPA) < 0);
	fpu_vm_init(vm);
	if (load_kernel(vm, c, &entry, why, sizeof(why))) {
		vm_kill(vm, "not started: %s", why);
		return;
	}
	if (virt->vcpu_init(&vm->vcpu, &entry))
		boot_fail("too little memory: no control block for %s", vm->name);
	vm->state = VM_RUNNING;
}

void build_vm(const struct config *cfg, unsigned int id)
{
	const struct vm_config *c = &cfg->vm[id];
	struct vm *vm = phys_alloc_hv(sizeof(*vm));

	vm->id = id;
	vm->kind = c->kind;
	vm->mem_size = c->mem;
	strlcpy(vm->name, c->name, sizeof(vm->name));
	memcpy(vm->mac, c->mac, sizeof(vm->mac));
	vm->ip = c->ip;
	vm->plain_frames = c->plain_frames;
	vm->vcpu.vm = vm;
	vms[vm_count++] = vm;
	build_memory(vm);
	build_devices(vm);
	if (vm->state != VM_KILLED)
		start_vm(vm, c);
}

/* The interrupt controllers come first: devices lower their lines when they are reset. */
static void reset_devices(struct vm *vm)
{
	vlapic_timer_stop(&vm->lapic);
	vlapic_init(&vm->lapic, vm);
	vioapic_init(&vm->ioapic, vm);
	vuart_reset(&vm->uart);
	rtc_init(&vm->rtc);
	vm->pci.cf8 = 0;
	if (vm->vnic)
		virtio_pci_power_up(&vm->vnic->pci);
	if (vm->kind != VM_DVM)
		return;
	castor_reset();
	if (nic_found) {
		vpci_pass_reset(&nic);
		vioapic_map(&vm->ioapic, nic.pin, nic.pin);
	}
}

void build_again(const struct config *cfg, struct vm *vm)
{
	for (unsigned int i = 0; i < vm->ram_count; i++)
		memset(vm->ram[i].hva, 0, vm->ram[i].size);
	vm->vcpu = (struct vcpu){ .vm = vm, .vendor = vm->vcpu.vendor };
	vm->reason[0] = 0;
	vm->state = VM_BUILT;
	reset_devices(vm);
	start_vm(vm, &cfg->vm[vm->id]);
}
