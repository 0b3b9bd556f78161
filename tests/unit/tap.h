/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * tap.h: a test program in TAP. A failed check prints its expression and place;
 * then the program's status is 1.
 */
#ifndef PM_TAP_H
#define PM_TAP_H

#include <stddef.h>

/* One test: printed as "ok N - name" or "not ok N - name". */
#define CHECK(cond, name)	tap_check((cond) != 0, (name), #cond, __FILE__, __LINE__)
#define CHECK_STR(got, want, name) tap_str((got), (want), (name), __FILE__, __LINE__)
#define CHECK_MEM(got, gotlen, want, wantlen, name) \
	tap_mem((got), (gotlen), (want), (wantlen), (name), __FILE__, __LINE__)

void	 tap_check(int ok, const char *name, const char *expr, const char *file, int line);
void	 tap_str(const char *got, const char *want, const char *name, const char *file, int line);
void	 tap_mem(const void *got, size_t gotlen, const void *want, size_t wantlen,
	    const char *name, const char *file, int line);
/* Prints the plan; main returns it. */
int	 tap_done(void);

/*
 * Returns a copy of len bytes that ends right before an unreadable page, so
 * that reading one byte too many ends the program. The copy is valid until
 * seven further calls were made.
 */
const void *guarded(const void *, size_t len);
/*
 * Writes the bytes of "0a 0B0c" (blanks are ignored) to bytes, which must have
 * the room. Returns their number.
 */
size_t	 unhex(const char *hex, unsigned char *bytes);

#endif
