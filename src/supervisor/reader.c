/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/reader.c: a process that reads the configuration first. It writes its messages,
 * each with its severity, to memory without a name.
 */
#include "base/compat.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "startup/daemon.h"
#include "supervisor/reader.h"

#define MESSAGES_FD	3	/* of the process */
#define MESSAGES_MAX	(1024 * 1024)	/* bytes that are read of them */

static pid_t	 reader = -1;
static int	 messages = -1;

/* log_tee() */
static void
note(int severity, const char *text)
{
	const char	 digit = (char)('0' + severity);

	(void)!write(MESSAGES_FD, &digit, 1);
	(void)!write(MESSAGES_FD, text, strlen(text) + 1);
}

static void read_it(const char *, const struct conf *) NO_RETURN;

static void
read_it(const char *path, const struct conf *old)
{
	daemon_null_stdio();
	/*
	 * What it has to say is logged by the process that it says it to. This closes the
	 * socket to syslog, which may have the number that the messages get.
	 */
	log_init("pipemilter", 1, 0, LOG_WARNING);
	if (dup2(messages, MESSAGES_FD) == -1)
		_exit(1);
	closefrom(MESSAGES_FD + 1);
	setproctitle("reload");
	log_tee(note);
	_exit(conf_load_again(path, old) == NULL);
}

int
reader_start(const char *path, const struct conf *old)
{
	if ((messages = memfd_create("reload", MFD_CLOEXEC)) == -1) {
		log_warn("memfd_create");
		return -1;
	}
	if ((reader = fork()) == 0)
		read_it(path, old);
	if (reader != -1)
		return 0;
	log_warn("fork");
	reader_stop();
	return -1;
}

int
reader_is(pid_t pid)
{
	return reader != -1 && pid == reader;
}

/* All that was written, with a NUL after it, malloc'd. */
static char *
read_messages(size_t *len)
{
	struct stat	 st;
	char		*text;
	ssize_t		 n;

	*len = fstat(messages, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
	if (*len > MESSAGES_MAX)
		*len = MESSAGES_MAX;
	text = xcalloc(*len + 1, 1);
	n = pread(messages, text, *len, 0);
	*len = n > 0 ? (size_t)n : 0;
	return text;
}

static void
tell_messages(void)
{
	size_t	 len, at = 0;
	char	*text = read_messages(&len);

	while (at < len) {
		log_msg(text[at] == '0' + LOG_ERR ? LOG_ERR : LOG_WARNING, NULL, "%s",
		    text + at + 1);
		at += 1 + strlen(text + at + 1) + 1;
	}
	free(text);
}

int
reader_ended(int status)
{
	int	 good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	reader = -1;
	if (!good)
		tell_messages();
	if (WIFSIGNALED(status))
		log_msg(LOG_ERR, NULL, "the configuration could not be read: signal %d",
		    WTERMSIG(status));
	reader_stop();
	return good ? 0 : -1;
}

void
reader_stop(void)
{
	if (reader != -1)
		(void)kill(reader, SIGKILL);
	reader = -1;
	if (messages != -1)
		(void)close(messages);
	messages = -1;
}
