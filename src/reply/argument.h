/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/argument.h: the arguments of a handler's action lines, each from the bytes
 * of the line to what the action holds. Every text is changed in place and
 * holds no NUL of its own.
 *
 * Those that return a text return NULL, or what is wrong (a constant text);
 * then nothing was allocated. What they set is the caller's to free(3).
 */
#ifndef PM_REPLY_ARGUMENT_H
#define PM_REPLY_ARGUMENT_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_ARG_MAX_INDEX	2147483647	/* Sendmail reads it as signed */

/*
 * The word up to the first space of *rest, NULL if *rest is. *rest is then
 * what stands behind that space, or NULL if there is none.
 */
char		*reply_arg_word(char **rest);

const char	*reply_arg_text(char *rest, char **text);	/* unescaped, nothing else */
const char	*reply_arg_index(const char *word, uint32_t *index);
const char	*reply_arg_length(const char *word, size_t max, size_t *length);
const char	*reply_arg_header_name(char *word, char **name);
/* Line ends become LF, each of which must be followed by a blank. */
const char	*reply_arg_header_value(char *rest, char **value);
const char	*reply_arg_context_name(char *word, char **name);
const char	*reply_arg_reason(char *rest, char **reason);
/*
 * ADDRESS [ARGUMENTS]: the address always in angle brackets, which may be
 * empty only where null_ok; args NULL where there are none.
 */
const char	*reply_arg_address(char *rest, int null_ok, char **address, char **args);

#endif
