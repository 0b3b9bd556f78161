/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/build.h: what the files of this directory share while they make struct conf of
 * the tree. The rest of the daemon does not include it.
 */
#ifndef PM_CONFIG_BUILD_H
#define PM_CONFIG_BUILD_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"
#include "config/conf.h"
#include "config/errors.h"
#include "config/read.h"

struct build {
	struct conf		*conf;
	const struct conf	*old;		/* of the daemon that runs; NULL: none does */
	const struct conf_node	*tree;
	const struct conf_source *src;
	struct conf_errors	*errors;
	const char		*base;		/* NULL: paths must be absolute */
	int			 root;		/* started as root */
	int			 whole;		/* the text was read to its end */
	int			 handler_user_missing;	/* an error was told */
	unsigned int		 patience;	/* ms that files have to answer: config/apart.c */
};

enum option_type {
	OPT_DURATION,	/* uint32_t, milliseconds */
	OPT_COUNT,	/* unsigned int */
	OPT_SIZE,	/* size_t */
	OPT_SIZE64,	/* uint64_t */
	OPT_LIMIT64,	/* uint64_t; 0 is no limit, even below min */
	OPT_MODE,	/* mode_t */
	OPT_RLIM_SIZE,	/* rlim_t; in all three types 0 is no limit */
	OPT_RLIM_SECONDS,
	OPT_RLIM_COUNT,
	OPT_YES_NO,	/* int */
	OPT_TEXT,	/* char *, not empty */
	OPT_PATH,	/* char *, absolute */
	OPT_CALL	/* set() does all; NULL: other code looks it up */
};

struct option {
	const char	*name;
	enum option_type type;
	size_t		 offset;	/* in the structure of its section */
	uint64_t	 min, max;
	void		(*set)(struct build *, void *, const struct conf_node *);
};

#define OPTION(name, type, st, member, min, max) \
	{ name, type, offsetof(struct st, member), min, max, NULL }
#define OPTION_CALL(name, set)		{ name, OPT_CALL, 0, 0, 0, set }
#define OPTION_ELSEWHERE(name)		OPTION_CALL(name, NULL)
#define OPTION_END			{ NULL, OPT_CALL, 0, 0, 0, NULL }

#define SECONDS(n)	((uint64_t)(n) * 1000)
#define DAYS(n)		((uint64_t)(n) * 24 * 60 * 60 * 1000)
#define KIB(n)		((uint64_t)(n) * 1024)
#define MIB(n)		((uint64_t)(n) * 1024 * 1024)
#define GIB(n)		((uint64_t)(n) * 1024 * 1024 * 1024)

extern const struct option conf_global_options[], conf_listen_options[], conf_handler_options[];

/* Returns the option of that name in the section, the last of several, or NULL. */
struct conf_node *conf_tree_find(const struct conf_node *, const char *name);
/* Puts the options of the section into target, the structure of that section. */
void	 conf_options_apply(struct build *, const struct option *, const struct conf_node *,
	    void *target);
/* Returns the value of an option that must have one value, or NULL after an error. */
const char *conf_option_scalar(struct build *, const struct conf_node *);
/* Returns an absolute path, malloc'd, or NULL after an error. */
char	*conf_option_path(struct build *, const struct conf_node *, const char *);
/* Returns DIRECTORY/PATH, malloc'd, for a relative path. */
char	*conf_join_path(const char *directory, const char *path);

/* config/names.c */
int	 conf_is_option(enum conf_kind section, const char *name);
/*
 * Tells mistakes of the names in the tree or a section, and adds the values of each
 * `NAME += VALUE' to the option of that name before it.
 */
void	 conf_check_names(struct build *, struct conf_node *);

void	 conf_build_global(struct build *);
void	 conf_build_handlers(struct build *);
void	 conf_build_listens(struct build *);

/* config/lists.c: options of a handler that are lists. */
void	 conf_set_command(struct build *, void *, const struct conf_node *);
void	 conf_set_events(struct build *, void *, const struct conf_node *);
void	 conf_set_optional_events(struct build *, void *, const struct conf_node *);
void	 conf_set_reports(struct build *, void *, const struct conf_node *);
void	 conf_set_actions(struct build *, void *, const struct conf_node *);
void	 conf_set_optional_actions(struct build *, void *, const struct conf_node *);
void	 conf_set_lines(struct build *, void *, const struct conf_node *);
void	 conf_set_macros(struct build *, void *, const struct conf_node *);
void	 conf_set_on_exit(struct build *, void *, const struct conf_node *);
void	 conf_set_environment(struct build *, void *, const struct conf_node *);

/*
 * config/clients.c: the clients that a handler is not asked about.
 */
void	 conf_set_except_clients(struct build *, void *, const struct conf_node *);
void	 conf_set_only_clients(struct build *, void *, const struct conf_node *);

/*
 * config/fit.c: checks options of a handler that need other options, or exclude them. The
 * hooks of the handler must have been found.
 */
void	 conf_check_fit(struct build *, const struct conf_node *, const struct handler_conf *);

/*
 * config/user.c: who runs what. A lookup returns 0, or -1 if the system has no such name.
 */
int	 conf_lookup_user(const char *text, uid_t *, gid_t *, char **name, char **home);
int	 conf_lookup_group(const char *text, gid_t *);
void	 conf_build_engine_user(struct build *);
void	 conf_build_handler_user(struct build *, const struct conf_node *,
	    struct handler_conf *);

/*
 * config/apart.c: code that asks about files of other users than root runs there.
 * conf_apart() calls fn in another process, with a copy of the size bytes at arg. These
 * bytes are then as fn left them. Mistakes are kept, too, and nothing else that fn writes.
 * Returns 0, or -1 if some file did not answer in time: then mistakes are not known.
 */
int	 conf_apart(struct build *, void (*fn)(struct build *, void *arg), void *arg, size_t size);
void	 conf_apart_begin(struct build *);
/* Something in such a process was too late: the next is waited for half as long. */
void	 conf_apart_late(struct build *);

/*
 * config/run.c, called only in conf_apart(). conf_run_problem() returns why the handler's
 * user can't run a file, malloc'd, or NULL. conf_check_first_line() tells mistakes in the
 * first line of a script.
 */
char	*conf_run_problem(struct build *, const struct handler_conf *, const char *path);
int	 conf_is_program(const char *path);	/* a file that the caller can run */
/*
 * Finds the first program of a name in a list of directories, and writes it to path, which
 * has room for PATH_MAX bytes. During the search path is the file that is looked at.
 * Returns 0, or -1 if there is none.
 */
int	 conf_find_program(const char *directories, const char *name, char *path);
void	 conf_check_first_line(struct build *, int at, const char *option,
	    const struct handler_conf *, const char *path);

/*
 * config/settings.c, called only in conf_apart(): warns of settings of the environment that
 * the script at path lacks.
 */
void	 conf_check_settings(struct build *, const struct conf_node *environment, const char *path);

/*
 * config/socket.c: checks where a unix socket will be. Its owner and group must be known.
 */
void	 conf_check_socket(struct build *, struct listen_conf *, int at);
/* Warns of a socket in Postfix's queue that Postfix's user can't connect to. */
void	 conf_check_postfix(struct build *, const struct listen_conf *, int at);

/*
 * config/room.c: warns if the system allows too few descriptors or processes. Call it last.
 */
void	 conf_check_room(struct build *);

/*
 * config/check.c: checks the files that a handler needs, and that others can't write them.
 */
void	 conf_check_sources(struct build *);
/*
 * Root makes directories in these places, so nobody else may be able to replace a
 * directory on the way to them.
 */
void	 conf_check_places(struct build *);
void	 conf_check_handler_files(struct build *, const struct conf_node *,
	    struct handler_conf *);

#endif
