/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/client.h: one request to the daemon.
 */
#ifndef PM_CTL_CLIENT_H
#define PM_CTL_CLIENT_H

#include "system/control_msg.h"

enum client_patience {
	CLIENT_SOON,		/* the answer comes within seconds */
	CLIENT_PATIENT,		/* it may take as long as it likes */
	CLIENT_UNTIL_END	/* the same, and the end of the daemon is the answer */
};

/* Called with each message of the answer but CONTROL_TEXT, CONTROL_ERROR and CONTROL_END. */
typedef void client_message(void *arg, const struct control_msg *);

/*
 * Sends a command to the daemon at this socket and takes its answer: texts are printed to standard
 * output, errors to standard error; other messages go to take, unless it is NULL. Returns the
 * exit status.
 */
int	 client_ask(const char *path, const char *command, enum client_patience,
	    client_message *take, void *arg);
/* The first half of it: returns 0 and sets *fd, or an exit status, told. */
int	 client_begin(const char *path, const char *command, int *fd);
/* Takes messages until one of this type. Returns 0, or an exit status, told. */
int	 client_until(int fd, enum control_type);
/*
 * Takes one message; texts in it live until the next call. forever: waits as long as it takes.
 * Returns 1, or 0: the daemon has ended, or -1, told.
 */
int	 client_next(int fd, int forever, struct control_msg *);
/* Prints a message of our own or of the daemon, made visible, to standard error. */
void	 client_complain(const char *about, const char *text);
/* Complains of a word of the command line, and why it is none. Returns CONTROL_USAGE. */
int	 client_refuse(const char *about, const char *word, const char *why);

#endif
