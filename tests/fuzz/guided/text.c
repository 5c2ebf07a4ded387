/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse_u64() of hv/lib/string.c. The rest of that file gets other names: its copies are assembly,
 * into which the sanitizer does not see, so harnesses use the C library's.
 */
#include "tests/unit/lib/names.h"

#include "hv/lib/string.c"
