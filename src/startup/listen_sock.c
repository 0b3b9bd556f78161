/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/listen_sock.c: opens listening sockets, and removes the files of unix
 * sockets.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "startup/inherit.h"
#include "startup/listen_sock.h"
#include "startup/socket_file.h"

#define BACKLOG	1024

/* The file of a socket that we made: it may belong to somebody else by now. */
struct made {
	SLIST_ENTRY(made)	 entry;
	char			*path;
	dev_t			 dev;
	ino_t			 ino;
};
static SLIST_HEAD(, made) made_files = SLIST_HEAD_INITIALIZER(made_files);

static void
complain_of_socket(const struct listen_conf *l, const char *doing, const char *why)
{
	log_msg(LOG_ERR, NULL, "%s: listen %s: %s%s%s", l->where, l->spec,
	    doing, doing[0] != '\0' ? ": " : "", why);
}

/* -1: the socket stays as it is. */
static void
wanted_owner(const struct conf *conf, const struct listen_conf *l, uid_t *uid, gid_t *gid)
{
	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (conf->have_engine_ids) {
		*uid = conf->engine_uid;
		*gid = conf->engine_gid;
	}
	if (l->have_owner)
		*uid = l->owner;
	if (l->have_group)
		*gid = l->group;
}

static int
give_to_owner(const struct conf *conf, const struct listen_conf *l,
    const char *path)
{
	uid_t	 uid;
	gid_t	 gid;

	wanted_owner(conf, l, &uid, &gid);
	if (uid == (uid_t)-1 && gid == (gid_t)-1)
		return 0;
	return socket_file_chown(path, uid, gid);
}

static void
remember(const char *path)
{
	struct made	*m;
	struct stat	 st;

	if (lstat(path, &st) == -1)
		return;
	m = xcalloc(1, sizeof(*m));
	/* Absolute: the daemon leaves the directory that it was started in. */
	if ((m->path = realpath(path, NULL)) == NULL)
		m->path = xstrdup(path);
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	SLIST_INSERT_HEAD(&made_files, m, entry);
}

static int
bind_unix(const struct conf *conf, const struct listen_conf *l, int fd)
{
	const struct sockaddr_un *sun = (const void *)&l->addr.ss;
	const char		 *why;
	mode_t			  old;
	int			  ret;

	if (socket_file_make_directory(sun->sun_path) == -1) {
		complain_of_socket(l, "its directory", strerror(errno));
		return -1;
	}
	if ((why = socket_file_clear(sun, l->addr.len)) != NULL) {
		complain_of_socket(l, "", why);
		return -1;
	}
	/* Not by chmod(2), which would follow a link that replaced the socket. */
	old = umask(~l->mode & 0777);
	ret = bind(fd, (const struct sockaddr *)sun, l->addr.len);
	(void)umask(old);
	if (ret == -1) {
		complain_of_socket(l, "", strerror(errno));
		return -1;
	}
	remember(sun->sun_path);
	if (give_to_owner(conf, l, sun->sun_path) == -1) {
		complain_of_socket(l, "owner and group", strerror(errno));
		return -1;
	}
	return 0;
}

static int
bind_inet(const struct listen_conf *l, int fd)
{
	const int	 on = 1;
	const char	*why;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (l->addr.ss.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1) ||
	    bind(fd, (const struct sockaddr *)&l->addr.ss, l->addr.len) == -1) {
		why = errno == EADDRINUSE ? "somebody listens there already" :
		    strerror(errno);
		complain_of_socket(l, "", why);
		return -1;
	}
	return 0;
}

/* file: an O_PATH descriptor, which fchmod(2) does not take. */
static int
change_mode(int file, mode_t mode)
{
	char	 path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return chmod(path, mode);
}

/*
 * Gives the file of a socket that was handed over the owner, group and mode that are
 * configured now. Another name of a socket somewhere else is left alone. Returns 0, or -1
 * with errno.
 */
static int
adjust_file(const struct conf *conf, const struct listen_conf *l, int file)
{
	struct stat	 st;
	uid_t		 uid;
	gid_t		 gid;

	if (fstat(file, &st) == -1)
		return -1;
	if (!S_ISSOCK(st.st_mode) || st.st_nlink != 1) {
		errno = ESTALE;
		return -1;
	}
	wanted_owner(conf, l, &uid, &gid);
	if ((st.st_mode & 07777) != l->mode && change_mode(file, l->mode) == -1)
		return -1;
	if ((uid == (uid_t)-1 || uid == st.st_uid) && (gid == (gid_t)-1 || gid == st.st_gid))
		return 0;
	return fchownat(file, "", uid, gid, AT_EMPTY_PATH);
}

/* Returns a socket of the service manager, or -1; *failed is set if that was logged. */
static int
claim_one(const struct conf *conf, const struct listen_conf *l, int *failed)
{
	const struct sockaddr_un *sun = (const void *)&l->addr.ss;
	int			  fd = inherit_claim(&l->addr), file;

	if (fd == -1 || l->addr.ss.ss_family != AF_UNIX)
		return fd;
	file = open(sun->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file == -1 || adjust_file(conf, l, file) == -1) {
		complain_of_socket(l, "owner, group and mode", strerror(errno));
		*failed = 1;
	}
	if (file != -1)
		(void)close(file);
	return fd;
}

static int
open_one(const struct conf *conf, const struct listen_conf *l)
{
	int	 fd, ret;

	if ((fd = socket(l->addr.ss.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1) {
		complain_of_socket(l, "socket", strerror(errno));
		return -1;
	}
	ret = l->addr.ss.ss_family == AF_UNIX ? bind_unix(conf, l, fd) :
	    bind_inet(l, fd);
	/* Two sockets may be bound to one inet address until one of them listens. */
	if (ret == 0 && listen(fd, BACKLOG) == -1) {
		complain_of_socket(l, "", errno == EADDRINUSE ?
		    "somebody listens there already" : strerror(errno));
		ret = -1;
	}
	if (ret == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int *
listen_sock_open(const struct conf *conf)
{
	int	*fds = xcalloc(conf->nlistens, sizeof(*fds));
	int	 failed = 0;
	size_t	 i;

	/* What is not claimed may be in the way of a socket that is to be opened. */
	for (i = 0; i < conf->nlistens; i++)
		fds[i] = claim_one(conf, &conf->listens[i], &failed);
	inherit_close_rest();
	/* Tries all, so that every mistake is logged at once. */
	for (i = 0; i < conf->nlistens; i++)
		if (fds[i] == -1 && (fds[i] = open_one(conf, &conf->listens[i])) == -1)
			failed = 1;
	if (!failed)
		return fds;
	listen_sock_end(conf, fds);
	free(fds);
	return NULL;
}

static void
forget_files(void)
{
	struct made	*m;

	while ((m = SLIST_FIRST(&made_files)) != NULL) {
		SLIST_REMOVE_HEAD(&made_files, entry);
		free(m->path);
		free(m);
	}
}

void
listen_sock_leave(const struct conf *conf, const int *fds)
{
	size_t	 i;

	for (i = 0; i < conf->nlistens; i++)
		if (!inherit_leave(fds[i], &conf->listens[i].addr))
			return;
	/* A socket whose file is gone is of no use to the next daemon. */
	forget_files();
}

void
listen_sock_end(const struct conf *conf, int *fds)
{
	struct made	*m;
	struct stat	 st;
	size_t		 i;

	/* The files first: a client that finds a file must not be refused. */
	while ((m = SLIST_FIRST(&made_files)) != NULL) {
		SLIST_REMOVE_HEAD(&made_files, entry);
		if (lstat(m->path, &st) == 0 && st.st_dev == m->dev &&
		    st.st_ino == m->ino && unlink(m->path) == -1)
			log_warn("removing %s", m->path);
		free(m->path);
		free(m);
	}
	for (i = 0; i < conf->nlistens; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

void
listen_sock_drain(const struct conf *conf, int *fds)
{
	size_t	 i;

	for (i = 0; i < conf->nlistens; i++)
		inherit_forget(&conf->listens[i].addr);
	listen_sock_end(conf, fds);
}
