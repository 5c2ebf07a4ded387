/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "twin/interface.h"

#include "twin/native.h"
#include "twin/native_skb.h"

uint64_t interface_features(void)
{
	const uint8_t *p = pool_dvm_ptr(twin_att.netdev + K_NET_DEVICE_FEATURES, 8);

	return p ? field_get(p, 0, 8) : 0;
}

bool interface_has(uint64_t features)
{
	return (interface_features() & features) == features;
}
