/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn_env.c: builds the environment of a handler process.
 */
#include "base/compat.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xmalloc.h"
#include "system/spawn_env.h"

#define EVENT_PREFIX	"MILTER_"

struct env_list {
	char	**vars;
	size_t	  n, max;
};

/* The user we run as, for handlers without one of their own; looked up once. */
static const char	*caller_name;
static const char	*caller_home;

static void
find_caller(void)
{
	struct passwd	*pw;
	char		 number[32];

	if (caller_name != NULL)
		return;
	if ((pw = getpwuid(geteuid())) != NULL) {
		caller_name = xstrdup(pw->pw_name);
		caller_home = xstrdup(pw->pw_dir);
		return;
	}
	(void)snprintf(number, sizeof(number), "%u", (unsigned int)geteuid());
	caller_name = xstrdup(number);
	caller_home = "/";
}

/* 1 if both have the same name before the equals sign. */
static int
same_name(const char *a, const char *b)
{
	size_t	 len = strcspn(a, "=");

	return a[len] == '=' && strncmp(a, b, len + 1) == 0;
}

static char **
find_var(struct env_list *list, size_t n, const char *var)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (same_name(list->vars[i], var))
			return &list->vars[i];
	return NULL;
}

static void
add_var(struct env_list *list, char *var)
{
	if (list->n + 1 >= list->max) {
		list->max = list->max == 0 ? 64 : list->max * 2;
		list->vars = xreallocarray(list->vars, list->max,
		    sizeof(*list->vars));
	}
	list->vars[list->n++] = var;
	list->vars[list->n] = NULL;
}

static void
set_var(struct env_list *list, const char *name, const char *value)
{
	size_t	 size = strlen(name) + strlen(value) + 2;
	char	*var = xmalloc(size), **old;

	(void)snprintf(var, size, "%s=%s", name, value);
	if ((old = find_var(list, list->n, var)) == NULL) {
		add_var(list, var);
		return;
	}
	free(*old);
	*old = var;
}

static void
set_fixed(struct env_list *list, const struct handler_conf *h, const char *tmpdir)
{
	const char	*user = h->user, *home = h->home;

	if (user == NULL) {
		find_caller();
		user = caller_name;
		home = caller_home;
	}
	set_var(list, "PATH", HANDLER_PATH);
	set_var(list, "HOME", home != NULL ? home : "/");
	set_var(list, "USER", user);
	set_var(list, "LOGNAME", user);
	if (tmpdir != NULL)
		set_var(list, "TMPDIR", tmpdir);
	set_var(list, "LC_ALL", "C");
	set_var(list, "PYTHONUNBUFFERED", "1");
	set_var(list, "PIPEMILTER_PROTOCOL", "1");
	set_var(list, "PIPEMILTER_HANDLER", h->name);
}

/*
 * The engine hears the network, so it is not trusted: none of its variables may
 * be one that a shell or the dynamic linker obeys, or override what the
 * configuration has set.
 */
static int
add_event_vars(struct env_list *list, const char *env, size_t len)
{
	const size_t	 ours = list->n;
	const char	*end;

	while (len > 0) {
		if ((end = memchr(env, '\0', len)) == NULL)
			return -1;
		if (strncmp(env, EVENT_PREFIX, strlen(EVENT_PREFIX)) != 0 ||
		    strchr(env, '=') == NULL)
			return -1;
		if (find_var(list, ours, env) == NULL)
			add_var(list, xstrdup(env));
		end++;
		len -= (size_t)(end - env);
		env = end;
	}
	return 0;
}

char **
spawn_env_new(const struct handler_conf *h, const char *tmpdir, const char *env, size_t env_len)
{
	struct env_list	 list = { NULL, 0, 0 };
	size_t		 i;

	set_fixed(&list, h, tmpdir);
	for (i = 0; i < h->nenvironment; i++)
		set_var(&list, h->environment[i].name,
		    h->environment[i].value);
	if (add_event_vars(&list, env, env_len) == -1) {
		spawn_env_free(list.vars);
		return NULL;
	}
	return list.vars;
}

void
spawn_env_free(char **vars)
{
	char	**v;

	/* The next engine is a fork of this process, and must find no secret in it. */
	for (v = vars; v != NULL && *v != NULL; v++)
		xfree_secret(*v);
	free(vars);
}
