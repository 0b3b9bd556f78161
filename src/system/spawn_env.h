/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn_env.h: the environment of a handler process.
 */
#ifndef PM_SYSTEM_SPAWN_ENV_H
#define PM_SYSTEM_SPAWN_ENV_H

#include <stddef.h>

#include "config/conf.h"

/*
 * The fixed variables of the handler, its option `environment', and the
 * event's own: env_len bytes of NAME=VALUE NUL ..., of which each must begin
 * with MILTER_. Nothing else. Returns a NULL-terminated list, or NULL where
 * env is malformed.
 */
char	**spawn_env_new(const struct handler_conf *, const char *tmpdir, const char *env,
	    size_t env_len);
void	  spawn_env_free(char **);

#endif
