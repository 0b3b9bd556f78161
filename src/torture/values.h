/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_values.h: values that are legal in mail and that handlers get
 * wrong, and what became of one that a handler has written again. Pure.
 */
#ifndef PM_TORTURE_VALUES_H
#define PM_TORTURE_VALUES_H

#include <stddef.h>

#include "base/buf.h"

/* What stands for a verdict that mail has spoken. */
#define TORTURE_SPOKEN	"mailspoke"
/* A file whose name no mail has, and the pattern that finds it. */
#define TORTURE_GLOBBED	"glob-was-expanded"
#define TORTURE_GLOB	"gl*-was-exp*"

struct torture_value {
	unsigned int	 number;
	const char	*about;		/* a constant text */
	char		*text;		/* as a header has it, malloc'd; LF only where it folds */
	char		*quoted;	/* as the local part of an address, with its quotes */
	int		 twin;		/* 1: the next one differs in nothing but its sense */
};

size_t	 torture_values_count(void);
/*
 * The value of this number. dir is an absolute path without blanks: a command
 * that runs out of the value makes the file torture_canary() in it.
 */
void	 torture_value_make(struct torture_value *, unsigned int number, const char *dir);
void	 torture_value_free(struct torture_value *);
#define TORTURE_CANARY_SIZE	32
/* Writes the name of that file, without its directory. */
void	 torture_canary(unsigned int number, char name[TORTURE_CANARY_SIZE]);

/*
 * Looks in text, which a handler has written, for the value. Returns NULL if
 * it is not there, or as it was, or changed in a way that may be meant; else
 * the likely cause (a constant text), with in *got and *got_len what it became.
 */
const char *torture_mangled(const struct torture_value *, const char *text,
	    const char **got, size_t *got_len);

#endif
