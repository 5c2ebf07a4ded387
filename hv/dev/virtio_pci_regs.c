/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a virtio device in BAR0 (virtio 1.2 4.1.4.3 to 4.1.4.6). A field answers to
 * accesses of its own width only, 64-bit ones to their two halves; anything else reads 0 and is
 * ignored.
 */
#include "dev/virtio_pci.h"

#include "lib/string.h"

enum common_reg {
	OFFERED_SELECT = 0x00,
	OFFERED = 0x04,
	FEATURES_SELECT = 0x08,
	FEATURES = 0x0c,
	CONFIG_VECTOR = 0x10,
	NUM_QUEUES = 0x12,
	STATUS = 0x14,
	GENERATION = 0x15,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_AVAIL = 0x28,
	QUEUE_USED = 0x30,
	QUEUE_NOTIFY_DATA = 0x38,
	QUEUE_RESET = 0x3a,
};

#define STATUS_DRIVER_BITS                                                            \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | \
	 VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

static unsigned int width(uint32_t off)
{
	if (off == STATUS || off == GENERATION)
		return 1;
	if ((off >= CONFIG_VECTOR && off < QUEUE_DESC) || off >= QUEUE_NOTIFY_DATA)
		return 2;
	return 4;
}

/* The queue that queue_select names; an empty one, which is not there, when it names none. */
static struct virtio_pci_queue *selected(struct virtio_pci *vp)
{
	return vp->queue_select < VIRTIO_PCI_QUEUES ? &vp->queue[vp->queue_select] : NULL;
}

/* The half of a 64-bit value that a select register or offset names. */
static uint32_t half(uint64_t val, uint32_t which)
{
	return which > 1 ? 0 : val >> 32 * which;
}

static void set_half(uint64_t *val, uint32_t which, uint32_t part)
{
	if (which == 0)
		*val = (*val & ~0xffffffffUL) | part;
	else if (which == 1)
		*val = (*val & 0xffffffffUL) | (uint64_t)part << 32;
}

static uint64_t *queue_addr(struct virtio_pci_queue *q, uint32_t off)
{
	if (off < QUEUE_AVAIL)
		return &q->desc;
	return off < QUEUE_USED ? &q->avail : &q->used;
}

static uint32_t queue_read(struct virtio_pci *vp, uint32_t off)
{
	struct virtio_pci_queue *q = selected(vp);

	if (!q)
		return off == QUEUE_VECTOR ? VIRTIO_NO_VECTOR : 0;
	switch (off) {
	case QUEUE_SIZE:
		return q->size;
	case QUEUE_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return q->enabled;
	case QUEUE_NOTIFY_OFF:
	case QUEUE_NOTIFY_DATA:
		return vp->queue_select;
	case QUEUE_RESET:
		return 0;
	default:
		return off < QUEUE_NOTIFY_DATA ? half(*queue_addr(q, off), off >> 2 & 1) : 0;
	}
}

/* The driver waits until it reads 0 (virtio 1.2 4.1.4.3.2). */
static uint8_t status_read(struct virtio_pci *vp)
{
	return vp->status || !vp->ops->resetting(vp) ? vp->status : VIRTIO_STATUS_ACKNOWLEDGE;
}

static uint32_t common_read(struct virtio_pci *vp, uint32_t off)
{
	switch (off) {
	case OFFERED_SELECT:
		return vp->offered_select;
	case OFFERED:
		return half(vp->offered, vp->offered_select);
	case FEATURES_SELECT:
		return vp->features_select;
	case FEATURES:
		return half(vp->features, vp->features_select);
	case CONFIG_VECTOR:
		return vp->config_vector;
	case NUM_QUEUES:
		return VIRTIO_PCI_QUEUES;
	case STATUS:
		return status_read(vp);
	case GENERATION:
		return vp->generation;
	case QUEUE_SELECT:
		return vp->queue_select;
	default:
		return queue_read(vp, off);
	}
}

/* A queue that was enabled becomes a ring; before FEATURES_OK its features are not known. */
static void enable(struct virtio_pci *vp, struct virtio_pci_queue *q)
{
	const char *name = vp->id->queue_name[q - vp->queue];

	if (q->enabled || !(vp->status & VIRTIO_STATUS_FEATURES_OK))
		return;
	q->enabled = true;
	if (vring_setup(&q->ring, vp->dev.vm, name, q->size, q->desc, q->avail, q->used))
		return;
	q->ring.event_idx = vp->features & VIRTIO_F_EVENT_IDX;
	q->ring.indirect = vp->features & VIRTIO_F_INDIRECT_DESC;
}

static uint16_t vector_or_none(uint32_t vector)
{
	return vector < VIRTIO_PCI_VECTORS ? vector : VIRTIO_NO_VECTOR;
}

static void queue_write(struct virtio_pci *vp, uint32_t off, uint32_t val)
{
	struct virtio_pci_queue *q = selected(vp);

	if (!q)
		return;
	if (off == QUEUE_VECTOR) {
		q->vector = vector_or_none(val);
		return;
	}
	if (q->enabled) /* the rest is fixed until the next reset */
		return;
	if (off == QUEUE_SIZE)
		q->size = val;
	else if (off == QUEUE_ENABLE && val == 1)
		enable(vp, q);
	else if (off >= QUEUE_DESC && off < QUEUE_NOTIFY_DATA)
		set_half(queue_addr(q, off), off >> 2 & 1, val);
}

/* FEATURES_OK stays off when the driver took something not offered or a set that makes no sense. */
static bool features_ok(struct virtio_pci *vp)
{
	return !(vp->features & ~vp->offered) && vp->features & VIRTIO_F_VERSION_1 &&
	       vp->ops->features_ok(vp, vp->features);
}

/* Bits only come, in order; all go by a reset (virtio 1.2 2.1, 3.1.1). */
static void status_write(struct virtio_pci *vp, uint8_t val)
{
	uint8_t old = vp->status, status = old | (val & STATUS_DRIVER_BITS);

	if (!val) {
		virtio_pci_reset(vp);
		return;
	}
	if (status & ~old & VIRTIO_STATUS_FEATURES_OK && !features_ok(vp))
		status &= ~VIRTIO_STATUS_FEATURES_OK;
	if (!(status & VIRTIO_STATUS_FEATURES_OK))
		status &= ~VIRTIO_STATUS_DRIVER_OK;
	vp->status = status;
	if (status & ~old & VIRTIO_STATUS_DRIVER_OK)
		vp->ops->start(vp);
}

static void common_write(struct virtio_pci *vp, uint32_t off, uint32_t val)
{
	switch (off) {
	case OFFERED_SELECT:
		vp->offered_select = val;
		break;
	case FEATURES_SELECT:
		vp->features_select = val;
		break;
	case FEATURES:
		if (!(vp->status & VIRTIO_STATUS_FEATURES_OK))
			set_half(&vp->features, vp->features_select, val);
		break;
	case CONFIG_VECTOR:
		vp->config_vector = vector_or_none(val);
		break;
	case STATUS:
		status_write(vp, val);
		break;
	case QUEUE_SELECT:
		vp->queue_select = val;
		break;
	default:
		if (off >= QUEUE_SIZE)
			queue_write(vp, off, val);
	}
}

/* Reading takes all bits and so ends a level interrupt. */
static uint8_t isr_read(struct virtio_pci *vp)
{
	uint8_t isr = vp->isr;

	vp->isr = 0;
	virtio_pci_update_intx(vp);
	return isr;
}

static void notify(struct virtio_pci *vp, unsigned int queue)
{
	if (queue >= VIRTIO_PCI_QUEUES || !virtio_pci_started(vp) || !vp->queue[queue].ring.size)
		return;
	vp->kicks[queue]++;
	vp->ops->kick(vp, queue);
}

static uint32_t device_read(const struct virtio_pci *vp, uint32_t off, unsigned int size)
{
	uint32_t val = 0;

	if (off + size <= vp->config_len)
		memcpy(&val, (const uint8_t *)vp->config + off, size);
	return val;
}

void virtio_pci_io(struct virtio_pci *vp, uint32_t off, unsigned int size, bool write,
		   uint32_t *val)
{
	if (off < VP_COMMON_LEN) {
		if (size != width(off) || off % size)
			return;
		if (write)
			common_write(vp, off, *val);
		else
			*val = common_read(vp, off);
	} else if (off == VP_ISR && !write) {
		*val = isr_read(vp);
	} else if (off >= VP_NOTIFY && off < VP_NOTIFY + VP_NOTIFY_LEN && write) {
		notify(vp, (off - VP_NOTIFY) / VP_NOTIFY_STEP);
	} else if (off >= VP_DEVICE && off < VP_DEVICE + VP_DEVICE_LEN && !write) {
		*val = device_read(vp, off - VP_DEVICE, size);
	}
}
