/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/signals.c: ignores the signals that nobody asked for.
 */
#include "base/compat.h"

#include <signal.h>

#include "system/signals.h"

/* 1 if the default of a signal is what we want. */
static int
keeps_default(int sig)
{
	switch (sig) {
	case SIGABRT:
	case SIGBUS:
	case SIGCHLD:
	case SIGFPE:
	case SIGILL:
	case SIGQUIT:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
		return 1;
	default:
		return 0;
	}
}

void
signals_ignore(void)
{
	int	 sig;

	/* The C library has signals of its own below SIGRTMIN, and refuses them. */
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (keeps_default(sig))
			(void)signal(sig, SIG_DFL);
		else
			(void)signal(sig, SIG_IGN);
}
