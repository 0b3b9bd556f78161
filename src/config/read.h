/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/read.h: the text of a configuration, as pipemilter.conf(5) describes it, to
 * its tree. Touches no file: the caller has them.
 */
#ifndef PM_CONFIG_READ_H
#define PM_CONFIG_READ_H

#include "base/buf.h"
#include "config/errors.h"
#include "config/tree.h"

struct conf_reader {
	/* The caller sets these. */
	struct conf_source	*src;		/* its files grow while they are read */
	struct conf_tree	*tree;		/* empty */
	struct conf_errors	*errors;
	int			 (*is_option)(enum section_kind, const char *name);
	/* Reads by conf_read_file() what an include at this place asks for. */
	void			 (*include)(struct conf_reader *, const char *path, int at);
	const struct open_file	*open;		/* of config/source.c */
	/* The others are the reader's, zero at first. */
	int			 failed;	/* a mistake was logged */
	int			 next;		/* place of the next byte, less 1 */
	int			 mistakes;	/* in the text at hand */
	struct buf		 word;		/* the token */
	int			 state;
	struct conf_section	 now;		/* the section that is open, if one is */
	struct conf_stmt	 stmt;		/* the last statement: name, place of the name */
	struct conf_stmt	 name;		/* the same of the word that may begin one */
	enum section_kind	 kind;		/* that the name begins, or SEC_KINDS */
	int			 quoted;	/* the name is */
	int			 known;		/* the name is one of an option */
	int			 adding;	/* its values are added to what is there */
	int			 list;		/* the place of the brace */
	int			 unknown;	/* so many names were */
};

/*
 * Reads src->files[file]. What is no text of this language (an unclosed string, a byte
 * that must be quoted) is logged as it is found, and sets failed; other mistakes go to
 * errors, and after one of the grammar the rest of the text gives nothing more.
 */
void	 conf_read_file(struct conf_reader *, size_t file);
/* After the last one. 0, or -1: the grammar was followed to a mistake only. */
int	 conf_read_end(struct conf_reader *);
/* Logs a mistake of the text; of those of one file, all after the first 16 are left out. */
void	 conf_read_mistake(struct conf_reader *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
