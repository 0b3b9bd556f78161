/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/log.c: lines for syslog or standard error.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LIBBSD_OPENBSD_VIS	/* the two strnvis(3) differ in their arguments */
#include <vis.h>

#include "base/log.h"
#include "base/syslog.h"

#define LOG_MAX_LINE	4096	/* bytes written for one call, line feed included */

static const char	*log_program = "pipemilter";
static const char	*log_role;
static int		 log_stderr = 1;
static int		 log_max = LOG_INFO;
static int		 log_echo_fd = -1;
static int		 log_journal = -1;	/* see stderr_is_journal(); -1: not known yet */
static void		(*log_hook)(int, const char *);
static void		(*log_tee_fn)(int, const char *);
static void		(*log_watcher)(const char *, const char *);

/*
 * 1 if the journal of systemd reads our standard error: the variable has the
 * device and inode of the stream, as systemd.exec(5) says, "Environment Variables
 * Set or Propagated by the Service Manager".
 */
static int
stderr_is_journal(void)
{
	const char	*stream = getenv("JOURNAL_STREAM");
	char		 ours[64];
	struct stat	 st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
		return 0;
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void
log_init(const char *program, int to_stderr, int facility, int level)
{
	/* An engine that is locked up can't look for itself. */
	log_journal = stderr_is_journal();
	log_program = program;
	log_stderr = to_stderr;
	log_max = level;
	syslog_close();
	if (!to_stderr)
		syslog_init(program, facility);
}

void
log_change(int facility, int level)
{
	log_max = level;
	syslog_change(facility);
}

void
log_tee(void (*fn)(int severity, const char *text))
{
	log_tee_fn = fn;
}

void
log_procinit(const char *role)
{
	log_role = role;
}

int
log_level(void)
{
	return log_max;
}

int
log_enabled(int severity)
{
	return severity <= log_max || (log_watcher != NULL && severity <= LOG_INFO);
}

void
log_watch(void (*fn)(const char *ids, const char *text))
{
	log_watcher = fn;
}

void
log_set_hook(void (*hook)(int severity, const char *line))
{
	log_hook = hook;
}

void
log_echo(int fd)
{
	log_echo_fd = fd;
}

/*
 * Writes the severity for the journal (sd-daemon(3)), or nothing, to size bytes at prefix.
 */
static void
make_prefix(char *prefix, size_t size, int fd, int severity)
{
	if (log_journal == -1)
		log_journal = stderr_is_journal();
	prefix[0] = '\0';
	if (log_journal && fd == STDERR_FILENO)
		(void)snprintf(prefix, size, "<%d>", severity);
}

/*
 * Writes "PROGRAM: TEXT" in one write, since the lines of several processes
 * that share a descriptor must not run into each other. A line that can't be
 * written is lost: there is nobody left to tell.
 */
static void
write_to_fd(int fd, int severity, const char *text)
{
	char	 line[LOG_MAX_LINE], prefix[16];
	int	 n;
	size_t	 len;
	ssize_t	 w;

	make_prefix(prefix, sizeof(prefix), fd, severity);
	if (log_max >= LOG_DEBUG && log_role != NULL)
		n = snprintf(line, sizeof(line), "%s%s[%s]: %s\n", prefix, log_program,
		    log_role, text);
	else
		n = snprintf(line, sizeof(line), "%s%s: %s\n", prefix, log_program, text);
	if (n < 0)
		return;
	len = (size_t)n;
	if (len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	do
		w = write(fd, line, len);
	while (w == -1 && errno == EINTR);
}

static void
emit(int severity, const char *raw)
{
	char	 text[LOG_MAX_LINE + MB_LEN_MAX + 1];

	/*
	 * VIS_NL and VIS_TAB: no text from outside makes a second line.
	 * libbsd's strnvis(3) writes a character and the NUL before it looks
	 * whether there is room: hence the reserve.
	 */
	if (log_tee_fn != NULL)
		log_tee_fn(severity, raw);
	text[0] = '\0';
	(void)strnvis(text, raw, LOG_MAX_LINE - 1,
	    VIS_OCTAL | VIS_CSTYLE | VIS_TAB | VIS_NL);
	if (log_hook != NULL) {
		log_hook(severity, text);
		return;
	}
	if (log_stderr)
		write_to_fd(STDERR_FILENO, severity, text);
	else
		syslog_line(severity, text);
	if (log_echo_fd != -1 && severity <= LOG_ERR)
		write_to_fd(log_echo_fd, severity, text);
}

static void
log_verrno(int severity, const char *ids, int code, const char *fmt,
    va_list ap) PRINTF_LIKE(4, 0);

/* code: the errno whose text follows, or 0. */
static void
log_verrno(int severity, const char *ids, int code, const char *fmt,
    va_list ap)
{
	char	 raw[LOG_MAX_LINE];
	size_t	 len = 0;

	if (!log_enabled(severity))
		return;
	raw[0] = '\0';
	if (ids != NULL && ids[0] != '\0') {
		(void)strlcpy(raw, ids, sizeof(raw));
		(void)strlcat(raw, ": ", sizeof(raw));
		len = strlen(raw);
	}
	(void)vsnprintf(raw + len, sizeof(raw) - len, fmt, ap);
	if (code != 0) {
		(void)strlcat(raw, ": ", sizeof(raw));
		(void)strlcat(raw, strerror(code), sizeof(raw));
	}
	if (log_watcher != NULL && len > 0 && severity <= LOG_INFO)
		log_watcher(ids, raw + len);
	if (severity <= log_max)
		emit(severity, raw);
}

void
log_vmsg(int severity, const char *ids, const char *fmt, va_list ap)
{
	int	 saved = errno;

	log_verrno(severity, ids, 0, fmt, ap);
	errno = saved;
}

void
log_msg(int severity, const char *ids, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_vmsg(severity, ids, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	int	 saved = errno;
	va_list	 ap;

	va_start(ap, fmt);
	log_verrno(LOG_WARNING, NULL, saved, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_warnx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_vmsg(LOG_WARNING, NULL, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_vmsg(LOG_INFO, NULL, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_vmsg(LOG_DEBUG, NULL, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	int	 saved = errno;
	va_list	 ap;

	va_start(ap, fmt);
	log_verrno(LOG_ERR, NULL, saved, fmt, ap);
	va_end(ap);
	syslog_drain(LOG_LAST_WORDS);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_verrno(LOG_ERR, NULL, 0, fmt, ap);
	va_end(ap);
	syslog_drain(LOG_LAST_WORDS);
	exit(1);
}
