/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device set-up, feature choice, and what joins the two directions. */
#include "virtio/virtio_net.h"
#include "virtio/virtio_net_internal.h"
#include "cpu/power.h"

#include <string.h>

#define NET_F_CSUM       (1ull << 0)
#define NET_F_GUEST_CSUM (1ull << 1)
#define NET_F_MTU        (1ull << 3)
#define NET_F_MAC        (1ull << 5)
#define NET_F_MRG_RXBUF  (1ull << 15)
#define NET_F_STATUS     (1ull << 16)

#define WANTED                                                                                 \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MTU | \
	 NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS)

/* struct virtio_net_config, virtio 1.2 5.1.4 */
#define CONFIG_MAC     0
#define CONFIG_STATUS  6
#define CONFIG_MTU     10
#define STATUS_LINK_UP 1
#define MTU_DEFAULT    1500

struct virtio_pci virtio_net_pci;
struct virtio_net_stats virtio_net_counters;

static uint8_t rx_ring_memory[VRING_BYTES] __attribute__((aligned(4096)));
static uint8_t tx_ring_memory[VRING_BYTES] __attribute__((aligned(4096)));

static bool has(uint64_t feature)
{
	return virtio_net_pci.features & feature;
}

bool virtio_net_init(virtio_net_receive_fn receive)
{
	struct virtio_pci *vp = &virtio_net_pci;

	if (!virtio_pci_init(vp))
		return false;
	virtio_pci_negotiate(vp, WANTED);
	if (!virtio_pci_queue_enable(vp, VIRTIO_NET_RX, &virtio_net_rx_ring, rx_ring_memory) ||
	    !virtio_pci_queue_enable(vp, VIRTIO_NET_TX, &virtio_net_tx_ring, tx_ring_memory))
		panic("virtio-net: the device lacks a queue");
	virtio_net_rx_init(receive, has(NET_F_MRG_RXBUF));
	virtio_pci_driver_ok(vp);
	virtio_net_flush();
	return true;
}

void virtio_net_mac(uint8_t mac[6])
{
	static const uint8_t fallback[6] = { 0x52, 0x54, 0x00, 0x88, 0x00, 0xfe };

	memcpy(mac, fallback, sizeof(fallback));
	for (uint32_t i = 0; has(NET_F_MAC) && i < 6; i++)
		mac[i] = virtio_pci_config8(&virtio_net_pci, CONFIG_MAC + i);
}

uint16_t virtio_net_mtu(void)
{
	return has(NET_F_MTU) ? virtio_pci_config16(&virtio_net_pci, CONFIG_MTU) : MTU_DEFAULT;
}

bool virtio_net_has_tx_csum(void)
{
	return has(NET_F_CSUM);
}

bool virtio_net_link_up(void)
{
	return !has(NET_F_STATUS) ||
	       (virtio_pci_config16(&virtio_net_pci, CONFIG_STATUS) & STATUS_LINK_UP);
}

bool virtio_net_has_irq(void)
{
	return virtio_net_pci.msix;
}

const struct virtio_net_stats *virtio_net_stats(void)
{
	return &virtio_net_counters;
}

uint64_t virtio_net_features(void)
{
	return virtio_net_pci.features;
}

void virtio_net_flush(void)
{
	virtio_net_rx_refill();
	virtio_net_tx_flush();
}

bool virtio_net_may_sleep(bool waiting_for_room)
{
	bool rx = virtio_net_rx_arm();
	bool tx = virtio_net_tx_arm(waiting_for_room);

	return rx && tx;
}

void virtio_net_awake(void)
{
	vring_irq_off(&virtio_net_rx_ring);
}
