/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/ipc_msg.h: the messages between supervisor and engine, as bytes. Pure.
 * One message is one packet of a SOCK_SEQPACKET socket.
 *
 * The engine names what to run by numbers that both sides know from the
 * configuration, never by a path or a user.
 */
#ifndef PM_SYSTEM_IPC_MSG_H
#define PM_SYSTEM_IPC_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum ipc_type {
	/* engine to supervisor */
	IPC_READY,	/* it waits for IPC_SERVE */
	IPC_SPAWN,	/* id, handler, event, environment */
	IPC_KILL,	/* id, signal number: TERM or KILL, to the group */
	IPC_LOG,	/* nobody receives what it logs: connect its socket again */
	IPC_RETIRED,	/* what IPC_RETIRE asks for is done: it accepts no more */
	/* supervisor to engine */
	IPC_SERVE,	/* accept connections */
	IPC_SPAWNED,	/* id, pid; with three descriptors: stdin, stdout, stderr */
	IPC_FAILED,	/* id, errno, stage: it could not be started */
	IPC_EXITED,	/* id, wait status as wait(2) has it */
	IPC_DRAIN,	/* accept no more, finish what is open, end */
	IPC_RETIRE,	/* the same for an engine that others replace: idle processes end, too */
	IPC_ANSWER,	/* answer what is open without the handlers, end */
	IPC_RECLAIM,	/* handler: end one process as soon as it is idle */
	IPC_FREED,	/* handler: a start refused with IPC_STAGE_LIMIT may be tried again */
	IPC_STALE,	/* handler: its files have changed, end its processes when they are idle */
	IPC_WATCH,	/* id, environment; with a descriptor: somebody watches sessions (below) */
	IPC_UNWATCH,	/* id: nobody does any more */
	IPC_TYPE_COUNT
};

/*
 * The environment of IPC_WATCH says which sessions are watched, and how: words that begin with
 * v (also what handlers are asked and answer), cNETWORK, fPATTERN (of the sender), rPATTERN (of
 * a recipient), hHANDLER. What is to be shown goes to the descriptor, as messages of
 * system/control_msg.h.
 */
#define IPC_MAX_WATCHES	4	/* at a time */

#define IPC_MAX_ENV	(128 * 1024)	/* bytes of environment in one message */
#define IPC_MAX_MSG	(IPC_MAX_ENV + 64)
#define IPC_MAX_FDS	3

/* The step of a start that failed. */
enum ipc_stage {
	IPC_STAGE_PIPE, IPC_STAGE_FORK, IPC_STAGE_SETUP, IPC_STAGE_EXEC,
	IPC_STAGE_LIMIT,	/* `processes' run already, in all engines together */
	IPC_STAGE_COUNT
};

struct ipc_msg {
	enum ipc_type	 type;
	uint64_t	 id;		/* of a process: the engine makes it (store/slots.h); or of who watches */
	uint32_t	 handler;	/* index into conf.handlers */
	uint32_t	 event;		/* enum event_kind: the hook to run */
	int32_t		 value;		/* pid, errno, wait status or signal */
	uint32_t	 stage;		/* enum ipc_stage */
	const char	*env;		/* NAME=VALUE NUL ...; the supervisor does not look inside */
	size_t		 env_len;
};

/* Appends the message to out. An environment above IPC_MAX_ENV sets out->err. */
void	 ipc_msg_enc(struct buf *out, const struct ipc_msg *);
/*
 * Decodes exactly len bytes; msg->env points into them. Returns 0, or -1 if
 * anything is missing, left over, or out of range.
 */
int	 ipc_msg_dec(const void *, size_t len, struct ipc_msg *);

#endif
