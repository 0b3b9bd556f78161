/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox.c: a seccomp filter and a limit against new processes.
 */
#include "base/compat.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <stddef.h>

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#endif

#include "base/log.h"
#include "system/sandbox.h"

/* LeakSanitizer starts a process at exit, so a build with it has no filter and no limit. */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER	1
#endif
#endif

#ifndef WITH_SANITIZER
#ifdef HAVE_LIBSECCOMP

/* EPERM, not a signal: a library that tries gets an error that it can handle. */
static void
forbid_processes(void)
{
	static const int	 calls[] = {
		SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
		SCMP_SYS(execve), SCMP_SYS(execveat),
	};
	scmp_filter_ctx		 ctx;
	size_t			 i;
	int			 err;

	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		fatalx("seccomp_init failed");
	for (i = 0; i < nitems(calls); i++)
		if ((err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
		    calls[i], 0)) != 0) {
			errno = -err;
			fatal("seccomp_rule_add");
		}
	/* ENOSYS is what an old kernel says: libc uses clone(2) then. */
	if ((err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
	    SCMP_SYS(clone3), 0)) != 0) {
		errno = -err;
		fatal("seccomp_rule_add clone3");
	}
	if ((err = seccomp_load(ctx)) != 0) {
		errno = -err;
		fatal("seccomp_load");
	}
	seccomp_release(ctx);
}

#else

static void
forbid_processes(void)
{
}

#endif

static void
limit_processes(void)
{
	struct rlimit	 none = { 0, 0 };

	if (setrlimit(RLIMIT_NPROC, &none) == -1)
		fatal("setrlimit RLIMIT_NPROC");
	forbid_processes();
}

#else

static void
limit_processes(void)
{
}

#endif

void
sandbox_engine(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl PR_SET_NO_NEW_PRIVS");
	limit_processes();
}
