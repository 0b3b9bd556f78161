/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/socket_file.h: the files of unix sockets, before and after bind(2).
 */
#ifndef PM_STARTUP_SOCKET_FILE_H
#define PM_STARTUP_SOCKET_FILE_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* Makes the directory of a socket if it is missing, but none above it. Returns 0, or -1 with errno. */
int		 socket_file_make_directory(const char *path);
/* Removes a socket that nobody listens at. Returns NULL, or why the path can't be bound. */
const char	*socket_file_clear(const struct sockaddr_un *, socklen_t);
/* Gives away a socket that we have just made; -1: stays. Returns 0, or -1 with errno. */
int		 socket_file_chown(const char *path, uid_t, gid_t);

#endif
