/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/text.h: a first look at the text of a configuration file, before
 * libConfuse has it: libConfuse 3.3 miscounts lines after comments, takes a
 * comment, string or brace that never ends, drops some bytes silently, and
 * stays in a broken state after some mistakes. Pure.
 */
#ifndef PM_CONFIG_TEXT_H
#define PM_CONFIG_TEXT_H

#include <stddef.h>

#define CONF_TEXT_ERRORS	16	/* more are not told */

struct conf_text_error {
	int	 line;
	char	 what[120];
};

/* include("PATH") as it stands in the text: bytes start to end, PATH between. */
struct conf_text_include {
	size_t	 start, end;
	size_t	 path, path_len;
	int	 line;
};

/* NAME = {}: libConfuse doesn't say where it was. */
struct conf_text_empty {
	size_t	 name, name_len;
	size_t	 section;	/* so many had been opened; 0: outside of sections */
	int	 line;
};

/* What libConfuse will stop at: the first token that fits no statement. */
struct conf_text_odd {
	size_t	 word, word_len;	/* a word without sign; 0: something else */
	size_t	 name, name_len;	/* of the statement that it may belong to; 0: none */
	int	 line;			/* 0: all tokens fit */
};

#define CONF_TEXT_QUOTE	"a value with other than letters, digits and ._/:@[]- is quoted"

struct conf_text {
	struct conf_text_error	 errors[CONF_TEXT_ERRORS];
	size_t			 nerrors;
	struct conf_text_include *includes;
	size_t			 nincludes;
	int			*sections;	/* the line of each one's opening brace */
	size_t			 nsections;
	struct conf_text_empty	*empties;
	size_t			 nempties;
	struct conf_text_odd	 odd;
	int			 lines;		/* line feeds in it */
};

/*
 * Blanks the comments, and each CR before a LF, in place, so that every line
 * keeps its number, and looks for what is never closed and for what must be
 * quoted. text[len] must be a NUL. Mistakes are in errors; conf_text_free() frees the rest.
 */
void	 conf_text_scan(char *text, size_t len, struct conf_text *);
void	 conf_text_free(struct conf_text *);

#endif
