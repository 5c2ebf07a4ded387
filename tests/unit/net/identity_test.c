/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom a frame of a locked port may claim to be from. */
#include "net/identity.h"

#include "fake.h"

#define OWN   0x0a580012u /* 10.88.0.18 */
#define OTHER 0x0a580011u

static struct packet pkt;
static uint16_t l3;

/* Ethernet from address 1, behind so many VLAN tags. */
static void ethernet(uint16_t type, unsigned int tags)
{
	memset(&pkt, 0, sizeof(pkt));
	pkt.len = pkt.head_len = 100;
	memset(pkt.head, 0xff, 6);
	memset(pkt.head + 6, 1, 6);
	l3 = ETH_HLEN + VLAN_HLEN * tags;
	for (unsigned int i = 0; i < tags; i++)
		put_be16(pkt.head + 12 + VLAN_HLEN * i, ETHERTYPE_VLAN);
	put_be16(pkt.head + l3 - 2, type);
}

static void arp(uint8_t mac, uint32_t ip, unsigned int tags)
{
	ethernet(ETHERTYPE_ARP, tags);
	memcpy(pkt.head + l3, (uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, 2 }, 8);
	memset(pkt.head + l3 + 8, mac, 6);
	put_be32(pkt.head + l3 + 14, ip);
}

static void ip4(uint32_t source, unsigned int tags)
{
	ethernet(ETHERTYPE_IP4, tags);
	pkt.head[l3] = 0x45;
	put_be32(pkt.head + l3 + 12, source);
}

static void test_arp_binds_nothing_to_a_third_station(void **state)
{
	(void)state;
	for (unsigned int tags = 0; tags < 2; tags++) {
		arp(1, OTHER, tags);
		assert_true(identity_holds(&pkt, 0));
		arp(2, OTHER, tags);
		assert_false(identity_holds(&pkt, 0));
		arp(2, OWN, tags);
		assert_false(identity_holds(&pkt, OWN));
	}
	arp(1, OTHER, 0);
	pkt.head[l3 + 4] = 8; /* another length of address: where the sender is, nobody knows */
	assert_false(identity_holds(&pkt, 0));
}

static void test_sender_is_the_own_address(void **state)
{
	(void)state;
	for (unsigned int tags = 0; tags < 2; tags++) {
		arp(1, OWN, tags);
		assert_true(identity_holds(&pkt, OWN));
		arp(1, 0, tags); /* is the address free? */
		assert_true(identity_holds(&pkt, OWN));
		arp(1, OTHER, tags);
		assert_false(identity_holds(&pkt, OWN));
		ip4(OWN, tags);
		assert_true(identity_holds(&pkt, OWN));
		ip4(0, tags); /* DHCP */
		assert_true(identity_holds(&pkt, OWN));
		ip4(OTHER, tags);
		assert_false(identity_holds(&pkt, OWN));
		assert_true(identity_holds(&pkt, 0));
	}
}

/* With an address, what cannot be told may not be sent; without one it may. */
static void test_what_hides_the_sender(void **state)
{
	(void)state;
	ip4(OTHER, 2);
	assert_false(identity_holds(&pkt, OWN));
	assert_true(identity_holds(&pkt, 0));
	put_be16(pkt.head + 12, ETHERTYPE_VLAN_AD);
	assert_false(identity_holds(&pkt, OWN));
	for (unsigned int tags = 0; tags < 2; tags++) {
		ip4(OWN, tags);
		pkt.head_len = l3 + 19;
		assert_false(identity_holds(&pkt, OWN));
		arp(1, OWN, tags);
		pkt.head_len = l3 + 27;
		assert_false(identity_holds(&pkt, OWN));
		assert_false(identity_holds(&pkt, 0));
	}
	ethernet(ETHERTYPE_IP6, 0);
	assert_true(identity_holds(&pkt, OWN));
	ethernet(0x88b5, 0);
	assert_true(identity_holds(&pkt, OWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp_binds_nothing_to_a_third_station),
		cmocka_unit_test(test_sender_is_the_own_address),
		cmocka_unit_test(test_what_hides_the_sender),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
