/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/value.h: values of the configuration, from text. Each returns 0, or -1
 * with *why: a constant text that says what was expected.
 */
#ifndef PM_CONFIG_VALUE_H
#define PM_CONFIG_VALUE_H

#include <stdint.h>

#include "base/compat.h"
#include "config/conf.h"

int	 conf_value_duration(const char *, uint64_t *ms, const char **why);
int	 conf_value_size(const char *, uint64_t *, const char **why);
int	 conf_value_octal(const char *, uint64_t *, const char **why);
int	 conf_value_number(const char *, uint64_t *, const char **why);

/*
 * A verdict of on-failure and its kin, with code and text; the reply is
 * completed, and one that would have to be mended is a mistake. On success
 * the reply is the caller's to free.
 */
int	 conf_value_outcome(const char *, struct outcome *, const char **why);
/* 'STATUS=VERDICT ...', STATUS 0 to 255 or *. */
int	 conf_value_exit_rule(const char *, struct exit_rule *, const char **why);

int	 conf_value_facility(const char *, int *, const char **why);
int	 conf_value_log_level(const char *, int *, const char **why);

/*
 * 'STAGE={name} {name} x': adds to macros[] under its stage, each name but
 * one-letter ones in braces.
 */
int	 conf_value_macros(const char *, char **macros, const char **why);
/*
 * 'NAME=VALUE', or NAME of the daemon's environment: then 1 if it has none.
 */
int	 conf_value_environment(const char *, struct env_setting *, const char **why);

#endif
