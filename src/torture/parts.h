/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* torture/parts.h: what the parts of milter-send --torture share. */
#ifndef PM_TORTURE_PARTS_H
#define PM_TORTURE_PARTS_H

#include "torture/torture.h"
#include "torture/mail.h"
#include "torture/report.h"
#include "session/session.h"

struct torture {
	const struct torture_options	*options;
	struct torture_report		 report;
	struct conf			*conf;
	struct runtime			*runtime;	/* its directory for temporary files */
	struct handler_conf		*handler;	/* the only one in conf */
	struct negotiated		 neg;
	const char			*missing[1];
	struct torture_value		*values;
	size_t				 nvalues;
	char				*dir;		/* of the canaries */
	const char			*given;		/* kind of the values tried, or NULL */
	char				*around;	/* around its copies of TORTURE_LONG */
	int				 said;		/* the handler wrote something or failed */
	uint64_t			 began;		/* ms */
	int				 hopeless;	/* it does not answer: try nothing more */
	int				 broken;	/* we can't go on */
};

/* 1 if a process of the handler may serve more than one event. */
int	 torture_lasts(const struct torture *);
/* 1 if there is no sense in going on. Tells of a handler that is too slow. */
int	 torture_is_over(struct torture *);

#endif
