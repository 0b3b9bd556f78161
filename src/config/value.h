/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/value.h: makes values of the configuration from text. Each function returns 0, or
 * -1 with *why: a constant text that says what was expected.
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
 * A verdict of on-failure and others, with code and text. Completes the SMTP reply. A
 * reply that would have to be corrected is a mistake. The caller frees the reply after a
 * success.
 */
int	 conf_value_outcome(const char *, struct outcome *, const char **why);
/* 'STATUS=VERDICT ...', STATUS 0 to 255 or *. */
int	 conf_value_exit_rule(const char *, struct exit_rule *, const char **why);

int	 conf_value_facility(const char *, int *, const char **why);
int	 conf_value_log_level(const char *, int *, const char **why);

/*
 * 'STAGE={name} {name} x'. Puts the names into macros[STAGE]. Names of more than one
 * letter have braces there.
 */
int	 conf_value_macros(const char *, char **macros, const char **why);
/*
 * 'NAME=VALUE', or NAME, which takes the value of the daemon's environment. Returns 1 if
 * the daemon has none.
 */
int	 conf_value_environment(const char *, struct env_setting *, const char **why);

#endif
