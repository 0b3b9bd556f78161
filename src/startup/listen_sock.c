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
#include "system/notify.h"

#define BACKLOG	1024

/* The file of a socket of ours: another may stand at its path by now. */
struct made {
	SLIST_ENTRY(made)	 entry;
	int			 fd;		/* the socket */
	char			*path;
	dev_t			 dev;
	ino_t			 ino;
	int			 keep;		/* a service manager has the socket, too */
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
remember(int fd, const char *path, int keep)
{
	struct made	*m;
	struct stat	 st;

	if (lstat(path, &st) == -1)
		return;
	m = xcalloc(1, sizeof(*m));
	m->fd = fd;
	m->keep = keep;
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
	remember(fd, sun->sun_path, 0);
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
adjust_file(const struct conf *conf, const struct listen_conf *l, int file, int all)
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
	if (all && uid == (uid_t)-1)
		uid = geteuid();
	if (all && gid == (gid_t)-1)
		gid = getegid();
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
	if (file == -1 || adjust_file(conf, l, file, 0) == -1) {
		complain_of_socket(l, "owner, group and mode", strerror(errno));
		*failed = 1;
	}
	if (file != -1)
		(void)close(file);
	remember(fd, sun->sun_path, 1);
	return fd;
}

static struct made *
find_made(int fd)
{
	struct made	*m;

	SLIST_FOREACH(m, &made_files, entry)
		if (m->fd == fd)
			return m;
	return NULL;
}

static int
is_there(const struct made *m)
{
	struct stat	 st;

	return lstat(m->path, &st) == 0 && st.st_dev == m->dev && st.st_ino == m->ino;
}

static void
forget(struct made *m)
{
	SLIST_REMOVE(&made_files, m, made, entry);
	free(m->path);
	free(m);
}

/* The file first: a client that finds a file must not be refused. */
static void
remove_file(int fd, int keep)
{
	struct made	*m = find_made(fd);

	if (m == NULL)
		return;
	if (!keep && is_there(m) && unlink(m->path) == -1)
		log_warn("removing %s", m->path);
	forget(m);
}

static void
end_one(int fd, int keep)
{
	remove_file(fd, keep);
	(void)close(fd);
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
		end_one(fd, 0);
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

void
listen_sock_leave(const struct conf *conf, const int *fds)
{
	struct made	*m;
	size_t		 i;

	for (i = 0; i < conf->nlistens; i++)
		if (!inherit_leave(fds[i], &conf->listens[i].addr))
			return;
	/* A socket whose file is gone is of no use to the next daemon. */
	SLIST_FOREACH(m, &made_files, entry)
		m->keep = 1;
}

void
listen_sock_end(const struct conf *conf, int *fds)
{
	const struct made	*m;
	size_t			 i;

	for (i = 0; i < conf->nlistens; i++)
		if (fds[i] != -1 && (m = find_made(fds[i])) != NULL)
			remove_file(fds[i], m->keep);
	for (i = 0; i < conf->nlistens; i++) {
		if (fds[i] != -1)
			(void)close(fds[i]);
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

/* 1 if one of the sockets of a configuration is this one. */
static int
has_socket(const struct conf *conf, const int *fds, int fd)
{
	size_t	 i;

	for (i = 0; i < conf->nlistens; i++)
		if (fds[i] == fd)
			return 1;
	return 0;
}

/* The socket at this address, if clients can still find it, or -1. */
static int
find_kept(const struct listen_conf *l, const struct conf *old, const int *old_fds)
{
	const struct made	*m;
	size_t			 i;

	for (i = 0; i < old->nlistens; i++)
		if (old_fds[i] != -1 && netaddr_equal(&l->addr, &old->listens[i].addr)) {
			m = find_made(old_fds[i]);
			return m == NULL || is_there(m) ? old_fds[i] : -1;
		}
	return -1;
}

void
listen_sock_undo(const struct conf *conf, int *fds, const struct conf *old, const int *old_fds)
{
	size_t	 i;

	for (i = 0; i < conf->nlistens; i++)
		if (fds[i] != -1 && !has_socket(old, old_fds, fds[i]))
			end_one(fds[i], 0);
	free(fds);
}

int *
listen_sock_renew(const struct conf *conf, const struct conf *old, const int *old_fds)
{
	int	*fds = xcalloc(conf->nlistens, sizeof(*fds));
	int	 failed = 0;
	size_t	 i;

	for (i = 0; i < conf->nlistens; i++) {
		fds[i] = find_kept(&conf->listens[i], old, old_fds);
		if (fds[i] == -1 && (fds[i] = open_one(conf, &conf->listens[i])) == -1)
			failed = 1;
	}
	if (!failed)
		return fds;
	listen_sock_undo(conf, fds, old, old_fds);
	return NULL;
}

/* A socket that is kept gets what it would have if it were made now. */
static void
adjust_kept(const struct conf *conf, const struct listen_conf *l, int fd)
{
	const struct made	*m = find_made(fd);
	int			 file;

	if (m == NULL)
		return;
	file = open(m->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file == -1 || adjust_file(conf, l, file, 1) == -1)
		complain_of_socket(l, "owner, group and mode", strerror(errno));
	if (file != -1)
		(void)close(file);
}

void
listen_sock_switch(const struct conf *conf, const int *fds, const struct conf *old, int *old_fds)
{
	struct made	*m;
	size_t		 i;
	int		 gone = 0;

	for (i = 0; i < conf->nlistens; i++)
		if (has_socket(old, old_fds, fds[i]))
			adjust_kept(conf, &conf->listens[i], fds[i]);
	for (i = 0; i < old->nlistens; i++)
		if (old_fds[i] != -1 && !has_socket(conf, fds, old_fds[i])) {
			inherit_forget(&old->listens[i].addr);
			end_one(old_fds[i], 0);
			old_fds[i] = -1;
			gone = 1;
		}
	/* Until the service manager has closed its copy a client could still connect. */
	if (gone)
		notify_wait();
	for (i = 0; i < conf->nlistens; i++)
		if (!has_socket(old, old_fds, fds[i]) &&
		    inherit_leave(fds[i], &conf->listens[i].addr) &&
		    (m = find_made(fds[i])) != NULL)
			m->keep = 1;
}
