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

/* Names who can write the file, root and a user apart, or NULL. */
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

/* A directory for all is safe only if nobody can rename the files of others. */
static int
directory_is_open(const struct stat *st)
{
	return (st->st_mode & S_IWOTH) && (st->st_mode & S_ISVTX) == 0;
}

/* 0, or -1 after an error. */
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

/* Names who can replace an entry of this directory, root apart, or NULL. */
static const char *
other_movers(const struct stat *st)
{
	if (st->st_mode & S_ISVTX)
		return st->st_uid != 0 ? "its owner" : NULL;
	return other_writers(st, 0);
}

/*
 * Warns of the first directory above a file by which somebody becomes root. It is not
 * refused: an administrator may have meant it so.
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

/* Checks the directories of a path and, if that is a link, of the file that it leads to. */
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
 * The configuration must be root's alone: a user who can write it could have a
 * handler that runs as root.
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

/* fd: of trusted_open() and the like. */
static void
check_place(struct build *b, const char *option, int fd, const char *why)
{
	const struct conf_stmt	*st = conf_tree_find(&b->tree->global, option);

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
	if (conf_tree_find(&b->tree->global, "control") != NULL)
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

/* Where a line of a shell may have been meant. */
static const char *
blanks_hint(const char *path)
{
	return strchr(path, ' ') == NULL ? "" :
	    "; arguments are elements of their own: {'program', 'argument'}";
}

/* A shell would not have found it either, but who is used to one has it here. */
static void
not_found(struct build *b, const struct conf_stmt *cmd, const char *name)
{
	char	*here = b->base == NULL ? NULL : conf_join_path(b->base, name);

	conf_error(b->errors, cmd->at, "command: %s: not found in %s%s%s%s", name, HANDLER_PATH,
	    here != NULL && conf_is_program(here) ? "; there is ./" : "",
	    here != NULL && conf_is_program(here) ? name : "", blanks_hint(name));
	free(here);
}

/* Makes command[0] a path. 0, or -1 after an error. */
static int
resolve_command(struct build *b, const struct conf_stmt *cmd, struct handler_conf *h)
{
	char	*path;

	if (h->command[0][0] == '/')
		return 0;
	if (strchr(h->command[0], '/') == NULL) {
		path = conf_find_program(HANDLER_PATH, h->command[0]);
		if (path == NULL)
			not_found(b, cmd, h->command[0]);
	} else
		path = conf_option_path(b, cmd, h->command[0]);
	if (path == NULL)
		return -1;
	free(h->command[0]);
	h->command[0] = path;
	return 0;
}

static void
check_command(struct build *b, const struct conf_stmt *cmd, struct handler_conf *h)
{
	struct stat	 st;
	const char	*path;
	char		*why;

	if (h->command == NULL || resolve_command(b, cmd, h) == -1)
		return;
	path = h->command[0];
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

/* 1 if the hook is there and can be run. */
static int
check_hook(struct build *b, int at, struct handler_conf *h, const char *path)
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

static void
find_hooks(struct build *b, int at, struct handler_conf *h)
{
	char		*path;
	unsigned int	 found = 0;
	int		 ev;

	for (ev = 0; ev < EV_COUNT; ev++) {
		if (asprintf(&path, "%s/%s", h->hooks, event_name((enum event_kind)ev)) == -1)
			return;
		if (!check_hook(b, at, h, path)) {
			free(path);
			continue;
		}
		free(h->hook_path[ev]);
		h->hook_path[ev] = path;
		found |= EV_BIT(ev);
	}
	if (found == 0)
		conf_error(b->errors, at, "hooks: %s: expected at least one executable named "
		    "after an event, such as rcpt or end-of-message", h->hooks);
	h->events = found & EV_ANSWERABLE;
	h->reports = found & ~EV_ANSWERABLE;
}

static void
check_hooks(struct build *b, const struct conf_stmt *hooks, struct handler_conf *h)
{
	struct stat	 st;

	if (h->hooks == NULL)
		return;
	if (stat(h->hooks, &st) == -1)
		conf_error(b->errors, hooks->at, "hooks: %s: %s; expected a directory",
		    h->hooks, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		conf_error(b->errors, hooks->at, "hooks: %s: not a directory; expected one",
		    h->hooks);
	else
		find_hooks(b, hooks->at, h);
}

void
conf_check_handler_files(struct build *b, const struct conf_section *sec, struct handler_conf *h)
{
	const struct conf_stmt	*st, *env = conf_tree_find(sec, "environment");

	if ((st = conf_tree_find(sec, "hooks")) != NULL)
		check_hooks(b, st, h);
	else if ((st = conf_tree_find(sec, "command")) != NULL) {
		check_command(b, st, h);
		if (env != NULL && h->command != NULL)
			conf_check_settings(b, env, h->command[0]);
	}
}
