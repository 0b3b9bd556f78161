/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests base/escape.h, and whether shells undo what it writes. */

#include "base/compat.h"

#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "tap.h"
#include "base/xmalloc.h"

#define VALUES	(255 * 4 + 8)

static char	*values[VALUES];
static size_t	 nvalues;

/* Returns the escaped value; the caller frees it. */
static char *
escaped(const char *value)
{
	struct buf	 b;
	size_t		 len = strlen(value);

	buf_init(&b, 4096);
	escape(&b, guarded(value, len), len);
	return buf_steal(&b, NULL);
}

static void
check_escape(const char *value, const char *want, const char *name)
{
	char	*s = escaped(value);

	CHECK_STR(s, want, name);
	free(s);
}

static void
test_escape(void)
{
	check_escape("", "", "nothing");
	check_escape("a b\tc", "a b\tc", "blanks inside stand as they are");
	check_escape("a\\b", "a\\\\b", "a backslash");
	check_escape("a\nb\rc", "a\\nb\\rc", "line breaks");
	check_escape("\1\13\37\177", "\\0001\\0013\\0037\\0177", "control bytes");
	check_escape(" a ", "\\0040a\\0040", "a space at both ends");
	check_escape("\ta\t", "\\0011a\\0011", "a tab at both ends");
	check_escape(" ", "\\0040", "a space alone");
	check_escape("  ", "\\0040\\0040", "two spaces");
	check_escape("   ", "\\0040 \\0040", "three spaces");
	check_escape("\303\274\200\377", "\303\274\200\377", "bytes above 127");
	check_escape("\0011", "\\00011", "a digit behind a control byte");
}

static void
check_unescape(const char *text, const char *want, const char *name)
{
	char		*s = xstrdup(text);
	const char	*why = NULL;
	size_t		 len = escape_undo(s, strlen(s), &why);

	CHECK(len == strlen(want) && strcmp(s, want) == 0 && why == NULL, name);
	free(s);
}

static void
check_refused(const char *text, const char *name)
{
	char		*s = xstrdup(text);
	const char	*why = NULL;

	CHECK(escape_undo(s, strlen(s), &why) == (size_t)-1 && why != NULL, name);
	free(s);
}

static void
test_unescape(void)
{
	char		 more[] = "\\012345";
	const char	*why;

	CHECK(escape_undo(more, 4, &why) == 4 && strcmp(more, "\\012") == 0,
	    "digits behind the end do not count");
	check_unescape("", "", "nothing");
	check_unescape("\\\\n\\n\\r", "\\n\n\r", "backslash and line breaks");
	check_unescape("\\0101\\0377\\0001", "A\377\1", "octals");
	check_unescape("\\01011", "A1", "three digits and no more");
	check_unescape("\\t\\x41\\c\\1", "\\t\\x41\\c\\1", "what is no escape stays");
	check_unescape("\\012", "\\012", "two digits are no escape");
	check_unescape("\\0129", "\\0129", "nor two and a 9");
	check_unescape("\\018 \\08 \\0", "\\018 \\08 \\0", "nor are digits that are not octal");
	check_unescape("a\\", "a\\", "a backslash at the end");
	check_unescape("\\\\\\", "\\\\", "and behind another");
	check_unescape("\\\\0000", "\\0000", "an escaped backslash before digits");
	check_refused("a\\0000b", "a NUL is refused");
	check_refused("\\0400", "an octal above 377 is refused");
	check_refused("\\0777", "the largest one too");
}

static void
add_value(const char *value)
{
	values[nvalues++] = xstrdup(value);
}

/*
 * Makes each byte alone, first, in the middle and last; then values known to be
 * awkward.
 */
static void
make_values(void)
{
	char	 text[8], all[256];
	int	 c;

	for (c = 1; c < 256; c++) {
		snprintf(text, sizeof(text), "%c", c);
		add_value(text);
		snprintf(text, sizeof(text), "%cb", c);
		add_value(text);
		snprintf(text, sizeof(text), "a%cb", c);
		add_value(text);
		snprintf(text, sizeof(text), "a%c", c);
		add_value(text);
		all[c - 1] = (char)c;
	}
	all[255] = '\0';
	add_value(all);
	add_value("");
	add_value("\t \t");
	add_value("%s%b$(id)`id`'\"*?[a]");
	add_value("\\c\\0101\\\\");
	add_value("\r\n.\r\n");
	add_value("\n\n");
	add_value("\0017\0018\033[0m");
}

static void
test_round_trip(void)
{
	const char	*why;
	char		*s;
	size_t		 i, wrong = 0;

	for (i = 0; i < nvalues; i++) {
		s = escaped(values[i]);
		wrong += strpbrk(s, "\n\r") != NULL;
		wrong += escape_undo(s, strlen(s), &why) != strlen(values[i]);
		wrong += strcmp(s, values[i]) != 0;
		free(s);
	}
	CHECK(nvalues == VALUES && wrong == 0, "every byte at every place comes back");
}

/* Runs a shell with in as its input and out as its output. Returns its status. */
static int
run_shell(char **argv, FILE *in, FILE *out)
{
	pid_t	 pid;
	int	 status;

	if ((pid = fork()) == -1)
		return -1;
	if (pid == 0) {
		setenv("LC_ALL", "C", 1);
		if (dup2(fileno(in), STDIN_FILENO) == -1 ||
		    dup2(fileno(out), STDOUT_FILENO) == -1)
			_exit(126);
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Counts the values that are wrong in the output, which has a NUL after each value. */
static size_t
count_wrong(FILE *out)
{
	char	*text = NULL;
	size_t	 size = 0, i, wrong = 0;

	rewind(out);
	for (i = 0; i < nvalues; i++)
		if (getdelim(&text, &size, '\0', out) <= 0 || strcmp(text, values[i]) != 0)
			wrong++;
	if (getc(out) != EOF)
		wrong++;
	free(text);
	return wrong;
}

static void
test_shell(const char *shell, const char *applet)
{
	static char	 script[] = "while read -r key value; do"
	    " test \"$key\" = some-key || exit 1; printf '%b\\000' \"$value\"; done";
	static char	 dash_c[] = "-c";
	char		*argv[5], *s, name[100];
	FILE		*in = tmpfile(), *out = tmpfile();
	size_t		 i, n = 0;
	int		 status;

	if (in == NULL || out == NULL) {
		CHECK(0, "temporary files");
		return;
	}
	for (i = 0; i < nvalues; i++) {
		s = escaped(values[i]);
		fprintf(in, "some-key %s\n", s);
		free(s);
	}
	fflush(in);
	rewind(in);
	argv[n++] = xstrdup(shell);
	if (applet != NULL)
		argv[n++] = xstrdup(applet);
	argv[n] = dash_c;
	argv[n + 1] = script;
	argv[n + 2] = NULL;
	status = run_shell(argv, in, out);
	snprintf(name, sizeof(name), "%s reads every value%s", shell,
	    status == 127 ? " # SKIP not installed" : "");
	CHECK(status == 127 || (status == 0 && count_wrong(out) == 0), name);
	while (n > 0)
		free(argv[--n]);
	fclose(in);
	fclose(out);
}

int
main(void)
{
	test_escape();
	test_unescape();
	make_values();
	test_round_trip();
	test_shell("sh", NULL);
	test_shell("dash", NULL);
	test_shell("bash", NULL);
	test_shell("busybox", "sh");
	test_shell("mksh", NULL);
	test_shell("zsh", NULL);
	while (nvalues > 0)
		free(values[--nvalues]);
	return tap_done();
}
