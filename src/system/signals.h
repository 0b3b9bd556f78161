/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/signals.h: what a process does with signals that nobody asked for.
 */
#ifndef PM_SYSTEM_SIGNALS_H
#define PM_SYSTEM_SIGNALS_H

/*
 * Ignores every signal, but for SIGCHLD, which gets its default, and those by
 * which the kernel tells of a fault of the process itself (SIGSEGV, SIGSYS and the
 * like, SIGQUIT, SIGABRT). A handler may cause a signal by a file that it shares
 * with this process (SIGIO), and a terminal may stop it (SIGTTOU). A program that is
 * executed later inherits what is ignored.
 */
void	 signals_ignore(void);

#endif
