/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/watchers.h: clients of the control socket that watch sessions. Each engine gets
 * the descriptor of the client, and sends lines there by itself.
 */
#ifndef PM_SUPERVISOR_WATCHERS_H
#define PM_SUPERVISOR_WATCHERS_H

#include "config/conf.h"
#include "supervisor/control.h"
#include "supervisor/engine_proc.h"

/* Sends a message to all engines that serve, with a copy of the descriptor; -1: none. */
typedef void watchers_tell(void *arg, const struct ipc_msg *, int fd);

void	 watchers_init(watchers_tell *, void *arg);
/*
 * Answers `watch'. words: those of the command, NULL-terminated, after its verb; each as
 * IPC_WATCH has it. A mistake in them is told.
 */
void	 watchers_begin(struct control_client *, char **words, const struct conf *);
/* An engine serves now: it is told of all. */
void	 watchers_tell_new(struct engine_proc *);
/* An engine has ended: clients are told that its sessions are over. */
void	 watchers_engine_gone(const struct engine_proc *);

#endif
