/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/user.c: users and groups: who talks with the network, and who runs a handler.
 * Only root can choose. Started by another user, everything runs as that user.
 */
#include "base/compat.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/build.h"
#include "config/value.h"
#include "base/xmalloc.h"

#define GROUPS_MAX	65536

int
conf_lookup_user(const char *text, uid_t *uid, gid_t *gid, char **name, char **home)
{
	const char	*why;
	struct passwd	*pw;
	uint64_t	 n;

	pw = getpwnam(text);
	if (pw == NULL && conf_value_number(text, &n, &why) == 0)
		pw = getpwuid((uid_t)n);
	if (pw == NULL)
		return -1;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (name != NULL)
		*name = xstrdup(pw->pw_name);
	if (home != NULL)
		*home = xstrdup(pw->pw_dir);
	return 0;
}

int
conf_lookup_group(const char *text, gid_t *gid)
{
	const char	*why;
	struct group	*gr;
	uint64_t	 n;

	if ((gr = getgrnam(text)) != NULL)
		*gid = gr->gr_gid;
	else if (conf_value_number(text, &n, &why) == 0 && n != (gid_t)-1)
		*gid = (gid_t)n;
	else
		return -1;
	return 0;
}

static int
place_of(const struct conf_node *sec, const char *name)
{
	const struct conf_node	*st = conf_tree_find(sec, name);

	return st == NULL ? 0 : st->at;
}

static void
no_such_user(struct build *b, int at, const char *option, const char *name)
{
	if (strcmp(name, "_pipemilter") == 0 || strcmp(name, "pipemilter") == 0)
		conf_error(b->errors, at, "%s: user %s does not exist; `systemd-sysusers "
		    SYSUSERSDIR "/pipemilter.conf' makes it, or `useradd -r -U -M "
		    "-d / -s /usr/sbin/nologin %s'", option, name, name);
	else
		conf_error(b->errors, at, "%s: %s: no such user", option, name);
}

void
conf_build_engine_user(struct build *b)
{
	struct conf	*conf = b->conf;
	int		 at = place_of(b->tree, "engine-user");

	if (!b->root)
		return;
	if (conf_lookup_user(conf->engine_user, &conf->engine_uid, &conf->engine_gid,
	    NULL, NULL) == -1) {
		no_such_user(b, at, "engine-user", conf->engine_user);
		return;
	}
	if (conf->engine_uid == 0 || conf->engine_gid == 0) {
		conf_error(b->errors, at, "engine-user: %s: expected a user other than "
		    "root and outside of its group", conf->engine_user);
		return;
	}
	conf->have_engine_ids = 1;
}

/* getgrouplist(3) says how many there are only when the list is too short. */
static void
fill_groups(struct handler_conf *h)
{
	int	 n = 32;

	h->groups = xcalloc((size_t)n, sizeof(*h->groups));
	while (getgrouplist(h->user, h->gid, h->groups, &n) == -1 && n <= GROUPS_MAX)
		h->groups = xreallocarray(h->groups, (size_t)n, sizeof(*h->groups));
	h->ngroups = n > 0 ? (size_t)n : 0;
}

static void
check_user(struct build *b, const struct conf_node *st, const struct handler_conf *h)
{
	const struct conf	*conf = b->conf;
	int			 at = st == NULL ? h->line : st->at;

	if (h->uid == 0 && st == NULL)
		conf_error(b->errors, at, "user: handler %s would run as root; expected "
		    "another handler-user, or `user = root' in the handler if it must", h->name);
	else if (conf->have_engine_ids && h->uid == conf->engine_uid)
		conf_error(b->errors, at, "user: handler %s would run as %s, which is "
		    "engine-user; expected another user", h->name, h->user);
}

/*
 * As root: the user that is named, the group that is named or else the user's, and all
 * groups of the user.
 */
static void
choose_user(struct build *b, const struct conf_node *sec, struct handler_conf *h)
{
	const struct conf_node	*st = conf_tree_find(sec, "user");
	const struct conf_node	*group = conf_tree_find(sec, "group");
	const char		*name = b->conf->handler_user, *text;

	if (st != NULL && (name = conf_option_scalar(b, st)) == NULL)
		return;
	if (conf_lookup_user(name, &h->uid, &h->gid, &h->user, &h->home) == -1) {
		if (st != NULL)
			no_such_user(b, st->at, "user", name);
		else if (b->handler_user_missing++ == 0)
			no_such_user(b, place_of(b->tree, "handler-user"),
			    "handler-user", name);
		return;
	}
	check_user(b, st, h);
	if (group != NULL && (text = conf_option_scalar(b, group)) != NULL &&
	    conf_lookup_group(text, &h->gid) == -1)
		conf_error(b->errors, group->at, "group: \"%s\": expected a group of "
		    "this system", text);
	fill_groups(h);
}

static void
keep_caller(struct build *b, const struct conf_node *sec, struct handler_conf *h)
{
	const struct conf_node	*st = conf_tree_find(sec, "user");
	const struct conf_node	*group = conf_tree_find(sec, "group");
	struct passwd		*pw;
	const char		*text;
	uid_t			 uid;
	gid_t			 gid;

	h->uid = getuid();
	h->gid = getgid();
	pw = getpwuid(h->uid);
	h->home = xstrdup(pw == NULL ? "/" : pw->pw_dir);
	if (st != NULL && (text = conf_option_scalar(b, st)) != NULL &&
	    (conf_lookup_user(text, &uid, &gid, NULL, NULL) == -1 || uid != h->uid))
		conf_warning(b->errors, st->at, "user: not started as root, so handler %s "
		    "runs as the caller, not as %s", h->name, text);
	if (group != NULL && (text = conf_option_scalar(b, group)) != NULL &&
	    (conf_lookup_group(text, &gid) == -1 || gid != h->gid))
		conf_warning(b->errors, group->at, "group: not started as root, so handler "
		    "%s runs in the caller's groups, not in %s", h->name, text);
}

void
conf_build_handler_user(struct build *b, const struct conf_node *sec, struct handler_conf *h)
{
	if (b->root)
		choose_user(b, sec, h);
	else
		keep_caller(b, sec, h);
}
