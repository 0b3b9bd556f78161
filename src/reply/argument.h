/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/argument.h: the arguments of a handler's action lines, from the bytes
 * of the line to the members of the action. Pure. The functions change each
 * text in place; it has no NUL inside.
 *
 * Functions that return const char * return NULL, or what is wrong (a constant
 * text); then nothing was allocated. The caller frees what they set with
 * free(3).
 */
#ifndef PM_REPLY_ARGUMENT_H
#define PM_REPLY_ARGUMENT_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_ARG_MAX_INDEX	2147483647	/* Sendmail reads an index as a signed number */

/*
 * Returns the word up to the first space of *rest, or NULL if *rest is NULL.
 * Sets *rest to what follows that space, or to NULL if there is none.
 */
char		*reply_arg_word(char **rest);

const char	*reply_arg_text(char *rest, char **text);	/* only unescaped */
const char	*reply_arg_index(const char *word, uint32_t *index);
const char	*reply_arg_length(const char *word, size_t max, size_t *length);
/* Printable ASCII without a colon. */
const char	*reply_arg_header_name(char *word, char **name);
/* Line ends become LF; a blank must follow each. */
const char	*reply_arg_header_value(char *rest, char **value);
/* A letter and up to 63 letters, digits, _ and -. */
const char	*reply_arg_context_name(char *word, char **name);
/* Line ends become blanks; it may not be blank altogether. */
const char	*reply_arg_reason(char *rest, char **reason);
/*
 * ADDRESS [ARGUMENTS]. The address is stored in angle brackets, which may be
 * empty only if null_ok is set. args is NULL if there are none.
 */
const char	*reply_arg_address(char *rest, int null_ok, char **address, char **args);

#endif
