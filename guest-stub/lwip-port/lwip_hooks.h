/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where lwIP hands over what it does not know. */
#pragma once

#include "apps/raw_frame.h"

#define LWIP_HOOK_UNKNOWN_ETH_PROTOCOL(frame, netif) raw_frame_input(frame)
