/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual PCI bus and the registers of a virtio card (hv/dev/vpci.c, hv/dev/virtio_pci*.c,
 * hv/dev/virtio_msix.c), with the card of hv/net behind them. The input is a row of accesses of
 * the VM: ports and memory anywhere, configuration space, BAR0 and BAR1; between them the device
 * changes its link and interrupts, and the VM is started anew.
 */
#include "fake.h"

#include "guided.h"
#include "net/poll.h"
#include "vm/mem.h"

#define STATUS_BITS 0x8f

static struct vm *vm;
static struct virtio_net vn;
static struct net_switch sw;
static uint8_t first[256]; /* configuration space as it was at the start */

/* Bytes of configuration space that a driver may change. */
static uint8_t writable(unsigned int off)
{
	switch (off) {
	case 0x04:
		return 0x07;
	case 0x05:
		return 0x05;
	case 0x0c:
	case 0x0d:
	case 0x3c:
	case VP_CAP_PCI_CFG + 4:
	case VP_CAP_PCI_CFG + 8 ... VP_CAP_PCI_CFG + 15:
		return 0xff;
	case VP_CAP_MSIX + 3:
		return 0xc0;
	default:
		return 0;
	}
}

static void check_queue(const struct virtio_pci_queue *q)
{
	const struct vring *r = &q->ring;

	CHECK(q->vector < VIRTIO_PCI_VECTORS || q->vector == VIRTIO_NO_VECTOR);
	if (!r->size)
		return;
	CHECK(q->enabled && r->size <= VRING_SIZE_MAX && !(r->size & (r->size - 1)));
	CHECK(vm_ram(vm, q->desc, r->size * 16UL) == r->desc);
	CHECK(vm_ram(vm, q->avail, VRING_AVAIL_BYTES(r->size)) == r->avail);
	CHECK(vm_ram(vm, q->used, VRING_USED_BYTES(r->size)) == r->used);
	CHECK(r->event_idx == !!(vn.pci.features & VIRTIO_F_EVENT_IDX));
}

static void check(void)
{
	struct virtio_pci *vp = &vn.pci;
	bool line = vp->isr && !virtio_msix_enabled(vp) &&
		    !(virtio_pci_cfg16(vp, PCI_COMMAND) & PCI_CMD_NO_INTX);

	for (unsigned int i = 0; i < sizeof(first); i++)
		CHECK(!((vp->space[i] ^ first[i]) & ~writable(i)));
	CHECK(vp->bar[0] % VP_IO_SIZE == 0 && vp->bar[0] <= 0xff00 && vp->bar[1] % PAGE_SIZE == 0);
	CHECK(!(vp->status & ~STATUS_BITS));
	CHECK(!(vp->status & VIRTIO_STATUS_DRIVER_OK) || vp->status & VIRTIO_STATUS_FEATURES_OK);
	CHECK(!(vp->status & VIRTIO_STATUS_FEATURES_OK) ||
	      (!(vp->features & ~vp->offered) && vp->features & VIRTIO_F_VERSION_1));
	CHECK(vp->config_vector < VIRTIO_PCI_VECTORS || vp->config_vector == VIRTIO_NO_VECTOR);
	CHECK(vp->msix_pending < BIT(VIRTIO_PCI_VECTORS));
	for (int i = 0; i < VIRTIO_PCI_VECTORS; i++)
		CHECK(vp->msix[i].control <= 1);
	for (int i = 0; i < VIRTIO_PCI_QUEUES; i++)
		check_queue(&vp->queue[i]);
	CHECK(fake_pin_level == line);
	CHECK(vm->state == VM_RUNNING || strstr(vm->reason, " queue: "));
}

/* One access of the VM at 8 kinds of place. */
static void access(struct input *in)
{
	uint8_t where = in_u8(in), off = in_u8(in), how = in_u8(in);
	unsigned int size = 1u << how % 4 % 3;
	bool write = how & 16;
	uint32_t val = !write ? 0xdeadbeef : how & 8 ? in_u32(in) : in_u8(in);

	switch (where % 8) {
	case 0:
	case 1:
		vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | (off & 0xfc));
		vpci_io(vm, 0xcfc + (off & 3), size, write, &val);
		break;
	case 2:
		vpci_io(vm, in_u16(in), size, write, &val);
		break;
	case 3:
		vpci_io(vm, 0xcf8 + off % 8, size, write, &val);
		break;
	case 4:
		vpci_mmio(vm, in_number(in, 8), size, write, &val);
		break;
	case 5:
		vpci_mmio(vm, vn.pci.bar[1] + (off & 0x80 ? 0x800 : 0) + (off & 0x7f), size, write,
			  &val);
		break;
	default:
		vpci_io(vm, vn.pci.bar[0] + off, size, write, &val);
	}
}

static void device_side(struct input *in)
{
	uint8_t what = in_u8(in);

	switch (what % 4) {
	case 0:
		virtio_net_set_link(&vn, what & 4);
		break;
	case 1:
		if (virtio_pci_started(&vn.pci))
			virtio_pci_queue_irq(&vn.pci, what >> 2 & 3);
		break;
	case 2:
		poll_run();
		fake_pass_us(600);
		break;
	default: /* as build_again() */
		vm->state = VM_RUNNING;
		vm->pci.cf8 = 0;
		virtio_pci_power_up(&vn.pci);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (vm)
		fake_again();
	else
		vm = fake_vm(0);
	memset(&sw, 0, sizeof(sw));
	memset(&vn, 0, sizeof(vn));
	poll_init(&sw);
	CHECK(virtio_net_add(&vn, &sw, vm, SLOT, PIN) == 0);
	memcpy(first, vn.pci.space, sizeof(first));
	cfg_out(vm, PCI_COMMAND, 2, 7);
	while (in_more(&in)) {
		if (*in.at < 0xf0)
			access(&in);
		else
			device_side(&in);
		check();
	}
	return 0;
}
