// SPDX-License-Identifier: GPL-2.0-or-later
/* Where this kernel and the driver module have what the twin refers to. */
#include "castor.h"

#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/vmalloc.h>
#define INCLUDE_VERMAGIC
#include <linux/vermagic.h>

static char *driver = "e1000";
module_param(driver, charp, 0444);
MODULE_PARM_DESC(driver, "module that the twin was derived from");

struct kmem_cache *castor_head_cache;

static unsigned long (*lookup)(const char *name);
static u32 resolved; /* the file whose imports are in the area; 0: none */
static void *stack[2];
static void *task;

/*
 * An instruction whose LOCK prefix a kernel on one CPU would patch out of itself and of modules:
 * then the twin would not be excluded by what excludes another CPU (R8).
 */
extern const u8 castor_lock_site[];
static noinline __used void lock_site(int *n)
{
	asm volatile(".globl castor_lock_site\n"
		     "castor_lock_site:\n" LOCK_PREFIX "incl %0"
		     : "+m"(*n));
}

/* kallsyms_lookup_name() is not exported; a probe's address is. */
static int find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int rc = register_kprobe(&probe);

	if (rc)
		return rc;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

unsigned long castor_symbol(const char *name)
{
	return lookup(name);
}

static u64 section_address(const char *name)
{
	char path[160], text[32] = "";
	struct file *f;
	loff_t pos = 0;
	u64 addr = 0;

	snprintf(path, sizeof(path), "/sys/module/%s/sections/%s", driver, name);
	f = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(f))
		return 0;
	if (kernel_read(f, text, sizeof(text) - 1, &pos) > 0 && kstrtou64(strim(text), 16, &addr))
		addr = 0;
	filp_close(f, NULL);
	return addr;
}

/*
 * Imports are of the kernel and stay as long as the hypervisor has the same file; sections change
 * when the driver module is loaded again.
 */
static int resolve(void)
{
	struct castor_shared *a = castor.area;
	unsigned long i;
	long kind;

	for (i = 0; (kind = castor_hypercall(CASTOR_HC_QUERY, i, 0)) > 0; i++) {
		u32 n = a->query_index;
		u64 addr = 1;

		a->query[sizeof(a->query) - 1] = 0;
		if (kind == CASTOR_QUERY_SECTION && n < CASTOR_SECTIONS)
			addr = a->section[n] = section_address(a->query);
		else if (kind == CASTOR_QUERY_SYMBOL && n < CASTOR_IMPORTS &&
			 resolved != a->image_number)
			addr = a->import[n] = lookup(a->query);
		if (!addr) /* the hypervisor decides whether it can do without */
			pr_info("castor: %s has no %s\n",
				kind == CASTOR_QUERY_SECTION ? driver : "the kernel", a->query);
	}
	resolved = kind ? 0 : a->image_number;
	if (kind)
		pr_warn("castor: the hypervisor does not say what it needs (%ld)\n", kind);
	return kind;
}

/* Not exported either. A lookup goes through all names of the kernel, so there is one. */
static u64 irq_desc(void)
{
	static void *(*to_desc)(unsigned int);
	struct device *parent = castor.nd->dev.parent;

	if (!to_desc)
		to_desc = (void *)lookup("irq_to_desc");
	return to_desc && parent && dev_is_pci(parent) ?
		       (unsigned long)to_desc(to_pci_dev(parent)->irq) :
		       0;
}

int castor_write_facts(void)
{
	struct castor_shared *a = castor.area;

	a->netdev_dva = (unsigned long)castor.nd;
	a->napi_dva = (unsigned long)castor.napi;
	a->txq_dva = (unsigned long)netdev_get_tx_queue(castor.nd, 0);
	memset(task, 0, sizeof(struct task_struct)); /* a killed twin may have left counts in it */
	a->irq_desc_dva = irq_desc();
	return resolve();
}

/* What stays the same for the module's life. */
static void write_constants(struct castor_shared *a)
{
	int i;

	a->magic = CASTOR_MAGIC;
	a->version = CASTOR_VERSION;
	a->bytes = sizeof(*a);
	strscpy(a->vermagic, VERMAGIC_STRING, sizeof(a->vermagic));
	a->pgd_gpa = __pa_symbol((void *)lookup("init_top_pgt"));
	a->page_offset_base = PAGE_OFFSET;
	a->vmemmap_base = VMEMMAP_START;
	a->jiffies_dva = (unsigned long)&jiffies;
	a->hz = HZ;
	a->destructor_dva = (unsigned long)castor_destructor;
	a->smp_lock_dva = (unsigned long)castor_lock_site;
	a->task_dva = (unsigned long)task;
	for (i = 0; i < ARRAY_SIZE(stack); i++)
		a->stack_dva[i] = (unsigned long)stack[i];
}

/*
 * Second stacks come from vmalloc: an unmapped page follows each of its areas, so one lies below
 * each stack too. The address minus the hypervisor's stack (2 TiB) is canonical for any place of
 * vmalloc's region.
 *
 * The twin is one more CPU, and its `current` a task of its own that nobody else knows: the counts
 * that kmap_atomic() keeps there (page faults disabled) disturb no task of this VM's.
 */
static int allocate(void)
{
	int i;

	task = kzalloc(sizeof(struct task_struct), GFP_KERNEL);
	if (!task)
		return -ENOMEM;
	castor.area =
		(void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(sizeof(*castor.area)));
	if (!castor.area)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(stack); i++) {
		stack[i] = vmalloc(CASTOR_STACK_BYTES);
		if (!stack[i])
			return -ENOMEM;
	}
	return 0;
}

static void release(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(stack); i++) {
		vfree(stack[i]);
		stack[i] = NULL;
	}
	kfree(task);
	task = NULL;
	free_pages((unsigned long)castor.area, get_order(sizeof(*castor.area)));
	memset(&castor, 0, sizeof(castor));
	resolved = 0;
}

int castor_area_init(void)
{
	struct kmem_cache **heads;
	int rc = find_lookup();

	if (rc)
		return rc;
	heads = (void *)lookup("skbuff_head_cache");
	if (!heads || !lookup("init_top_pgt")) {
		pr_warn("castor: this kernel hides skbuff_head_cache or init_top_pgt\n");
		return -ENOENT;
	}
	castor_head_cache = *heads;
	rc = allocate();
	if (!rc) {
		write_constants(castor.area);
		rc = castor_hypercall(CASTOR_HC_HELLO, virt_to_phys(castor.area),
				      sizeof(*castor.area));
		if (rc)
			pr_info("castor: the hypervisor has no twin for this VM (%d)\n", rc);
	}
	if (rc) {
		release();
		return rc == -ENOMEM ? rc : -ENODEV;
	}
	return 0;
}

/* Not attached any more. */
void castor_area_free(void)
{
	castor_hypercall(CASTOR_HC_BYE, 0, 0);
	release();
}
