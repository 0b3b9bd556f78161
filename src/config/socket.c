/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/socket.c: checks where a unix socket will be: what is there now, and whether the
 * users that the socket is for can reach it.
 */
#include "base/compat.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/build.h"
#include "base/trusted.h"
#include "base/xmalloc.h"

#define POSTFIX_QUEUE	"/var/spool/postfix/"	/* the default of Postfix */
#define POSTFIX_USER	"postfix"
#define GROUPS_MAX	256

static int
is_directory(const char *path, int *missing)
{
	struct stat	 st;

	*missing = 0;
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode);
	*missing = errno == ENOENT;
	/* A path that we may not look at may be a directory. */
	return errno == EACCES;
}

/* What a process of its own looks at. */
struct place {
	const struct listen_conf	*l;
	int				 at;
	int				 missing;	/* the directory */
};

/* The daemon makes the directory of a socket, but not the directory above it. */
static void
check_socket_directory(struct build *b, struct place *p, const char *path)
{
	char	*copy = xstrdup(path), *directory, *above;
	int	 missing;

	directory = xstrdup(dirname(copy));
	above = dirname(copy);
	if (!is_directory(directory, &p->missing) && !p->missing)
		conf_error(b->errors, p->at, "listen \"%s\": %s is not a directory", p->l->spec,
		    directory);
	else if (p->missing && !is_directory(above, &missing))
		conf_error(b->errors, p->at, "listen \"%s\": the directory %s is missing, and %s %s; "
		    "expected one of the two", p->l->spec, directory, above,
		    missing ? "is, too" : "is not a directory");
	free(directory);
	free(copy);
}

/* Returns the group of a user, or a group that nobody has. */
static gid_t
group_of(uid_t uid)
{
	const struct passwd	*pw = getpwuid(uid);

	return pw == NULL ? (gid_t)-1 : pw->pw_gid;
}

/* The kernel looks only at the first class (owner, group, others) that has the user in it. */
static int
user_can_enter(const struct stat *st, uid_t uid, gid_t gid)
{
	if (uid == 0)
		return 1;
	if (st->st_uid == uid)
		return (st->st_mode & S_IXUSR) != 0;
	return (st->st_mode & (st->st_gid == gid ? S_IXGRP : S_IXOTH)) != 0;
}

/* The group of an MTA often has one user only, who may own the directory. */
static int
group_can_enter(const struct stat *st, gid_t gid)
{
	if ((st->st_mode & (st->st_gid == gid ? S_IXGRP : S_IXOTH)) != 0)
		return 1;
	return (st->st_mode & S_IXUSR) != 0 && group_of(st->st_uid) == gid;
}

/* Returns who can't enter the directory although the socket is for them, malloc'd, or NULL. */
static char *
shut_out(const struct listen_conf *l, const struct stat *st)
{
	const struct passwd	*pw;
	const struct group	*gr;
	char			*who = NULL;

	if (l->have_group && (l->mode & S_IWGRP) != 0 && !group_can_enter(st, l->group)) {
		gr = getgrgid(l->group);
		if (asprintf(&who, "group %s", gr == NULL ? "of the socket" : gr->gr_name) == -1)
			return NULL;
	} else if (l->have_owner && (l->mode & S_IWUSR) != 0 &&
	    !user_can_enter(st, l->owner, group_of(l->owner))) {
		pw = getpwuid(l->owner);
		if (asprintf(&who, "user %s", pw == NULL ? "of the socket" : pw->pw_name) == -1)
			return NULL;
	} else if ((l->mode & S_IWOTH) != 0 && (st->st_mode & S_IXOTH) == 0)
		who = xstrdup("not everybody");
	return who;
}

/* This is only a warning: an access control list may allow what the mode does not. */
static void
check_one_entry(struct build *b, const struct listen_conf *l, const char *directory, int at)
{
	struct stat	 st;
	char		*who;

	if (stat(directory, &st) == -1 || !S_ISDIR(st.st_mode) || (who = shut_out(l, &st)) == NULL)
		return;
	conf_warning(b->errors, at, "listen \"%s\": %s can%s enter the directory %s, whose mode is "
	    "%04o, and so can't connect; expected x for them", l->spec, who,
	    strncmp(who, "not ", 4) == 0 ? "" : "'t", directory,
	    (unsigned int)(st.st_mode & 07777));
	free(who);
}

/* Checks the directory of the socket, if it is there already, and each one above it. */
static void
check_entry(struct build *b, const struct listen_conf *l, const char *path, int at)
{
	char	 real[PATH_MAX], *copy = xstrdup(path), *directory = dirname(copy);

	if (realpath(directory, real) == NULL && realpath(directory = dirname(directory), real) == NULL)
		real[0] = '\0';
	free(copy);
	while (real[0] != '\0') {
		check_one_entry(b, l, real, at);
		if (strcmp(real, "/") == 0)
			break;
		*strrchr(real, '/') = '\0';
		if (real[0] == '\0')
			(void)strlcpy(real, "/", sizeof(real));
	}
}

/* The user whom the socket is for, who has the name of its group; -1: not known. */
static uid_t
peer_of(const struct listen_conf *l)
{
	const struct group	*gr;
	const struct passwd	*pw;

	if (l->have_owner)
		return l->owner;
	if (!l->have_group || (gr = getgrgid(l->group)) == NULL)
		return (uid_t)-1;
	return (pw = getpwnam(gr->gr_name)) == NULL ? (uid_t)-1 : pw->pw_uid;
}

/*
 * Root binds the socket by its path. The MTA's user, whom the socket is for, may own its
 * directory. Other users may not, but a warning is all they cause: an administrator may
 * have meant it so.
 */
static void
check_replaceable(struct build *b, const struct listen_conf *l, const char *path, int at)
{
	uid_t	 uid = peer_of(l);
	gid_t	 gid = l->have_group ? l->group : (gid_t)-1;
	char	 why[TRUSTED_WHY], *copy;
	int	 fd = trusted_open_above_for(path, uid, gid, why, sizeof(why));

	if (fd == -1 && errno == ENOENT) {
		copy = xstrdup(path);
		fd = trusted_open_above_for(dirname(copy), uid, gid, why, sizeof(why));
		free(copy);
	}
	if (fd != -1)
		(void)close(fd);
	else if (errno == EPERM)
		conf_warning(b->errors, at, "listen \"%s\": %s; expected directories that only root "
		    "can write, or sticky ones of root's", l->spec, why);
}

static void
look_at_place(struct build *b, void *arg)
{
	struct place			*p = arg;
	const struct listen_conf	*l = p->l;
	const struct sockaddr_un	*sun = (const void *)&l->addr.ss;
	struct stat			 st;

	if (b->root)
		check_replaceable(b, l, sun->sun_path, p->at);
	check_entry(b, l, sun->sun_path, p->at);
	if (lstat(sun->sun_path, &st) == -1)
		check_socket_directory(b, p, sun->sun_path);
	else if (!S_ISSOCK(st.st_mode))
		conf_error(b->errors, p->at, "listen \"%s\": a file that is not a socket is "
		    "there", l->spec);
}

void
conf_check_socket(struct build *b, struct listen_conf *l, int at)
{
	struct place	 p = { l, at, 0 };

	if (conf_apart(b, look_at_place, &p, sizeof(p)) == -1)
		conf_error(b->errors, at, "listen \"%s\": its directory takes too long to be "
		    "looked at", l->spec);
	l->directory_missing = p.missing;
}

static int
is_member(const struct passwd *pw, gid_t group)
{
	gid_t	 groups[GROUPS_MAX];
	int	 i, n = GROUPS_MAX;

	/* If the user has more groups, the array has some of them. */
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) == -1)
		n = GROUPS_MAX;
	for (i = 0; i < n; i++)
		if (groups[i] == group)
			return 1;
	return 0;
}

/* Returns 1 if the mode of the socket lets this user connect. */
static int
can_connect(const struct listen_conf *l, const struct passwd *pw)
{
	uid_t	 owner = l->have_owner ? l->owner : geteuid();
	gid_t	 group = l->have_group ? l->group : getegid();

	if (pw->pw_uid == owner)
		return (l->mode & S_IWUSR) != 0;
	return (l->mode & (is_member(pw, group) ? S_IWGRP : S_IWOTH)) != 0;
}

void
conf_check_postfix(struct build *b, const struct listen_conf *l, int at)
{
	const struct sockaddr_un	*sun = (const void *)&l->addr.ss;
	const struct passwd		*pw;
	const struct group		*gr;

	if (strncmp(sun->sun_path, POSTFIX_QUEUE, strlen(POSTFIX_QUEUE)) != 0 ||
	    (pw = getpwnam(POSTFIX_USER)) == NULL || can_connect(l, pw))
		return;
	gr = getgrgid(l->have_group ? l->group : getegid());
	conf_warning(b->errors, at, "listen \"%s\": user %s can't connect to it: its mode is "
	    "%04o, its group %s; expected `group = %s' and a mode such as 0660", l->spec,
	    POSTFIX_USER, (unsigned int)l->mode, gr == NULL ? "has no name" : gr->gr_name,
	    POSTFIX_USER);
}
