/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/check.c: the files that a handler is run from, and who may write them.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/build.h"
#include "base/trusted.h"
#include "base/xmalloc.h"

/* Returns who can write the file, other than root and this user, or NULL. */
static const char *
other_writers(const struct stat *st, uid_t user)
{
	if (st->st_uid != 0 && st->st_uid != user)
		return "its owner";
	if (st->st_mode & S_IWOTH)
		return "anybody";
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0)
		return "its group";
	return NULL;
}

/*
 * A directory that all can write is safe only if nobody can rename the files of others in
 * it.
 */
static int
directory_is_open(const struct stat *st)
{
	return (st->st_mode & S_IWOTH) && (st->st_mode & S_ISVTX) == 0;
}

/* Returns 0, or -1 after an error. */
static int
check_directory(struct build *b, int at, const char *option, const char *path)
{
	struct stat	 st;
	char		*copy = xstrdup(path);
	const char	*directory = dirname(copy);
	int		 open;

	open = stat(directory, &st) == 0 && directory_is_open(&st);
	if (open)
		conf_error(b->errors, at, "%s%s: anybody can write its directory %s; expected a "
		    "directory that not all can write, or a sticky one", option, path, directory);
	free(copy);
	return open ? -1 : 0;
}

/* Returns who can replace an entry of this directory, other than root, or NULL. */
static const char *
other_movers(const struct stat *st)
{
	if (st->st_mode & S_ISVTX)
		return st->st_uid != 0 ? "its owner" : NULL;
	return other_writers(st, 0);
}

/*
 * Warns of the first directory above a file by which another user can become root. This is
 * no error, since an administrator may want it.
 */
static void
warn_of_directories(struct build *b, int at, const char *option, const char *path)
{
	struct stat	 st;
	const char	*who;
	char		*directory = xstrdup(path), *end;

	while ((end = strrchr(directory, '/')) != NULL && end != directory) {
		*end = '\0';
		if (stat(directory, &st) == -1 || (who = other_movers(&st)) == NULL)
			continue;
		conf_warning(b->errors, at, "%s%s: %s can write the directory %s, and so replace "
		    "what root runs or reads", option, path, who, directory);
		break;
	}
	free(directory);
}

/* Checks the directories of a path. If the path is a link, checks those of its file, too. */
static void
check_directories(struct build *b, int at, const char *option, const char *path, int for_root)
{
	char	 real[PATH_MAX];
	int	 have = realpath(path, real) != NULL, rc;

	rc = check_directory(b, at, option, path);
	if (have && strcmp(real, path) != 0 && check_directory(b, at, option, real) == -1)
		rc = -1;
	if (have && rc == 0 && for_root)
		warn_of_directories(b, at, option, real);
}

/*
 * Only root may be able to write the configuration: another user could add a handler that
 * runs as root.
 */
void
conf_check_sources(struct build *b)
{
	const struct conf_file	*f;
	const char		*who;
	size_t			 i;

	if (!b->root)
		return;
	for (i = 0; i < b->src->nfiles; i++) {
		f = &b->src->files[i];
		if (f->st.st_mode == 0)
			continue;
		if ((who = other_writers(&f->st, 0)) != NULL)
			conf_error(b->errors, 0, "%s can write %s; expected that only root "
			    "can write the configuration", who, f->path);
		check_directories(b, 0, "", f->path, 1);
	}
}

/* fd: what trusted_open() or trusted_open_above() returned, with its errno. */
static void
check_place(struct build *b, const char *option, int fd, const char *why)
{
	const struct conf_node	*st = conf_tree_find(b->tree, option);

	if (fd != -1)
		(void)close(fd);
	else if (errno == EPERM)
		conf_error(b->errors, st == NULL ? 0 : st->at, "%s: %s; expected directories that "
		    "only root can write, or sticky ones of root's", option, why);
}

void
conf_check_places(struct build *b)
{
	const struct conf	*conf = b->conf;
	char			 why[TRUSTED_WHY];

	if (!b->root)
		return;
	if (conf->spool_directory_set)
		check_place(b, "spool-directory",
		    trusted_open(conf->spool_directory, 0, why, sizeof(why)), why);
	if (conf->record != NULL)
		check_place(b, "record", trusted_open_above(conf->record, why, sizeof(why)), why);
	if (conf_tree_find(b->tree, "control") != NULL)
		check_place(b, "control", trusted_open_above(conf->control, why, sizeof(why)), why);
}

static void
check_writers(struct build *b, int at, const char *option, const struct handler_conf *h,
    const char *path, const struct stat *st)
{
	const char	*who;
	char		 prefix[32];

	if (!b->root || h->user == NULL)
		return;
	(void)snprintf(prefix, sizeof(prefix), "%s: ", option);
	if ((who = other_writers(st, h->uid)) != NULL)
		conf_error(b->errors, at, "%s%s: %s can write it; expected that only root%s%s "
		    "can", prefix, path, who, h->uid == 0 ? "" : " and ",
		    h->uid == 0 ? "" : h->user);
	check_directories(b, at, prefix, path, h->uid == 0);
}

/* Returns more words for a message about a path that may be a command line of a shell. */
static const char *
blanks_hint(const char *path)
{
	return strchr(path, ' ') == NULL ? "" :
	    "; arguments are elements of their own: {'program', 'argument'}";
}

/* What a process of its own looks at, for one handler. */
struct files {
	const struct conf_node		*sec;
	struct handler_conf		*h;
	const struct conf_node		*hooks, *cmd, *directory;	/* NULL: not set */
	const struct conf_node		*now;	/* the one that is looked at */
	char				 command[PATH_MAX];	/* "": none was found */
	unsigned int			 found;	/* EV_BITs of hooks that can be run */
};

/*
 * With a program on the command line, the message mentions one of that name in the current
 * directory.
 */
static void
not_found(struct build *b, const struct conf_node *cmd, const char *name)
{
	char	*here = b->base == NULL ? NULL : conf_join_path(b->base, name);

	conf_error(b->errors, cmd->at, "command: %s: not found in %s%s%s%s", name, HANDLER_PATH,
	    here != NULL && conf_is_program(here) ? "; there is ./" : "",
	    here != NULL && conf_is_program(here) ? name : "", blanks_hint(name));
	free(here);
}

static void
check_program(struct build *b, const struct conf_node *cmd, const struct handler_conf *h,
    const char *path)
{
	struct stat	 st;
	char		*why;

	if (stat(path, &st) == -1)
		conf_error(b->errors, cmd->at, "command: %s: %s; expected a program%s",
		    path, strerror(errno), blanks_hint(path));
	else if (!S_ISREG(st.st_mode))
		conf_error(b->errors, cmd->at, "command: %s: not a file; expected a program",
		    path);
	else {
		check_writers(b, cmd->at, "command", h, path, &st);
		if ((why = conf_run_problem(b, h, path)) != NULL)
			conf_error(b->errors, cmd->at, "command: %s: %s", path, why);
		else
			conf_check_first_line(b, cmd->at, "command", h, path);
		free(why);
	}
}

static void
check_command(struct build *b, struct files *f)
{
	const struct conf_node	*cmd = f->cmd, *env = conf_tree_find(f->sec, "environment");
	const char		*name = f->h->command[0];

	if (name[0] == '/')
		(void)strlcpy(f->command, name, sizeof(f->command));
	else if (conf_find_program(HANDLER_PATH, name, f->command) == -1) {
		not_found(b, cmd, name);
		return;
	}
	check_program(b, cmd, f->h, f->command);
	if (env != NULL)
		conf_check_settings(b, env, f->command);
}

/* Returns 1 if the hook is there and can be run. */
static int
check_hook(struct build *b, int at, const struct handler_conf *h, const char *path)
{
	struct stat	 st;
	char		*why;

	if (lstat(path, &st) == -1 && errno == ENOENT)
		return 0;
	if (stat(path, &st) == -1) {
		conf_warning(b->errors, at, "hooks: %s: %s, so it can't be run; left out",
		    path, strerror(errno));
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		conf_warning(b->errors, at, "hooks: %s: not a file, so it can't be run; "
		    "left out", path);
		return 0;
	}
	if ((why = conf_run_problem(b, h, path)) != NULL) {
		conf_warning(b->errors, at, "hooks: %s: %s; left out", path, why);
		free(why);
		return 0;
	}
	check_writers(b, at, "hooks", h, path, &st);
	conf_check_first_line(b, at, "hooks", h, path);
	return 1;
}

static char *
hook_path(const struct handler_conf *h, int ev)
{
	return conf_join_path(h->hooks, event_name((enum event_kind)ev));
}

static void
find_hooks(struct build *b, struct files *f)
{
	char	*path;
	int	 ev;

	for (ev = 0; ev < EV_COUNT; ev++) {
		path = hook_path(f->h, ev);
		if (check_hook(b, f->hooks->at, f->h, path))
			f->found |= EV_BIT(ev);
		free(path);
	}
	if (f->found == 0)
		conf_error(b->errors, f->hooks->at, "hooks: %s: expected at least one executable "
		    "named after an event, such as rcpt or end-of-message", f->h->hooks);
}

/* 0, or -1 after an error. */
static int
check_is_directory(struct build *b, const struct conf_node *st, const char *path)
{
	struct stat	 sb;

	if (stat(path, &sb) == -1)
		conf_error(b->errors, st->at, "%s: %s: %s; expected a directory", st->text, path,
		    strerror(errno));
	else if (!S_ISDIR(sb.st_mode))
		conf_error(b->errors, st->at, "%s: %s: not a directory; expected one", st->text,
		    path);
	else
		return 0;
	return -1;
}

static void
look_at_files(struct build *b, void *arg)
{
	struct files		*f = arg;
	struct handler_conf	*h = f->h;

	if (f->directory != NULL) {
		f->now = f->directory;
		(void)check_is_directory(b, f->now, h->directory);
	}
	if (f->hooks != NULL && h->hooks != NULL) {
		f->now = f->hooks;
		if (check_is_directory(b, f->now, h->hooks) == 0)
			find_hooks(b, f);
	} else if (f->hooks == NULL && h->command != NULL) {
		f->now = f->cmd;
		check_command(b, f);
	}
}

/* A command with a slash becomes a path. 0, or -1 after an error. */
static int
resolve_command(struct build *b, const struct conf_node *cmd, struct handler_conf *h)
{
	char	*path;

	if (strchr(h->command[0], '/') == NULL || h->command[0][0] == '/')
		return 0;
	if ((path = conf_option_path(b, cmd, h->command[0])) == NULL)
		return -1;
	free(h->command[0]);
	h->command[0] = path;
	return 0;
}

/*
 * Whoever has files that don't answer must not prevent a start. As with a program that
 * can't be run later, all that the handler could be asked is answered by on-failure.
 */
static void
not_looked_at(struct build *b, struct files *f)
{
	const struct handler_conf	*h = f->h;
	const char			*path = h->directory;

	if (f->now != NULL && f->now == f->hooks)
		path = h->hooks;
	else if (f->now != NULL && f->now == f->cmd)
		path = f->command;
	if (f->now == NULL || path[0] == '\0') {
		conf_error(b->errors, f->sec->at, "handler %s: its files take too long to be "
		    "looked at", h->name);
		return;
	}
	conf_warning(b->errors, f->now->at, "%s: %s: takes too long to be looked at, and was not "
	    "checked", f->now->text, path);
	f->found = EV_BIT(EV_COUNT) - 1;
}

static void
take_hooks(struct handler_conf *h, unsigned int found)
{
	int	 ev;

	for (ev = 0; ev < EV_COUNT; ev++)
		if ((found & EV_BIT(ev)) != 0)
			h->hook_path[ev] = hook_path(h, ev);
	h->events = found & EV_ANSWERABLE;
	h->reports = found & ~EV_ANSWERABLE;
}

void
conf_check_handler_files(struct build *b, const struct conf_node *sec, struct handler_conf *h)
{
	struct files	 f = { .sec = sec, .h = h, .hooks = conf_tree_find(sec, "hooks"),
	    .cmd = conf_tree_find(sec, "command"), .directory = conf_tree_find(sec, "directory") };

	if (f.hooks == NULL && h->command != NULL && resolve_command(b, f.cmd, h) == -1)
		return;
	if (conf_apart(b, look_at_files, &f, sizeof(f)) == -1)
		not_looked_at(b, &f);
	if (f.hooks != NULL && h->hooks != NULL)
		take_hooks(h, f.found);
	else if (f.hooks == NULL && f.command[0] != '\0') {
		free(h->command[0]);
		h->command[0] = xstrdup(f.command);
	}
}
