/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/engine.h: the process that talks with MTAs and handlers, seen from
 * outside: one function that runs it.
 */
#ifndef PM_ENGINE_ENGINE_H
#define PM_ENGINE_ENGINE_H

#include "base/compat.h"
#include "config/conf.h"
#include "store/board.h"
#include "system/runtime.h"

/*
 * Runs engine number index (from 0) until it has drained, or until the
 * supervisor is gone; then it calls exit(3). The supervisor calls it in the
 * forked child, once that has dropped its privileges. listen_fds has one
 * listening socket for each of conf->listens; ipc_fd is the channel to the
 * supervisor. Sets the signals of the process up: all are unblocked, and those
 * that would end it from a terminal or a service manager are ignored.
 */
void	 engine_run(const struct conf *, const struct runtime *, const int *listen_fds, int ipc_fd,
	    unsigned int index, struct board *) NO_RETURN;

#endif
