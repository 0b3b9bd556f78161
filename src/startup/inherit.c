/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/inherit.c: sockets from a service manager, and for it. A socket that the
 * service manager has goes on listening while no daemon runs, so clients of a restart wait
 * and are not refused.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "startup/inherit.h"
#include "system/notify.h"

#define FIRST_FD	3	/* sd_listen_fds(3): SD_LISTEN_FDS_START */
#define MAX_FDS		1024
#define NAME_MAX_LEN	255	/* sd_notify(3): FDNAME */

struct inherited {
	int	 fd;		/* -1: claimed, or closed */
	char	*name;		/* NULL: unknown */
	char	*address;	/* as netaddr_print() writes it; NULL: not a socket that we can use */
};

static struct inherited	*all;
static int		 nall;
static int		 ndropped;	/* that the service manager was told to close */

/* NULL if it is not a stream socket of a kind that milter clients connect to. */
static char *
address_of(int fd)
{
	struct netaddr		 na;
	struct netaddr_text	 text;
	int			 type;
	socklen_t		 len = sizeof(type);

	memset(&na, 0, sizeof(na));
	na.len = sizeof(na.ss);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 || type != SOCK_STREAM ||
	    getsockname(fd, (struct sockaddr *)&na.ss, &na.len) == -1 ||
	    (na.ss.ss_family != AF_UNIX && na.ss.ss_family != AF_INET &&
	    na.ss.ss_family != AF_INET6))
		return NULL;
	return xstrdup(netaddr_print(&na, &text));
}

static void
take_one(struct inherited *in, int fd, const char *name, size_t len)
{
	int	 flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1) {
		in->fd = -1;
		return;
	}
	in->fd = fd;
	in->name = len > 0 && len <= NAME_MAX_LEN ? xmemdup0(name, len) : NULL;
	in->address = address_of(fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    (in->address != NULL && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1))
		fatal("descriptor %d of the service manager", fd);
}

/* names: of all, with colons between them. */
static void
take_all(int n, const char *names)
{
	size_t	 len;
	int	 i;

	all = xcalloc((size_t)n, sizeof(*all));
	nall = n;
	for (i = 0; i < n; i++) {
		len = strcspn(names, ":");
		take_one(&all[i], FIRST_FD + i, names, len);
		names += len + (names[len] == ':');
	}
}

static int
number(const char *text, int max)
{
	return text != NULL ? (int)strtonum(text, 1, max, NULL) : 0;
}

int
inherit_take(void)
{
	const char	*names = getenv("LISTEN_FDNAMES");
	int		 n = number(getenv("LISTEN_FDS"), MAX_FDS);

	/* Variables that were meant for a process above us say nothing of our descriptors. */
	if (number(getenv("LISTEN_PID"), INT_MAX) != (int)getpid())
		n = 0;
	if (n > 0)
		take_all(n, names != NULL ? names : "");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	return FIRST_FD + n;
}

/* A socket whose file is gone listens where no client can come. */
static int
is_reachable(int fd, const struct netaddr *na)
{
	const struct sockaddr_un *sun = (const void *)&na->ss;
	struct stat		 st;
	int			 listens;
	socklen_t		 len = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1 || !listens)
		return 0;
	return na->ss.ss_family != AF_UNIX ||
	    (lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
}

/* The service manager's copy would go on listening. */
static void
drop(struct inherited *in)
{
	if (in->name != NULL && notify_send(-1, "FDSTOREREMOVE=1\nFDNAME=%s", in->name) == 1)
		ndropped++;
	(void)close(in->fd);
	in->fd = -1;
}

int
inherit_claim(const struct netaddr *na)
{
	struct netaddr_text	 text;
	int			 i, fd = -1;

	(void)netaddr_print(na, &text);
	for (i = 0; i < nall; i++) {
		if (all[i].fd == -1 || all[i].address == NULL ||
		    strcmp(all[i].address, text.s) != 0)
			continue;
		if (fd != -1 || !is_reachable(all[i].fd, na)) {
			drop(&all[i]);
			continue;
		}
		fd = all[i].fd;
		all[i].fd = -1;
	}
	return fd;
}

void
inherit_close_rest(void)
{
	int	 i;

	for (i = 0; i < nall; i++) {
		if (all[i].fd != -1) {
			if (all[i].address != NULL)
				log_warnx("the service manager has handed over a socket at %s, "
				    "where no listener is: closed", all[i].address);
			else
				log_warnx("the service manager has handed over descriptor %d, "
				    "which no listener can use: closed", all[i].fd);
			drop(&all[i]);
		}
		free(all[i].name);
		free(all[i].address);
	}
	free(all);
	all = NULL;
	nall = 0;
	/* It may have an address that a listener is to have now. */
	if (ndropped > 0)
		notify_wait();
	ndropped = 0;
}

/* FNV-1a: the same address has the same name in every daemon. */
static uint64_t
hash(const char *text)
{
	uint64_t	 h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

int
inherit_leave(int fd, const struct netaddr *na)
{
	struct netaddr_text	 text;

	return notify_send(fd, "FDSTORE=1\nFDNAME=listen-%016" PRIx64,
	    hash(netaddr_print(na, &text))) == 1;
}

void
inherit_forget(const struct netaddr *na)
{
	struct netaddr_text	 text;

	(void)notify_send(-1, "FDSTOREREMOVE=1\nFDNAME=listen-%016" PRIx64,
	    hash(netaddr_print(na, &text)));
}
