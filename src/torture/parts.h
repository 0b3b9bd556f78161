/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_int.h: what the drivers of milter-send --torture share.
 */
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
	struct handler_conf		*handler;	/* the only one of conf */
	struct negotiated		 neg;
	const char			*missing[1];
	struct torture_value		*values;
	size_t				 nvalues;
	char				*dir;		/* canaries appear here */
	const char			*given;		/* of what kind the values in hand are, or NULL */
	char				*around;	/* what it put around a copy of the long header */
	int				 said;		/* it has said something, or ended badly */
	uint64_t			 began;		/* ms */
	int				 hopeless;	/* it does not answer: nothing more is tried */
	int				 broken;	/* we could not go on */
};

/* 1 if the handler keeps its process after an event. */
int	 torture_lasts(const struct torture *);
/* 1 if there is no sense in going on. */
int	 torture_is_over(struct torture *);

#endif
