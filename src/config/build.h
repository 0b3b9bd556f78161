/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/build.h: from the tree of the configuration to struct conf. For the
 * files named conf*.c alone.
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
	const struct conf_node	*tree;
	const struct conf_source *src;
	struct conf_errors	*errors;
	const char		*base;		/* NULL: paths must be absolute */
	int			 root;		/* started as root */
	int			 whole;		/* the text was read to its end */
	int			 handler_user_missing;	/* told once */
	unsigned int		 patience;	/* ms that files have to answer: config/apart.c */
};

enum option_type {
	OPT_DURATION,	/* uint32_t, milliseconds */
	OPT_COUNT,	/* unsigned int */
	OPT_SIZE,	/* size_t */
	OPT_SIZE64,	/* uint64_t */
	OPT_LIMIT64,	/* the same; 0, below the least, is no limit */
	OPT_MODE,	/* mode_t */
	OPT_RLIM_SIZE,	/* rlim_t; in all three 0 is no limit */
	OPT_RLIM_SECONDS,
	OPT_RLIM_COUNT,
	OPT_YES_NO,	/* int */
	OPT_TEXT,	/* char *, not empty */
	OPT_PATH,	/* char *, absolute */
	OPT_CALL	/* set() does all of it; NULL: it is looked up elsewhere */
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

/* Returns the option of that name in the section (the last of several), or NULL. */
struct conf_node *conf_tree_find(const struct conf_node *, const char *name);
/* Puts what the section says into its structure. */
void	 conf_options_apply(struct build *, const struct option *, const struct conf_node *,
	    void *target);
/* The value of an option that has one, or NULL after an error. */
const char *conf_option_scalar(struct build *, const struct conf_node *);
/* An absolute path, malloc'd, or NULL after an error. */
char	*conf_option_path(struct build *, const struct conf_node *, const char *);
/* DIRECTORY/PATH, malloc'd, for a relative path. */
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

/* config/clients.c: whom a handler is not asked about. */
void	 conf_set_except_clients(struct build *, void *, const struct conf_node *);
void	 conf_set_only_clients(struct build *, void *, const struct conf_node *);

/*
 * config/fit.c: options of a handler that need, or can't stand with, others;
 * its hooks have been found.
 */
void	 conf_check_fit(struct build *, const struct conf_node *, const struct handler_conf *);

/* config/user.c: who runs what. 0, or -1 after an error. */
int	 conf_lookup_user(const char *text, uid_t *, gid_t *, char **name, char **home);
int	 conf_lookup_group(const char *text, gid_t *);
void	 conf_build_engine_user(struct build *);
void	 conf_build_handler_user(struct build *, const struct conf_node *,
	    struct handler_conf *);

/*
 * config/apart.c: whatever asks about files that need not be root's runs there.
 * conf_apart() calls fn in another process, with a copy of size bytes at arg as they are, and has
 * them as fn left them afterwards; nothing else that fn writes is kept but mistakes. Returns 0, or -1:
 * some file did not answer in time, and mistakes are not known.
 */
int	 conf_apart(struct build *, void (*fn)(struct build *, void *arg), void *arg, size_t size);
void	 conf_apart_begin(struct build *);
/* Something in such a process was too late: the next is waited for half as long. */
void	 conf_apart_late(struct build *);

/*
 * config/run.c, for what runs apart: why the handler's user can't run a file, malloc'd, or NULL; and
 * mistakes of a script's first line.
 */
char	*conf_run_problem(struct build *, const struct handler_conf *, const char *path);
int	 conf_is_program(const char *path);	/* a file that the caller can run */
/*
 * The first program of a name in a list of directories, written to path, which has PATH_MAX
 * bytes; while it is sought, the one that is looked at. Returns 0, or -1: there is none.
 */
int	 conf_find_program(const char *directories, const char *name, char *path);
void	 conf_check_first_line(struct build *, int at, const char *option,
	    const struct handler_conf *, const char *path);

/* config/settings.c, for what runs apart: warns of settings of the environment that the script at path lacks. */
void	 conf_check_settings(struct build *, const struct conf_node *environment, const char *path);

/* config/socket.c: the place of a unix socket; its owner and group are those that were named. */
void	 conf_check_socket(struct build *, struct listen_conf *, int at);
/* Warns of one in Postfix's queue that its user can't use; owner and group are known. */
void	 conf_check_postfix(struct build *, const struct listen_conf *, int at);

/* config/room.c: descriptors for all that may be open; the whole has been built. */
void	 conf_check_room(struct build *);

/* config/check.c: files that a handler needs and that others must not write. */
void	 conf_check_sources(struct build *);
/*
 * Root makes directories there, so nobody else may be able to put something else in
 * the place of one on the way.
 */
void	 conf_check_places(struct build *);
void	 conf_check_handler_files(struct build *, const struct conf_node *,
	    struct handler_conf *);

#endif
