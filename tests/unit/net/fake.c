/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "cpu/timer.h"
#include "lib/string.h"
#include "vm/irq.h"
#include "vm/mem.h"

#include <assert.h>

uint64_t fake_tsc, tsc_khz = 1000;
unsigned int fake_msis, fake_pin_changes;
uint64_t fake_msi_addr;
uint32_t fake_msi_data;
bool fake_pin_level;
struct timer *fake_timer;
struct vm *vms[VM_MAX];
unsigned int vm_count;
const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static uint8_t *rams[FAKE_VMS];

void *vm_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < VM_RAM_MAX; i++) {
		const struct vm_ram_range *r = &vm->ram[i];

		if (len && gpa - r->gpa < r->size && len <= r->size - (gpa - r->gpa))
			return r->hva + (gpa - r->gpa);
	}
	return NULL;
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
	va_list ap;

	if (vm->state == VM_KILLED)
		return;
	va_start(ap, fmt);
	vsnprintf(vm->reason, sizeof(vm->reason), fmt, ap);
	va_end(ap);
	vm->state = VM_KILLED;
}

void vm_msi_raise(struct vm *vm, uint64_t addr, uint32_t data)
{
	(void)vm;
	fake_msis++;
	fake_msi_addr = addr;
	fake_msi_data = data;
}

void vm_pin_set(struct vm *vm, unsigned int pin, bool level)
{
	(void)vm;
	assert(pin == PIN);
	if (level != fake_pin_level)
		fake_pin_changes++;
	fake_pin_level = level;
}

uint64_t tsc_now(void)
{
	return fake_tsc;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->deadline = deadline;
	fake_timer = timer;
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	snprintf(dst, size, "%s", src);
	return strlen(src);
}

void fake_pass_us(uint64_t us)
{
	struct timer *t = fake_timer;

	fake_tsc += us_to_tsc(us);
	if (!t || t->deadline > fake_tsc)
		return;
	fake_timer = NULL;
	t->fire(t);
}

/* A VM at its start, with the RAM that it has. */
static struct vm *begin(struct vm *vm, unsigned int i)
{
	memset(vm, 0, sizeof(*vm));
	vm->ram[0] = (struct vm_ram_range){ 0, RAM_SIZE, rams[i] };
	vm->id = i;
	vm->state = VM_RUNNING;
	snprintf(vm->name, sizeof(vm->name), "vm%u", i);
	memcpy(vm->mac, (uint8_t[]){ 0x52, 0x54, 0, 0x88, 0, i }, 6);
	return vm;
}

static void power_up(void)
{
	fake_tsc = 1;
	fake_msis = fake_pin_changes = 0;
	fake_pin_level = false;
	fake_timer = NULL;
}

struct vm *fake_vm(unsigned int i)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	assert(i < FAKE_VMS && vm);
	rams[i] = calloc(1, RAM_SIZE);
	vms[i] = begin(vm, i);
	return vm;
}

void fake_again(void)
{
	for (int i = 0; i < FAKE_VMS; i++)
		if (vms[i])
			begin(vms[i], i);
	power_up();
}

void fake_reset(void)
{
	for (int i = 0; i < FAKE_VMS; i++) {
		free(vms[i]);
		free(rams[i]);
		vms[i] = NULL;
		rams[i] = NULL;
	}
	power_up();
}

uint32_t vm_in(struct vm *vm, uint16_t port, unsigned int size)
{
	uint32_t val = 0xdeadbeef;

	assert_true(vpci_io(vm, port, size, false, &val));
	return val;
}

void vm_out(struct vm *vm, uint16_t port, unsigned int size, uint32_t val)
{
	assert_true(vpci_io(vm, port, size, true, &val));
}

uint32_t cfg_in(struct vm *vm, unsigned int off, unsigned int size)
{
	vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | (off & 0xfc));
	return vm_in(vm, 0xcfc + (off & 3), size);
}

void cfg_out(struct vm *vm, unsigned int off, unsigned int size, uint32_t val)
{
	vm_out(vm, 0xcf8, 4, 0x80000000 | SLOT << 11 | (off & 0xfc));
	vm_out(vm, 0xcfc + (off & 3), size, val);
}

void *ram(struct vm *vm, gpa_t gpa)
{
	return vm->ram[0].hva + gpa;
}

struct vring_desc *drv_desc(struct drv *d, int q, unsigned int i)
{
	return (struct vring_desc *)ram(d->vm, RING_GPA(q)) + i;
}

uint16_t *drv_avail(struct drv *d, int q)
{
	return ram(d->vm, AVAIL_GPA(q));
}

uint16_t *drv_used(struct drv *d, int q)
{
	return ram(d->vm, USED_GPA(q));
}

uint16_t drv_avail_event(struct drv *d, int q)
{
	return drv_used(d, q)[2 + 4 * QSIZE];
}

void drv_set_used_event(struct drv *d, int q, uint16_t event)
{
	drv_avail(d, q)[2 + QSIZE] = event;
}

struct vring_used_elem drv_used_elem(struct drv *d, int q, uint16_t i)
{
	return ((struct vring_used_elem *)(drv_used(d, q) + 2))[i % QSIZE];
}

static void queue_start(struct drv *d, int q)
{
	uint64_t part[3] = { RING_GPA(q), AVAIL_GPA(q), USED_GPA(q) };

	vm_out(d->vm, d->port + 0x16, 2, q);
	assert_int_equal(vm_in(d->vm, d->port + 0x18, 2), QSIZE);
	assert_int_equal(vm_in(d->vm, d->port + 0x1c, 2), 0);
	vm_out(d->vm, d->port + 0x18, 2, QSIZE);
	for (int i = 0; i < 3; i++) {
		vm_out(d->vm, d->port + 0x20 + 8 * i, 4, part[i]);
		vm_out(d->vm, d->port + 0x24 + 8 * i, 4, part[i] >> 32);
	}
	assert_int_equal(vm_in(d->vm, d->port + 0x1e, 2), q);
	vm_out(d->vm, d->port + 0x1c, 2, 1);
}

void drv_start(struct drv *d, struct virtio_net *vn, uint64_t wanted)
{
	struct vm *vm = vn->pci.dev.vm;

	memset(d, 0, sizeof(*d));
	d->vm = vm;
	d->vn = vn;
	cfg_out(vm, 0x04, 2, 7);
	d->port = cfg_in(vm, 0x10, 4) & 0xfffc;
	vm_out(vm, d->port + 0x14, 1, 0);
	vm_out(vm, d->port + 0x14, 1, 1);
	vm_out(vm, d->port + 0x14, 1, 3);
	for (uint32_t i = 0; i < 2; i++) {
		vm_out(vm, d->port + 0x00, 4, i);
		d->features |= (uint64_t)vm_in(vm, d->port + 0x04, 4) << 32 * i;
	}
	d->features &= wanted;
	for (uint32_t i = 0; i < 2; i++) {
		vm_out(vm, d->port + 0x08, 4, i);
		vm_out(vm, d->port + 0x0c, 4, d->features >> 32 * i);
	}
	vm_out(vm, d->port + 0x14, 1, 0xb);
	assert_int_equal(vm_in(vm, d->port + 0x14, 1), 0xb);
	memset(ram(vm, RING_GPA(0)), 0, 0x8000);
	queue_start(d, 0);
	queue_start(d, 1);
	vm_out(vm, d->port + 0x14, 1, 0xf);
}

void drv_publish(struct drv *d, int q, uint16_t head)
{
	uint16_t *avail = drv_avail(d, q);

	avail[2 + d->q[q].avail++ % QSIZE] = head;
	avail[1] = d->q[q].avail;
}

bool drv_kick(struct drv *d, int q)
{
	uint16_t old = d->q[q].kicked, now = d->q[q].avail;

	d->q[q].kicked = now;
	if (d->features & VIRTIO_F_EVENT_IDX) {
		if ((uint16_t)(now - drv_avail_event(d, q) - 1) >= (uint16_t)(now - old))
			return false;
	} else if (drv_used(d, q)[0] & 1) {
		return false;
	}
	vm_out(d->vm, d->port + 0x60 + 4 * q, 2, q);
	return true;
}

void drv_post(struct drv *d, unsigned int n)
{
	while (n--) {
		unsigned int i = d->q[0].next++ % QSIZE;

		*drv_desc(d, 0, i) =
			(struct vring_desc){ BUF_GPA(0) + i * BUF_SIZE, BUF_SIZE, 2, 0 };
		drv_publish(d, 0, i);
	}
}

void drv_send(struct drv *d, const struct virtio_net_hdr *hdr, const void *frame, uint32_t len)
{
	unsigned int i = d->q[1].next++ % QSIZE;
	gpa_t gpa = BUF_GPA(1) + i * BUF_SIZE;

	memcpy(ram(d->vm, gpa), hdr, sizeof(*hdr));
	memcpy(ram(d->vm, gpa + sizeof(*hdr)), frame, len);
	*drv_desc(d, 1, i) = (struct vring_desc){ gpa, sizeof(*hdr) + len, 0, 0 };
	drv_publish(d, 1, i);
}

int drv_receive(struct drv *d, struct virtio_net_hdr *hdr, uint8_t *frame, bool repost)
{
	int len = 0;

	if (d->q[0].used == drv_used(d, 0)[1])
		return -1;
	for (unsigned int n = 0; n == 0 || n < hdr->num_buffers; n++) {
		struct vring_used_elem e = drv_used_elem(d, 0, d->q[0].used++);
		const uint8_t *buf = ram(d->vm, drv_desc(d, 0, e.id)->addr);
		uint32_t skip = n ? 0 : sizeof(*hdr);

		assert_true(e.len <= BUF_SIZE);
		if (!n)
			memcpy(hdr, buf, sizeof(*hdr));
		memcpy(frame + len, buf + skip, e.len - skip);
		len += e.len - skip;
		if (repost)
			drv_publish(d, 0, e.id);
	}
	return len;
}

void make_frame(uint8_t *frame, uint32_t len, const uint8_t *to, const uint8_t *from, uint32_t seed)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5; /* IEEE 802 local experimental */
	for (uint32_t i = 14; i < len; i++)
		frame[i] = seed + i;
}
