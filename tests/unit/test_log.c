/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests base/log.h. */

#include "base/compat.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tap.h"

static char	 last[8192];
static int	 last_severity;
static int	 lines;

static void
keep(int severity, const char *line)
{
	(void)snprintf(last, sizeof(last), "%s", line);
	last_severity = severity;
	lines++;
}

static void
test_text(void)
{
	lines = 0;
	log_set_hook(keep);
	log_info("plain %d", 7);
	CHECK_STR(last, "plain 7", "the text as it is");
	CHECK(last_severity == LOG_INFO, "its severity");
	log_warnx("a\nb\tc\rd\033[1m\001e\177");
	CHECK_STR(last,
	    "a\\nb\\tc\\rd\\033[1m\\001e\\177", "control bytes are made visible");
	log_info("%s", "back\\slash %n %s");
	CHECK_STR(last, "back\\\\slash %n %s", "a backslash is doubled, a percent sign is text");
	log_info("\303\244");
	CHECK_STR(last, "\\303\\244", "bytes above 127 are made visible");
	CHECK(lines == 4, "one line for each call");
	log_debug("dropped");
	CHECK(lines == 4, "debug lines are dropped at level info");
}

static void
test_ids(void)
{
	log_msg(LOG_WARNING, "5f3a.1 QID", "text");
	CHECK_STR(last, "5f3a.1 QID: text", "the ids stand before the text");
	log_msg(LOG_WARNING, "", "text");
	CHECK_STR(last, "text", "no ids, no colon");
	log_msg(LOG_WARNING, NULL, "text");
	CHECK_STR(last, "text", "the same for NULL");
	log_msg(LOG_WARNING, "a\nb", "text");
	CHECK_STR(last, "a\\nb: text", "ids are made visible as well");
}

static void
test_errno(void)
{
	errno = ENOENT;
	log_warn("file %s", "x");
	CHECK_STR(last, "file x: No such file or directory", "log_warn says why");
	CHECK(last_severity == LOG_WARNING, "as a warning");
	CHECK(errno == ENOENT, "errno survives");
	errno = EAGAIN;
	log_info("x");
	CHECK(errno == EAGAIN, "errno survives log_info");
}

static void
test_long(void)
{
	static char	 text[10000];

	memset(text, 'a', sizeof(text) - 1);
	log_info("%s", text);
	CHECK(strlen(last) > 4000 && strlen(last) < 4096, "a long line is cut at 4 KiB");
	memset(text, '\n', sizeof(text) - 1);
	log_info("%s", text);
	CHECK(strlen(last) > 4000 && strlen(last) < 4096, "also where vis makes it longer");
	CHECK(strchr(last, '\n') == NULL, "no line feed is left");
}

/*
 * Returns what a function logs on stderr; *status is its exit status, 0 if it
 * returned.
 */
static const char *
stderr_of(void (*fn)(void), int *status)
{
	static char	 text[16384];
	size_t		 len = 0;
	ssize_t		 n;
	int		 p[2];
	pid_t		 pid;

	if (pipe(p) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		log_set_hook(NULL);
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		fn();
		_exit(0);
	}
	close(p[1]);
	while (len < sizeof(text) - 1 &&
	    (n = read(p[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(p[0]);
	waitpid(pid, status, 0);
	*status = WEXITSTATUS(*status);
	return text;
}

static void
die(void)
{
	errno = EACCES;
	fatal("thing");
}

static void
diex(void)
{
	fatalx("thing");
}

static void
speak(void)
{
	static char	 text[10000];

	log_init("prog", 1, LOG_MAIL, LOG_INFO);
	log_procinit("role");
	log_info("quiet about the role");
	log_init("prog", 1, LOG_MAIL, LOG_DEBUG);
	log_debug("loud");
	memset(text, 'a', sizeof(text) - 1);
	log_info("%s", text);
	log_info("next");
}

static void
echo(void)
{
	/* Syslog may be missing here: the echo goes to a descriptor. */
	log_init("prog", 0, LOG_MAIL, LOG_INFO);
	log_echo(STDERR_FILENO);
	log_info("not this");
	log_msg(LOG_ERR, NULL, "but this");
	log_echo(-1);
	log_msg(LOG_ERR, NULL, "nor this");
}

/* Sets JOURNAL_STREAM to standard error, or to the inode after it. */
static void
name_journal(unsigned int off)
{
	struct stat	 st;
	char		 name[64];

	if (fstat(STDERR_FILENO, &st) == -1)
		abort();
	(void)snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + off);
	setenv("JOURNAL_STREAM", name, 1);
}

static void
to_journal(void)
{
	name_journal(0);
	log_init("prog", 1, LOG_MAIL, LOG_INFO);
	log_info("quiet");
	log_warnx("a\nb");
	/* The severity is that of what standard error is now. */
	name_journal(1);
	log_init("prog", 1, LOG_MAIL, LOG_INFO);
	log_warnx("no journal");
}

static void
echo_to_journal(void)
{
	name_journal(0);
	log_init("prog", 0, LOG_MAIL, LOG_INFO);
	log_echo(STDERR_FILENO);
	log_msg(LOG_ERR, NULL, "an error");
	log_echo(dup(STDERR_FILENO));
	log_msg(LOG_ERR, NULL, "through another descriptor");
}

static void
die_in_journal(void)
{
	name_journal(0);
	fatalx("before anything is known");
}

static void
test_journal(void)
{
	int	 status;

	CHECK_STR(stderr_of(to_journal, &status),
	    "<6>prog: quiet\n<4>prog: a\\nb\nprog: no journal\n",
	    "lines for the journal begin with their severity");
	CHECK_STR(stderr_of(echo_to_journal, &status),
	    "<3>prog: an error\nprog: through another descriptor\n",
	    "so do errors of a start, where standard error is the journal");
	CHECK_STR(stderr_of(die_in_journal, &status),
	    "<3>pipemilter: before anything is known\n", "so do those before log_init");
}

static void
test_stderr(void)
{
	const char	*text, *cut;
	int		 status;

	CHECK_STR(stderr_of(die, &status), "pipemilter: thing: Permission denied\n", "fatal tells why");
	CHECK(status == 1, "and exits with 1");
	CHECK_STR(stderr_of(diex, &status), "pipemilter: thing\n", "fatalx tells");
	CHECK(status == 1, "and exits with 1");
	CHECK_STR(stderr_of(echo, &status), "prog: but this\n", "log_echo shows errors alone");
	text = stderr_of(speak, &status);
	CHECK(strncmp(text, "prog: quiet about the role\nprog[role]: loud\nprog[role]: aaa", 58) == 0,
	    "the role is named at level debug");
	cut = strstr(text, "aaa");
	CHECK(cut != NULL && strcspn(cut, "\n") < 4096, "a cut line still ends");
	CHECK(cut != NULL && strcmp(cut + strcspn(cut, "\n"), "\nprog[role]: next\n") == 0,
	    "and the next one begins on its own");
}

int
main(void)
{
	test_text();
	test_ids();
	test_errno();
	test_long();
	test_stderr();
	test_journal();
	return tap_done();
}
