/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/control_msg.h: what the supervisor and pipemilterctl(8) send each other over the
 * control socket, as bytes. Pure. One message is one packet of a SOCK_SEQPACKET socket.
 *
 * A request is text: the version, a space, and the words of a command with spaces between
 * them; a space within a word is sent as CONTROL_SPACE. Messages answer it, and CONTROL_END is
 * the last. Both programs are of one version, or the daemon answers with CONTROL_ERROR and
 * CONTROL_END alone; these two never change. Nothing ends the answer to `watch' but the end of
 * the daemon: after CONTROL_WATCHING each engine sends, and none of them is to be believed. The
 * supervisor then sends CONTROL_RUN_GONE alone.
 */
#ifndef PM_SYSTEM_CONTROL_MSG_H
#define PM_SYSTEM_CONTROL_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/numbers.h"

#define CONTROL_SPACE		'\037'
#define CONTROL_MAX_REQUEST	1024	/* bytes */
#define CONTROL_MAX_MSG		65536	/* bytes of an answer */
#define CONTROL_TEXTS		4	/* at most, in one message */

/* The exit statuses of pipemilterctl(8); CONTROL_END has one. */
#define CONTROL_OK		0
#define CONTROL_FAILED		1	/* or something is not as it should be */
#define CONTROL_USAGE		2
#define CONTROL_NO_DAEMON	3
#define CONTROL_NOT_ALLOWED	4

enum control_type {
	CONTROL_END,		/* value: the exit status */
	CONTROL_ERROR,		/* text: for standard error */
	CONTROL_TEXT,		/* text: for standard output */
	CONTROL_DAEMON,		/* texts: version, state, file, error of the last reload */
	CONTROL_ENGINE,		/* text: state */
	CONTROL_LISTENER,	/* text: its socket, as configured */
	CONTROL_HANDLER,	/* text: its name */
	CONTROL_PROCESS,	/* texts: its handler, state, "SESSION QUEUE-ID" or "" */
	CONTROL_WATCHING,	/* from here on lines of sessions come, from engines */
	CONTROL_LINE,		/* texts: "SESSION QUEUE-ID", and the line */
	CONTROL_LOST,		/* values: lines, and ends of sessions, that there was no room for */
	CONTROL_GONE,		/* text: the id of a session that was shown and is over */
	CONTROL_RUN_GONE,	/* text: what the ids of all sessions of an engine that has ended begin with */
	CONTROL_TYPES
};

/* Values are uint64_t without exception: they are sent as an array. Times are s since 1970, unless told. */
struct control_daemon {
	uint64_t		 pid, started, read, reloads, failed_reloads;
	uint64_t		 kept, kept_limit;	/* bytes */
	uint64_t		 engine_failures;
	struct numbers_engine	 numbers;
};

struct control_engine {
	uint64_t		 number, pid, started;
	uint64_t		 last_turn;	/* ms ago */
	uint64_t		 connections, sessions;
	uint64_t		 left;		/* ms until it is ended; 0: no such time */
};

struct control_listener {
	uint64_t		 connections, limit;
	struct numbers_listener	 numbers;
};

/* What the supervisor knows of the processes of a handler. */
struct control_life {
	uint64_t		 starts, zero, status, signal;	/* ends, by exit status */
	uint64_t		 cpu;		/* us, of those that have ended */
	uint64_t		 max_resident;	/* bytes, of the largest that has ended */
};

struct control_handler {
	uint64_t		 shadow;	/* 1 or 0 */
	uint64_t		 limit;		/* of its processes */
	uint64_t		 events;	/* EV_BITs that it answers */
	uint64_t		 backoff;	/* ms until a process may be started; 0: now */
	struct control_life	 life;
	struct numbers_load	 load;
	struct numbers_handler	 numbers;
};

struct control_process {
	uint64_t		 pid, engine;
	uint64_t		 age;		/* ms: for so long it does what it does */
	uint64_t		 uses;		/* scopes that it was ever given */
	uint64_t		 event;		/* enum event_kind: what it is asked; EV_COUNT: nothing */
};

struct control_line {
	uint64_t		 time;		/* ms since 1970 */
};

struct control_lost {
	uint64_t		 lines, sessions;
};

struct control_msg {
	enum control_type	 type;
	const char		*text[CONTROL_TEXTS];
	union {
		uint64_t		 all[1];	/* as an array, of the size of its type */
		uint64_t		 status;
		struct control_daemon	 daemon;
		struct control_engine	 engine;
		struct control_listener	 listener;
		struct control_handler	 handler;
		struct control_process	 process;
		struct control_line	 line;
		struct control_lost	 lost;
	} u;
};

/* How many texts a message of this type has. */
unsigned int	 control_msg_texts(enum control_type);
/* Appends the message to out. A NULL text is sent as an empty one. */
void		 control_msg_enc(struct buf *out, const struct control_msg *);
/*
 * Decodes exactly len bytes; the texts point into them. Returns 0, or -1 if anything is
 * missing or left over.
 */
int		 control_msg_dec(const void *, size_t len, struct control_msg *);

#endif
