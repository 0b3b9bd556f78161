/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/status.h: what pipemilterctl(8) is told of the daemon.
 */
#ifndef PM_SUPERVISOR_STATUS_H
#define PM_SUPERVISOR_STATUS_H

#include <stdint.h>
#include <time.h>

#include "supervisor/control.h"
#include "supervisor/engine_set.h"
#include "supervisor/reload.h"

struct status {
	const char	*state;		/* of the daemon: "starting", "running", ... */
	time_t		 started;	/* wall clock */
	const struct reload *reload;
	uint64_t	 engine_failures;
	uint64_t	 end_at;	/* ms of awake_ms(): when engines that drain are ended; 0: no such time */
};

/* Answers `status': a message for the daemon, each engine, listener and handler. */
void	 status_tell(struct control_client *, const struct engine_set *, const struct status *);
/* Answers `processes': a message for each, also of engines that hang or are gone. */
void	 status_processes(struct control_client *, const struct engine_set *);
/* Answers `ping'. */
void	 status_ping(struct control_client *, const struct engine_set *, const struct status *);

#endif
