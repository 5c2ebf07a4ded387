/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error numbers of functions that may fail; they return the negative value. The numbers are
 * Linux's.
 */
#ifndef HV_LIB_ERRNO_H
#define HV_LIB_ERRNO_H

#define ENOENT     2
#define EIO        5
#define E2BIG      7
#define EAGAIN     11
#define ENOMEM     12
#define EFAULT     14
#define EBUSY      16
#define EEXIST     17
#define ENODEV     19
#define EINVAL     22
#define ENOSPC     28
#define ERANGE     34
#define ENOSYS     38
#define EPROTO     71
#define EOPNOTSUPP 95

#endif
