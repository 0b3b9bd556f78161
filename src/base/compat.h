/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/compat.h: every source file includes it first. It defines what libbsd
 * and glibc leave out.
 */
#ifndef PM_BASE_COMPAT_H
#define PM_BASE_COMPAT_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <sys/types.h>
#include <sys/queue.h>

/* libbsd's RB_*_STATIC macros use __unused, and glibc does not define it. */
#ifndef __unused
#define __unused __attribute__((__unused__))
#endif

#define PRINTF_LIKE(fmt, args) __attribute__((__format__(printf, fmt, args)))
#define NO_RETURN __attribute__((__noreturn__))

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#endif
