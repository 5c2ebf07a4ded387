/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of <stdlib.h> that lwIP uses. */
#pragma once

int atoi(const char *s);
