// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kills the driver VM's kernel in a chosen way, at once or where it is about to enter a chosen
 * function for the so manieth time. The function's caller, its locks and its context are real: only
 * its body is replaced by a death.
 *     insmod death.ko how=panic at=castor:castor_isolate hits=2
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <asm/desc.h>

/* Intel's manual of the 8254x, 13.4: where the card keeps its receive ring. */
#define RDBAL 0x2800
#define RDBAH 0x2804
#define RDLEN 0x2808
#define RDH   0x2810
#define RDT   0x2818
#define RING  4096 /* bytes: 256 descriptors */

static char *how = "panic";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "panic, softirq (it never ends), oops, triple (fault), sleep (for ever)");

static char *at = "";
module_param(at, charp, 0);
MODULE_PARM_DESC(at, "FUNCTION or MODULE:FUNCTION in whose place it happens; none: at once");

static unsigned int hits = 1;
module_param(hits, uint, 0);
MODULE_PARM_DESC(hits, "at which call of the function");

static unsigned long ring;
module_param(ring, ulong, 0);
MODULE_PARM_DESC(ring, "panic only: physical address that the card's receive ring is left at");

static struct pci_dev *dev;
static void __iomem *card;

/*
 * The worst that a dead driver can leave behind: a card that goes on receiving, and takes for its
 * ring a page that the next kernel has its text in. For each frame it writes a status there, as
 * soon as it may: bus mastering is off, so the whole ring is left for the next driver, which turns
 * it on before it has set the card up.
 */
static void leave_ring(void)
{
	pci_clear_master(dev);
	writel(lower_32_bits(ring), card + RDBAL);
	writel(upper_32_bits(ring), card + RDBAH);
	writel(RING, card + RDLEN);
	writel(0, card + RDH);
	writel(RING / 16 - 1, card + RDT);
}

static void die_panic(void)
{
	local_irq_disable();
	if (card)
		leave_ring();
	panic("death at %s", at[0] ? at : "will");
}

static void never_end(struct tasklet_struct *t)
{
	for (;;)
		cpu_relax();
}
static DECLARE_TASKLET(tasklet, never_end);

static void die_softirq(void)
{
	tasklet_hi_schedule(&tasklet);
}

/* The task ends with what it holds; the kernel goes on. */
static void die_oops(void)
{
	BUG();
}

/* With what it holds, too. */
static void die_sleep(void)
{
	for (;;)
		msleep(1000);
}

static void die_triple(void)
{
	static const struct desc_ptr none;

	local_irq_disable();
	asm volatile("lidt %0; int3" : : "m"(none));
}

static const struct death {
	const char *name;
	void (*die)(void);
} deaths[] = {
	{ "panic", die_panic },   { "softirq", die_softirq }, { "oops", die_oops },
	{ "triple", die_triple }, { "sleep", die_sleep },
};
static const struct death *death;

static int reached(struct kprobe *probe, struct pt_regs *regs)
{
	if (--hits)
		return 0;
	instruction_pointer_set(regs, (unsigned long)death->die);
	return 1;
}

static struct kprobe probe = { .pre_handler = reached };

static int map_card(void)
{
	dev = pci_get_class(PCI_CLASS_NETWORK_ETHERNET << 8, NULL);
	while (dev && dev->vendor != PCI_VENDOR_ID_INTEL)
		dev = pci_get_class(PCI_CLASS_NETWORK_ETHERNET << 8, dev);
	if (!dev)
		return -ENODEV;
	card = pci_ioremap_bar(dev, 0);
	return card ? 0 : -ENOMEM;
}

static int __init death_init(void)
{
	int rc = ring ? map_card() : 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deaths); i++)
		if (!strcmp(how, deaths[i].name))
			death = &deaths[i];
	if (rc || !death || !hits)
		return rc ? rc : -EINVAL;
	if (at[0]) {
		probe.symbol_name = at;
		return register_kprobe(&probe);
	}
	death->die();
	return 0;
}
module_init(death_init);

MODULE_DESCRIPTION("Kills a kernel, for tests");
MODULE_LICENSE("GPL");
