/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lwIP includes <stdio.h> but, as configured, uses nothing of it. */
#pragma once
