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
 * Makes a list that ends with NULL: the fixed variables of the handler, TMPDIR
 * unless tmpdir is NULL, the handler's option `environment', and the variables
 * of the event: env_len bytes of NAME=VALUE NUL ..., each of which must begin
 * with MILTER_. Nothing else. Returns NULL if env is malformed. The caller
 * frees it.
 */
char	**spawn_env_new(const struct handler_conf *, const char *tmpdir, const char *env,
	    size_t env_len);
void	  spawn_env_free(char **);

#endif
