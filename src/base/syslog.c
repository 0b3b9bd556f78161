/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/syslog.c: the client of syslog, see base/syslog.h.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <paths.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/syslog.h"

#define SYSLOG_KEPT	(256u * 1024)	/* bytes of lines that wait */
#define DRAIN_MS	20		/* from one try to the next, without room */
#define SYSLOG_LINE	4400u		/* one with its header */

static int		 log_fd = -1;
static int		 adopted;	/* log_fd is connected by another process */
static int		 cut;		/* the last line found no receiver */
static const char	*log_program = "";
static int		 log_facility;
static unsigned long	 lost;		/* lines, not told yet */
static unsigned long	 all_lost;	/* lines */

/* Lines that wait, each with its NUL: from kept + sent to kept + used. */
static char		 kept[SYSLOG_KEPT];
static size_t		 used, sent;

int
syslog_connect(int fd)
{
	struct sockaddr_un	 sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	(void)strlcpy(sun.sun_path, _PATH_LOG, sizeof(sun.sun_path));
	return connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
}

static int
open_socket(void)
{
	int	 fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1)
		(void)syslog_connect(fd);
	return fd;
}

void
syslog_init(const char *program, int facility)
{
	log_program = program;
	log_facility = facility;
	adopted = cut = 0;
	log_fd = open_socket();
}

void
syslog_change(int facility)
{
	log_facility = facility;
}

void
syslog_close(void)
{
	if (log_fd != -1)
		close(log_fd);
	log_fd = -1;
}

int
syslog_socket(void)
{
	return log_fd == -1 ? -1 : open_socket();
}

void
syslog_adopt(int fd)
{
	if (fd != -1) {
		syslog_close();
		log_fd = fd;
	}
	adopted = 1;
	cut = 0;
	used = sent = 0;
	lost = all_lost = 0;
}

int
syslog_is_cut(void)
{
	return cut;
}

/*
 * MSG_DONTWAIT though the socket is non-blocking: that flag belongs to all
 * processes that share the socket. Returns 1 if the line has gone.
 */
static int
send_now(const char *line, size_t len)
{
	int	 tries;

	for (tries = 0; tries < 2; tries++) {
		if (send(log_fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1) {
			cut = 0;
			return 1;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return 0;
		cut = 1;
		if (adopted || syslog_connect(log_fd) == -1)
			return 0;
	}
	return 0;
}

int
syslog_flush(void)
{
	size_t	 len;

	while (sent < used && log_fd != -1) {
		len = strlen(kept + sent);
		if (!send_now(kept + sent, len))
			return 1;
		sent += len + 1;
	}
	used = sent = 0;
	return 0;
}

/* Returns 0 if there is no room. */
static int
keep(const char *line, size_t len)
{
	if (len >= sizeof(kept) - used && sent > 0) {
		memmove(kept, kept + sent, used - sent);
		used -= sent;
		sent = 0;
	}
	if (len >= sizeof(kept) - used)
		return 0;
	memcpy(kept + used, line, len + 1);
	used += len + 1;
	return 1;
}

/* As RFC 3164 has it, and syslog(3) sends it: local time, English names. */
static size_t
format(char *line, size_t size, int severity, const char *text)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	    "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t		 now = time(NULL);
	struct tm	 tm;
	int		 n;

	if (localtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = snprintf(line, size, "<%d>%s %2d %02d:%02d:%02d %s[%d]: %s", log_facility | severity,
	    months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, log_program,
	    (int)getpid(), text);
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* Sends a line with the number of lost lines. Returns 0 if that line finds no room either. */
static int
tell_lost(void)
{
	char	 text[80], line[SYSLOG_LINE];
	size_t	 len;

	if (lost == 0)
		return 1;
	(void)snprintf(text, sizeof(text), "%lu lines of this log were lost", lost);
	len = format(line, sizeof(line), LOG_WARNING, text);
	if (!keep(line, len))
		return 0;
	lost = 0;
	return 1;
}

static void
note_lost(void)
{
	lost++;
	all_lost++;
}

void
syslog_line(int severity, const char *text)
{
	char	 line[SYSLOG_LINE];
	size_t	 len;

	if (log_fd == -1)
		return;
	(void)syslog_flush();
	len = format(line, sizeof(line), severity, text);
	if (!tell_lost() || !keep(line, len))
		note_lost();
	(void)syslog_flush();
}

unsigned long
syslog_lost(void)
{
	return all_lost;
}

void
syslog_drain(int ms)
{
	struct pollfd	 pfd = { .fd = log_fd, .events = POLLOUT };

	/* Where there was room at once that counts as a millisecond. */
	while (syslog_flush() && !cut && ms > 0)
		ms -= poll(&pfd, 1, DRAIN_MS) == 1 ? 1 : DRAIN_MS;
}
