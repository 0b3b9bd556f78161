/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * conf_build.h: from the tree of the configuration to struct conf. For the
 * files named conf*.c alone.
 */
#ifndef PM_CONF_BUILD_H
#define PM_CONF_BUILD_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"
#include "config/conf.h"
#include "config/errors.h"
#include "config/tree.h"

struct build {
	struct conf		*conf;
	const struct conf_tree	*tree;
	const struct conf_source *src;
	struct conf_errors	*errors;
	const char		*base;		/* NULL: paths must be absolute */
	int			 root;		/* started as root */
	int			 whole;		/* the text was read to its end */
	int			 handler_user_missing;	/* told once */
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
	void		(*set)(struct build *, void *, const struct conf_stmt *);
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

extern const struct option global_options[], listen_options[], handler_options[];

/* Puts what the section says into its structure. */
void	 options_apply(struct build *, const struct option *, const struct conf_section *,
	    void *target);
/* The value of an option that has one, or NULL after an error. */
const char *option_scalar(struct build *, const struct conf_stmt *);
/* An absolute path, malloc'd, or NULL after an error. */
char	*option_path(struct build *, const struct conf_stmt *, const char *);
/* FOLDER/PATH, malloc'd, for a relative path. */
char	*join_path(const char *folder, const char *path);

void	 build_global(struct build *);
void	 build_handlers(struct build *);
void	 build_listens(struct build *);

/* conf_lists.c: options of a handler that are lists. */
void	 set_command(struct build *, void *, const struct conf_stmt *);
void	 set_events(struct build *, void *, const struct conf_stmt *);
void	 set_optional_events(struct build *, void *, const struct conf_stmt *);
void	 set_reports(struct build *, void *, const struct conf_stmt *);
void	 set_actions(struct build *, void *, const struct conf_stmt *);
void	 set_optional_actions(struct build *, void *, const struct conf_stmt *);
void	 set_lines(struct build *, void *, const struct conf_stmt *);
void	 set_macros(struct build *, void *, const struct conf_stmt *);
void	 set_on_exit(struct build *, void *, const struct conf_stmt *);
void	 set_environment(struct build *, void *, const struct conf_stmt *);

/* conf_clients.c: whom a handler is not asked about. */
void	 set_except_clients(struct build *, void *, const struct conf_stmt *);
void	 set_only_clients(struct build *, void *, const struct conf_stmt *);

/*
 * conf_fit.c: options of a handler that need, or can't stand beside, others;
 * its hooks have been found.
 */
void	 check_fit(struct build *, const struct conf_section *, const struct handler_conf *);

/* conf_user.c: who runs what. 0, or -1 after an error. */
int	 lookup_user(const char *text, uid_t *, gid_t *, char **name, char **home);
int	 lookup_group(const char *text, gid_t *);
void	 build_engine_user(struct build *);
void	 build_handler_user(struct build *, const struct conf_section *,
	    struct handler_conf *);

/*
 * conf_run.c: why the handler's user can't run a file, malloc'd, or NULL; and
 * mistakes of a script's first line.
 */
char	*run_problem(const struct build *, const struct handler_conf *, const char *path);
/* The first program of a name in a list of folders, malloc'd, or NULL. */
char	*find_program(const char *folders, const char *name);
void	 check_first_line(struct build *, int line, const char *option,
	    const struct handler_conf *, const char *path);

/* conf_settings.c: warns of settings of the environment that the script at path lacks. */
void	 check_settings(struct build *, const struct conf_stmt *environment, const char *path);

/* conf_socket.c: the place of a unix socket; its owner and group are those that were named. */
void	 check_socket(struct build *, const struct listen_conf *, int line);
/* Warns of one in Postfix's queue that its user can't use; owner and group are known. */
void	 check_postfix(struct build *, const struct listen_conf *, int line);

/* conf_room.c: descriptors for all that may be open; the whole has been built. */
void	 check_room(struct build *);

/* conf_check.c: files that a handler needs and that others must not write. */
void	 check_sources(struct build *);
void	 check_handler_files(struct build *, const struct conf_section *,
	    struct handler_conf *);

#endif
