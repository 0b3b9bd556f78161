/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/run.c: whether a handler's user can run a file, and what closes it if
 * not; and what the first line of a script asks for.
 */
#include "base/compat.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/build.h"
#include "base/log.h"
#include "base/within.h"
#include "base/xmalloc.h"

#define BYTE_ORDER_MARK	"\357\273\277"
#define HEAD_MAX	256	/* bytes of a file that the kernel looks at */

/* What the user found out, in a process of his own. */
struct trial {
	int	 error;			/* of running it, 0: he can */
	int	 read_error;		/* of reading it */
	char	 directory[1024];		/* the one he can't enter, or "" */
};

static int
try(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == -1 ? errno : 0;
}

/* The first directory of the path that can't be entered, or "". */
static void
find_closed(const char *path, char *directory, size_t size)
{
	size_t	 len = 0;

	while (path[len] != '\0') {
		len += strcspn(path + len, "/");
		if (path[len] == '\0')
			break;
		if (strlcpy(directory, path, size) >= size)
			break;
		directory[len == 0 ? 1 : len] = '\0';
		if (try(directory, X_OK) == EACCES)
			return;
		len++;
	}
	directory[0] = '\0';
}

/* real: where links lead to, or "". */
static void
try_all(const char *path, const char *real, struct trial *t)
{
	memset(t, 0, sizeof(*t));
	t->error = try(path, X_OK);
	t->read_error = try(path, R_OK);
	if (t->error != EACCES)
		return;
	find_closed(real, t->directory, sizeof(t->directory));
	if (t->directory[0] == '\0')
		find_closed(path, t->directory, sizeof(t->directory));
}

struct attempt {
	const struct handler_conf	*h;
	const char			*path, *real;
	struct trial			 t;
};

static int
become_and_try(void *arg)
{
	struct attempt			*a = arg;
	const struct handler_conf	*h = a->h;

	if (setgroups(h->ngroups, h->groups) == -1 ||
	    setresgid(h->gid, h->gid, h->gid) == -1 ||
	    setresuid(h->uid, h->uid, h->uid) == -1) {
		a->t.error = errno;
		return 0;
	}
	try_all(a->path, a->real, &a->t);
	return 0;
}

/*
 * The user can stop who tries it: then it is not known, and taken for possible, as no
 * user may prevent a start.
 */
static void
try_as_user(struct build *b, const struct handler_conf *h, const char *path, const char *real,
    struct trial *t)
{
	struct attempt	 a = { .h = h, .path = path, .real = real };

	memset(t, 0, sizeof(*t));
	if (within_copy(b->patience / 3, become_and_try, &a, sizeof(a)) == 0)
		*t = a.t;
	else if (errno == ETIMEDOUT)
		conf_apart_late(b);
	else
		t->error = EIO;
}

static void
try_path(struct build *b, const struct handler_conf *h, const char *path, struct trial *t)
{
	char	 real[PATH_MAX];

	if (realpath(path, real) == NULL)
		real[0] = '\0';
	if (!b->root || h->user == NULL)
		try_all(path, real, t);
	else
		try_as_user(b, h, path, real, t);
}

static const char *
caller(const struct handler_conf *h)
{
	return h->user == NULL ? "the caller" : h->user;
}

/* "user NAME can't run it: WHY", malloc'd. */
static char *
sentence(const struct handler_conf *h, const char *what, const char *why)
{
	char	*text;

	if (asprintf(&text, "%s%s can't %s: %s", h->user == NULL ? "" : "user ", caller(h),
	    what, why) == -1)
		fatal("asprintf");
	return text;
}

char *
conf_run_problem(struct build *b, const struct handler_conf *h, const char *path)
{
	struct trial	 t;
	char		 why[sizeof(t.directory) + 64];
	struct statvfs	 fs;
	struct stat	 st;

	try_path(b, h, path, &t);
	if (t.error == 0)
		return NULL;
	if (t.directory[0] != '\0')
		(void)snprintf(why, sizeof(why), "the directory %s is closed to this user",
		    t.directory);
	else if (t.error != EACCES || stat(path, &st) == -1)
		(void)snprintf(why, sizeof(why), "%s", strerror(t.error));
	else if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		(void)snprintf(why, sizeof(why), "its file system is mounted noexec");
	else
		(void)snprintf(why, sizeof(why), "its mode %04o has no x for this user",
		    (unsigned int)(st.st_mode & 07777));
	return sentence(h, "run it", why);
}

/* The beginning of a file, with a NUL after it; -1: we can't read it. */
static ssize_t
read_head(const char *path, char *head)
{
	ssize_t	 n;
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1)
		return -1;
	n = read(fd, head, HEAD_MAX);
	(void)close(fd);
	head[n < 0 ? 0 : n] = '\0';
	return n;
}

/* The kernel ends the name at a blank or line feed, but not at CR. */
static char *
interpreter(const struct handler_conf *h, const char *head)
{
	const char	*p = head + 2 + strspn(head + 2, " \t");
	char		*name = xmemdup0(p, strcspn(p, " \t\n")), *path = name;

	if (name[0] != '/' && name[0] != '\0') {
		path = conf_join_path(h->directory, name);
		free(name);
	}
	return path;
}

/* What is wrong with an interpreter, malloc'd, or NULL. */
static char *
interpreter_problem(struct build *b, const struct handler_conf *h, const char *path)
{
	struct stat	 st;

	if (path[0] == '\0')
		return xstrdup("expected a path after #!");
	if (stat(path, &st) == -1)
		return xstrdup(strerror(errno));
	if (!S_ISREG(st.st_mode))
		return xstrdup("not a file");
	return conf_run_problem(b, h, path);
}

/* What env(1) is to run, malloc'd, or NULL if it is not as simple as one name. */
static char *
env_program(const char *shell, const char *head)
{
	const char	*p = head + 2 + strspn(head + 2, " \t"), *base = strrchr(shell, '/');
	size_t		 len;

	if (base == NULL || strcmp(base, "/env") != 0)
		return NULL;
	p += strcspn(p, " \t\n");
	p += strspn(p, " \t");
	/* All that stands there is one argument, with its blanks. */
	len = strcspn(p, "\n");
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	if (len == 0 || p[0] == '-' || memchr(p, '=', len) != NULL || memchr(p, '/', len) != NULL)
		return NULL;
	return xmemdup0(p, len);
}

int
conf_is_program(const char *path)
{
	struct stat	 st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int
conf_find_program(const char *directories, const char *name, char *path)
{
	const char	*dir = directories;
	size_t		 len;
	int		 n;

	for (;;) {
		len = strcspn(dir, ":");
		n = snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dir, name);
		if (n > 0 && n < PATH_MAX && conf_is_program(path))
			return 0;
		if (dir[len] == '\0')
			break;
		dir += len + 1;
	}
	path[0] = '\0';
	return -1;
}

static const char *
handler_path(const struct handler_conf *h)
{
	size_t	 i;

	for (i = 0; i < h->nenvironment; i++)
		if (strcmp(h->environment[i].name, "PATH") == 0)
			return h->environment[i].value;
	return HANDLER_PATH;
}

/* Such a script fails as with a missing interpreter, but only when it is run. */
static void
check_env(struct build *b, int at, const char *option, const struct handler_conf *h,
    const char *path, const char *shell, const char *head)
{
	char	*name = env_program(shell, head), found[PATH_MAX];

	if (name == NULL)
		return;
	if (conf_find_program(handler_path(h), name, found) == -1)
		conf_error(b->errors, at, "%s: %s: %s finds no program \"%s\" in the PATH of "
		    "handlers, %s%s", option, path, shell, name, handler_path(h),
		    strchr(name, ' ') == NULL ? "" : "; expected one name, or -S before more");
	free(name);
}

static void
check_interpreter(struct build *b, int at, const char *option,
    const struct handler_conf *h, const char *path, const char *head)
{
	size_t		 len = strcspn(head, "\n");
	const char	*dos = head[len - 1] == '\r' && head[len] == '\n' ?
	    "its first line ends with CR: the file has DOS line ends" : "";
	char		*shell = interpreter(h, head), *why;

	if ((why = interpreter_problem(b, h, shell)) != NULL)
		conf_error(b->errors, at, "%s: %s: its interpreter %s: %s%s%s", option, path,
		    shell, why, dos[0] == '\0' ? "" : "; ", dos);
	else if (dos[0] != '\0')
		conf_warning(b->errors, at, "%s: %s: %s", option, path, dos);
	if (why == NULL)
		check_env(b, at, option, h, path, shell, head);
	free(shell);
	free(why);
}

/* A user who may run a script must be able to read it too. */
static void
check_readable(struct build *b, int at, const char *option, const struct handler_conf *h,
    const char *path)
{
	struct trial	 t;
	char		*why;

	try_path(b, h, path, &t);
	if (t.error != 0 || t.read_error == 0)
		return;
	why = sentence(h, "read it, as must be with a script", strerror(t.read_error));
	conf_error(b->errors, at, "%s: %s: %s", option, path, why);
	free(why);
}

void
conf_check_first_line(struct build *b, int at, const char *option, const struct handler_conf *h,
    const char *path)
{
	char	 head[HEAD_MAX + 1];
	ssize_t	 n = read_head(path, head);

	/* If we can't read it, we can't say that it is a script either. */
	if (n < 0 || (n >= 4 && memcmp(head, "\177ELF", 4) == 0))
		return;
	if (strncmp(head, "#!", 2) != 0) {
		/* No error: binfmt_misc may know what to do with it. */
		if (strncmp(head, BYTE_ORDER_MARK "#!", 5) == 0)
			conf_warning(b->errors, at, "%s: %s: a UTF-8 byte order mark stands "
			    "before its #!; expected #! as its first bytes", option, path);
		else
			conf_warning(b->errors, at, "%s: %s: has no #! line, and is no program "
			    "of this system either; a shell script begins with #!/bin/sh",
			    option, path);
		return;
	}
	check_readable(b, at, option, h, path);
	check_interpreter(b, at, option, h, path, head);
}
