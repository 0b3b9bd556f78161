/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/control.h: the clients of the control socket (system/control_msg.h). Nothing
 * here waits for a client, and a client that does nothing, or does not read, is closed.
 */
#ifndef PM_SUPERVISOR_CONTROL_H
#define PM_SUPERVISOR_CONTROL_H

#include <poll.h>
#include <stdint.h>

#include "system/control_msg.h"

struct control_client;

/*
 * A request. words: those of the command, NULL-terminated, the first of them its verb. all: the
 * client may do everything, not only look. The answer is given by the functions below,
 * before the call returns or later.
 */
typedef void control_request(void *arg, struct control_client *, char **words, int all);

/* fd: the socket, which listens; -1: there is none, and all functions do nothing. */
void	 control_init(int fd, control_request *, void *arg);
/* Closes all. For the process that has them, and, after a fork, for one that must not. */
void	 control_close(void);
/* No more clients are accepted; those that wait for an answer stay. */
void	 control_close_listener(void);

/* Adds a message to the answer. */
void	 control_say(struct control_client *, const struct control_msg *);
/* Adds a text of this type, without a line feed. */
void	 control_say_text(struct control_client *, enum control_type, const char *);
/* The answer is complete. */
void	 control_finish(struct control_client *, unsigned int status);
/*
 * Others send the answer, which has no end. Says CONTROL_WATCHING, and returns the client's
 * descriptor. gone is called when the client has left, but not by control_close().
 */
int	 control_watch(struct control_client *, void (*gone)(void *), void *arg);
/* How many messages of the answer the client has not taken. */
size_t	 control_backlog(const struct control_client *);
/* The answer is the end of this process. */
void	 control_hold(struct control_client *);

/* The answer is complete when the reload that begins next is over. */
void	 control_wait(struct control_client *);
/* A reload begins: who waits for the next waits for this one. */
void	 control_reload_begins(void);
/* Tells all who wait for this reload, and completes their answers. */
void	 control_reload_says(const char *);
void	 control_reload_ends(unsigned int status);

/* For ppoll(2): so many descriptors, which change with every other call here. */
size_t	 control_poll_count(void);
void	 control_fill(struct pollfd *);
/* The n that were filled have been polled; nothing else was called here meanwhile. */
void	 control_serve(const struct pollfd *, size_t n, uint64_t now);
/* Closes who has taken too long. Returns when to call again (ms), or MONO_NEVER. */
uint64_t control_run_timers(uint64_t now);

#endif
