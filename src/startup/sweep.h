/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/sweep.h: removes directories that other users could write.
 */
#ifndef PM_STARTUP_SWEEP_H
#define PM_STARTUP_SWEEP_H

/*
 * Removes an entry of a directory of our own, with all in it that can be removed. No
 * link is followed, no mount entered. As root each directory is emptied with the
 * rights of its owner only, and one that belongs to root is left if it is not
 * empty, unless the whole entry is root's. This may hang: call it in a process of
 * its own (base/within.h). Returns 0, or -1 if something is left.
 */
int	 sweep_entry(int parent, const char *name);

#endif
