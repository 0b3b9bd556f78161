/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox.c: what the sandbox is made of, and what is missing of it.
 */
#include "base/compat.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "system/sandbox.h"
#include "system/sandbox_int.h"

/*
 * LeakSanitizer makes itself a process at exit and reads /proc, so a build with
 * it goes without.
 */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER	1
#endif
#endif
#ifndef WITH_SANITIZER
#define WITH_SANITIZER	0
#endif

void
sandbox_tell_missing(void)
{
	const char	*why;

	if (WITH_SANITIZER) {
		log_debug("a build with sanitizers has no sandbox");
		return;
	}
	if ((why = sandbox_calls_missing()) != NULL)
		log_warnx("sandbox: no filter of system calls (%s): only limits and the user of "
		    "the engines hold back an engine that is taken over", why);
	if ((why = sandbox_files_missing()) != NULL)
		log_warnx("sandbox: no Landlock (%s): an engine that is taken over can open the "
		    "files that its user may", why);
}

void
sandbox_engine(const struct sandbox_dir *dirs, size_t ndirs)
{
	struct rlimit	 none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("prctl PR_SET_NO_NEW_PRIVS");
	if (WITH_SANITIZER)
		return;
	if (setrlimit(RLIMIT_NPROC, &none) == -1)
		fatal("setrlimit RLIMIT_NPROC");
	if (sandbox_files_missing() == NULL)
		sandbox_files_limit(dirs, ndirs);
	if (sandbox_calls_missing() == NULL)
		sandbox_calls_limit(ndirs > 0);
}
