/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn.h: starts handler processes.
 */
#ifndef PM_SYSTEM_SPAWN_H
#define PM_SYSTEM_SPAWN_H

#include "config/conf.h"
#include "system/ipc_msg.h"
#include "system/starter.h"

#define SPAWN_MS	10000	/* a start that takes longer has failed */

struct spawned {
	pid_t		 pid;		/* and process group */
	int		 fds[3];	/* our ends of its stdin, stdout, stderr: close-on-exec,
					   non-blocking */
	int		 notes;		/* what pipemilter-start tells, non-blocking; -1: over */
	int		 error;		/* errno of the step that failed */
	enum ipc_stage	 stage;
};

/* What the file of this index looks like. */
typedef void	 spawn_seen(void *arg, uint32_t index, const struct file_look *);

/*
 * Finds the program pipemilter-start, once, at a path, or (NULL) next to our own
 * program or where it is installed. Returns 0, or -1, logged.
 */
int	 spawn_setup(const char *path);
/*
 * Begins to start the handler's command, or its hook for an event, in a process
 * group of its own, with its user, limits, directory and umask, all signals at
 * their default, descriptors 0 to 2 and no other, on one CPU if cpu is not -1. env
 * is what ipc_msg carries (NULL with a length of 0: nothing), to which the
 * handler's fixed variables are added, among them tmpdir. The process ends when this one does. With
 * look its files are looked at as they are when it is executed. Returns 0,
 * or -1 with error and stage; then there is no process. Blocks all signals for
 * its own duration only, and waits for nothing that the handler's user can
 * delay. What is done with a signal must not change after the first call.
 */
int	 spawn_begin(const struct handler_conf *, const char *tmpdir, enum event_kind,
	    const char *env, size_t env_len, int cpu, int look, struct spawned *);
/*
 * How far a start has come: 1 if the handler runs, or has ended already, 0 if
 * that is not known yet (notes can be polled), -1 with error and stage if it
 * failed; then all descriptors are closed. The caller reaps in any case. seen may
 * be NULL.
 */
int	 spawn_status(struct spawned *, spawn_seen *seen, void *arg);
/* Starts a process that looks at files. spawn_status(): 1 when it has ended. Returns 0 or -1. */
int	 spawn_look(char *const *paths, struct spawned *);
/* Closes what is open of it. */
void	 spawn_close(struct spawned *);
/*
 * For those who have nothing else to do: begins, and waits until the handler
 * runs, for SPAWN_MS at most. Returns 0, or -1 with error and stage; then the
 * process has been reaped.
 */
int	 spawn(const struct handler_conf *, const char *tmpdir, enum event_kind, const char *env,
	    size_t env_len, int cpu, struct spawned *);

#endif
