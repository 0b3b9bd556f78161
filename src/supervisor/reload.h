/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/reload.h: takes a new configuration: another process reads it, then this one;
 * sockets and directories are made; new engines start, and serve in the place of those that
 * are there. Until these are ready nothing has changed, and a mistake is told and
 * undone. One reload at a time; nothing here waits.
 */
#ifndef PM_SUPERVISOR_RELOAD_H
#define PM_SUPERVISOR_RELOAD_H

#include <stdint.h>
#include <time.h>

#include "supervisor/engine_set.h"

enum reload_step {
	RELOAD_NONE,
	RELOAD_READING,		/* another process reads the configuration */
	RELOAD_STARTING,	/* the new engines are not ready yet */
	RELOAD_SWITCHING,	/* old engines still accept connections */
	RELOAD_UNDOING		/* the new engines end */
};

struct reload {
	struct engine_set	*engines;
	enum reload_step	 step;
	int			 wanted;	/* another one, after this */
	uint64_t		 give_up_at;	/* ms: the step takes too long then; MONO_NEVER: it can't */
	struct generation	*new, *old;	/* while there is a step; NULL: it is gone */
	uint64_t		 done, failed;	/* how many */
	time_t			 read;		/* wall clock: when the configuration was */
	char			*error;		/* of the last that failed, if none was done since; NULL */
};

void	 reload_init(struct reload *, struct engine_set *);
void	 reload_free(struct reload *);
/* A reload is wanted: it begins when none goes on. */
void	 reload_ask(struct reload *);
/*
 * Does what is due, and with may_begin begins a reload that is wanted. Returns 1 if a new generation
 * serves from now on.
 */
int	 reload_run(struct reload *, uint64_t now, int may_begin);
/* When to call that again at the latest, in ms, or MONO_NEVER. */
uint64_t reload_next(const struct reload *, int may_begin);
/* The process that reads the configuration has been reaped. */
void	 reload_read(struct reload *, int status);
/* An engine has ended, and is still in its generation. */
void	 reload_engine_ended(struct reload *, const struct engine_proc *);
/* A generation is going to be freed. */
void	 reload_forget(struct reload *, const struct generation *);
/* Whatever goes on, or is wanted, is not done. why: for those who wait. */
void	 reload_give_up(struct reload *, const char *why);
/* The rest of a line for a service manager: "; reload failed: ..." or "". */
const char *reload_failure(const struct reload *, char *text, size_t size);

#endif
