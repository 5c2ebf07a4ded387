// SPDX-License-Identifier: GPL-2.0-or-later
/* As long as it is loaded the card sends nothing: frames that it is told of stay in its ring. */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>

/* Intel's manual of the 8254x, 13.4. */
#define TCTL    0x0400
#define TCTL_EN BIT(1)

#define HOLD_S 60

static struct pci_dev *dev;
static void __iomem *card;
static struct net_device *nd;
static int patience;

static int __init mute_init(void)
{
	dev = pci_get_class(PCI_CLASS_NETWORK_ETHERNET << 8, NULL);
	while (dev && strcmp(dev_driver_string(&dev->dev), "e1000"))
		dev = pci_get_class(PCI_CLASS_NETWORK_ETHERNET << 8, dev);
	if (!dev)
		return -ENODEV;
	card = ioremap(pci_resource_start(dev, 0), PAGE_SIZE);
	if (!card) {
		pci_dev_put(dev);
		return -ENOMEM;
	}
	nd = pci_get_drvdata(dev);
	patience = nd->watchdog_timeo;
	nd->watchdog_timeo = HOLD_S * HZ; /* or it has the driver reset the card after 5 s */
	writel(readl(card + TCTL) & ~TCTL_EN, card + TCTL);
	return 0;
}

/* The write also makes QEMU's card look at its ring. */
static void __exit mute_exit(void)
{
	writel(readl(card + TCTL) | TCTL_EN, card + TCTL);
	nd->watchdog_timeo = patience;
	iounmap(card);
	pci_dev_put(dev);
}

module_init(mute_init);
module_exit(mute_exit);
MODULE_DESCRIPTION("tests: the card sends nothing");
MODULE_LICENSE("GPL");
