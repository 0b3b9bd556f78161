/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/snapshot.h: the answer to `status', or to `processes'.
 */
#ifndef PM_CTL_SNAPSHOT_H
#define PM_CTL_SNAPSHOT_H

#include <stddef.h>

#include "system/control_msg.h"

/* Messages of one type, with texts of their own. */
struct snapshot_list {
	struct control_msg	*msgs;
	size_t			 n;
};

struct snapshot {
	struct snapshot_list	 daemon, engines, listeners, handlers;
	struct snapshot_list	 processes;
};

/* Asks the daemon at this socket. Returns CONTROL_OK, or the exit status, told. */
int	 snapshot_take(struct snapshot *, const char *path);
int	 snapshot_take_processes(struct snapshot *, const char *path);
void	 snapshot_free(struct snapshot *);
/* The number of answers, and of failures, of a handler. */
uint64_t snapshot_answers(const struct control_handler *);
uint64_t snapshot_failures(const struct control_handler *);

#endif
