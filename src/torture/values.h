/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/values.h: values that are legal in mail and that handlers get wrong,
 * and how to find out what a handler made of them. Pure.
 */
#ifndef PM_TORTURE_VALUES_H
#define PM_TORTURE_VALUES_H

#include <stddef.h>

#include "base/buf.h"

/* A word that only mail says, in a verdict. */
#define TORTURE_SPOKEN	"mailspoke"
/* The name of a file that no mail has, and a pattern that matches it. */
#define TORTURE_GLOBBED	"glob-was-expanded"
#define TORTURE_GLOB	"gl*-was-exp*"

struct torture_value {
	unsigned int	 number;
	const char	*about;		/* a constant text */
	char		*text;		/* for a header, malloc'd; LF only in folds */
	char		*quoted;	/* as a local part, with its quotes */
	int		 twin;		/* 1: the next value differs only in meaning */
};

size_t	 torture_values_count(void);
/*
 * Makes the value of this number. dir is an absolute path without blanks: a
 * command in the value, if it runs, makes the file torture_canary() there. Free
 * it with torture_value_free().
 */
void	 torture_value_make(struct torture_value *, unsigned int number, const char *dir);
void	 torture_value_free(struct torture_value *);
#define TORTURE_CANARY_SIZE	32
/* Writes the name of that file, without its directory. */
void	 torture_canary(unsigned int number, char name[TORTURE_CANARY_SIZE]);

/*
 * Looks for the value in text that a handler wrote. Returns NULL if it is not
 * there, is unchanged, or changed in a way that may be meant. Else returns the
 * likely cause (a constant text) and sets *got and *got_len to what it became.
 */
const char *torture_mangled(const struct torture_value *, const char *text,
	    const char **got, size_t *got_len);

#endif
