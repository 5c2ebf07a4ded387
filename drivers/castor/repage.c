// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A test hook: gives a page of a vmalloc area another physical page, as freeing the area and
 * getting the same addresses again would, and poisons the old page. The twin must see the new one
 * (R4).
 *     echo "ADDRESS ROUNDS" > /sys/module/castor/parameters/repage
 */
#include "castor.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

#define POISON 0x6b

static struct page *spare; /* poisoned, until the next round uses it */

/* Nobody works on the rings: NAPI is ours and the queue is locked. */
static void swap_page(unsigned long addr, struct vm_struct *area)
{
	unsigned long i = (addr - (unsigned long)area->addr) >> PAGE_SHIFT;
	struct page *old = area->pages[i], *new = spare;
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	if (!pte || level != PG_LEVEL_4K)
		return;
	copy_page(page_address(new), (void *)addr);
	set_pte(pte, mk_pte(new, PAGE_KERNEL));
	asm volatile("invlpg (%0)" ::"r"(addr) : "memory"); /* one CPU */
	area->pages[i] = new;
	memset(page_address(old), POISON, PAGE_SIZE);
	spare = old;
}

static int repage(unsigned long addr, unsigned int rounds)
{
	struct vm_struct *(*find)(const void *) = (void *)castor_symbol("find_vm_area");
	struct vm_struct *area = find && is_vmalloc_addr((void *)addr) ? find((void *)addr) : NULL;

	if (!area || !(area->flags & VM_ALLOC) || !area->pages || !castor.attached)
		return -EINVAL;
	while (rounds--) {
		napi_disable(castor.napi);
		netif_tx_lock_bh(castor.nd);
		swap_page(addr & PAGE_MASK, area);
		netif_tx_unlock_bh(castor.nd);
		napi_enable(castor.napi);
		local_bh_disable();
		napi_schedule(castor.napi); /* what arrived meanwhile */
		local_bh_enable();
		cond_resched();
	}
	return 0;
}

static int repage_set(const char *text, const struct kernel_param *param)
{
	unsigned long addr;
	unsigned int rounds;
	int rc = -EINVAL;

	if (sscanf(text, "%lx %u", &addr, &rounds) != 2)
		return rc;
	if (!spare)
		spare = alloc_page(GFP_KERNEL);
	if (!spare)
		return -ENOMEM;
	rtnl_lock();
	if (castor.nd && castor.napi)
		rc = repage(addr, rounds);
	rtnl_unlock();
	return rc;
}

static const struct kernel_param_ops repage_ops = { .set = repage_set };
module_param_cb(repage, &repage_ops, NULL, 0200);
MODULE_PARM_DESC(repage, "for tests: ADDRESS ROUNDS, gives a page of a vmalloc area other memory");

void castor_repage_exit(void)
{
	if (spare)
		__free_page(spare);
	spare = NULL;
}
