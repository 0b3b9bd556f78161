/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/control_sock.c: opens the control socket, and removes its file.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trusted.h"
#include "base/xmalloc.h"
#include "startup/control_sock.h"
#include "startup/socket_file.h"

#define BACKLOG	64

static char	*made;		/* the file; NULL: none */
static dev_t	 made_dev;
static ino_t	 made_ino;

static int
complain(const struct conf *conf, const char *why)
{
	if (conf->control_set)
		log_msg(LOG_ERR, NULL, "control: %s: %s", conf->control, why);
	else
		log_msg(LOG_WARNING, NULL, "control: %s: %s; there is no control socket",
		    conf->control, why);
	return -1;
}

/* Nobody else may put something in the place of the socket: what it is told, root does. */
static int
check_place(const struct conf *conf)
{
	char	 why[TRUSTED_WHY];
	int	 fd;

	if (geteuid() != 0)
		return 0;
	if ((fd = trusted_open_above(conf->control, why, sizeof(why))) == -1)
		return complain(conf, why);
	(void)close(fd);
	return 0;
}

static void
remember(const char *path)
{
	struct stat	 st;

	if (lstat(path, &st) == -1)
		return;
	made = xstrdup(path);
	made_dev = st.st_dev;
	made_ino = st.st_ino;
}

static int
bind_it(const struct conf *conf, int fd)
{
	struct sockaddr_un	 sun;
	const char		*why;
	mode_t			 old;
	int			 ret;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	(void)strlcpy(sun.sun_path, conf->control, sizeof(sun.sun_path));
	if ((why = socket_file_clear(&sun, sizeof(sun))) != NULL)
		return complain(conf, why);
	/* With a group the file is that group's before it is given any right to it. */
	old = umask(0177);
	ret = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	(void)umask(old);
	if (ret == -1)
		return complain(conf, strerror(errno));
	remember(conf->control);
	if (conf->control_group == NULL)
		return 0;
	if (socket_file_chown(conf->control, (uid_t)-1, conf->control_gid) == -1 ||
	    chmod(conf->control, 0660) == -1)
		return complain(conf, strerror(errno));
	return 0;
}

static int
open_it(const struct conf *conf, int *fd)
{
	if (socket_file_make_directory(conf->control) == -1)
		return complain(conf, strerror(errno));
	if (check_place(conf) == -1)
		return -1;
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return complain(conf, strerror(errno));
	if (bind_it(conf, *fd) == 0 && (listen(*fd, BACKLOG) == 0 ||
	    complain(conf, strerror(errno)) == 0))
		return 0;
	control_sock_remove();
	(void)close(*fd);
	*fd = -1;
	return -1;
}

int
control_sock_open(const struct conf *conf, int *fd)
{
	*fd = -1;
	if (conf->control == NULL || open_it(conf, fd) == 0)
		return 0;
	return conf->control_set ? -1 : 0;
}

void
control_sock_remove(void)
{
	struct stat	 st;

	if (made == NULL)
		return;
	if (lstat(made, &st) == 0 && st.st_dev == made_dev && st.st_ino == made_ino &&
	    unlink(made) == -1)
		log_warn("removing %s", made);
	free(made);
	made = NULL;
}
