/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/terminal.c: a screen that is drawn again and again.
 */
#include "base/compat.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mono.h"
#include "ctl/terminal.h"

#define COLUMNS		79	/* some terminals go to the next line once the last column is written */
#define PICTURE_MAX	(1024 * 1024)
#define HIDE_CURSOR	"\033[?25l"
#define SHOW_CURSOR	"\033[?25h"

static struct termios	 before, without_lines;
static int		 keys;		/* standard input gives single keys */
static int		 screen;	/* the cursor is hidden */

static void
use(void)
{
	if (keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &without_lines);
	if (screen)
		(void)!write(STDOUT_FILENO, HIDE_CURSOR, sizeof(HIDE_CURSOR) - 1);
}

/* Also from a handler of signals. */
static void
restore(void)
{
	if (screen)
		(void)!write(STDOUT_FILENO, SHOW_CURSOR, sizeof(SHOW_CURSOR) - 1);
	if (keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void
on_end(int sig)
{
	restore();
	_exit(sig == SIGINT ? 0 : 128 + sig);
}

static void	 catch(int, void (*)(int));

/* ^Z: the shell gets the terminal as it was. */
static void
on_stop(int sig)
{
	int		 saved = errno;
	sigset_t	 set;

	restore();
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	/* It stops here. */
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	catch(sig, on_stop);
	use();
	errno = saved;
}

/* Another size: the wait ends, and a new picture is drawn. */
static void
on_size(int sig __unused)
{
}

static void
catch(int sig, void (*handler)(int))
{
	struct sigaction	 sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sigemptyset(&sa.sa_mask);
	(void)sigaction(sig, &sa, NULL);
}

void
terminal_begin(struct terminal *t)
{
	const char	*term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	memset(t, 0, sizeof(*t));
	buf_init(&t->picture, PICTURE_MAX);
	t->is_utf8 = setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->is_screen = screen = isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
	    strcmp(term, "dumb") != 0;
	t->has_colours = t->is_screen && (no_color == NULL || no_color[0] == '\0');
	/* In the background it may not even touch the terminal. */
	keys = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
	    tcgetattr(STDIN_FILENO, &before) == 0;
	without_lines = before;
	without_lines.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	without_lines.c_cc[VMIN] = 1;
	without_lines.c_cc[VTIME] = 0;
	if (!keys && !screen)
		return;
	catch(SIGINT, on_end);
	catch(SIGTERM, on_end);
	catch(SIGHUP, on_end);
	catch(SIGQUIT, on_end);
	catch(SIGTSTP, on_stop);
	catch(SIGWINCH, on_size);
	use();
	if (screen)
		(void)!write(STDOUT_FILENO, "\033[2J", 4);
}

void
terminal_end(struct terminal *t)
{
	restore();
	buf_free(&t->picture);
}

void
terminal_clear(struct terminal *t)
{
	struct winsize	 size;

	buf_reset(&t->picture);
	t->rows = UINT32_MAX;
	t->columns = COLUMNS;
	if (t->is_screen) {
		buf_add_str(&t->picture, "\033[H");
		t->rows = 24;
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 1) {
			t->rows = size.ws_row;
			if (size.ws_col <= COLUMNS)
				t->columns = size.ws_col - 1u;
		}
	}
	t->left = t->columns;
}

/* The bytes of the text that fit into so many columns, and how many of these they take. */
static size_t
fit(const char *text, unsigned int columns, unsigned int *taken)
{
	size_t	 n = 0;

	*taken = 0;
	while (text[n] != '\0') {
		if (((unsigned char)text[n] & 0xc0) != 0x80 && ++*taken > columns) {
			--*taken;
			break;
		}
		n++;
	}
	return n;
}

void
terminal_add(struct terminal *t, enum terminal_colour colour, int width, const char *text)
{
	static const char *const codes[] = { "", "\033[1m", "\033[32m", "\033[33m", "\033[31m" };
	unsigned int		 wide = (unsigned int)abs(width), taken, room = t->left, pad;
	size_t			 n;

	/* A column that is cut off would say something else. */
	if (wide > room)
		t->left = room = 0;
	if (width != 0 && wide < room)
		room = wide;
	n = fit(text, room, &taken);
	pad = width == 0 ? 0 : room - taken;
	if (width > 0)
		buf_printf(&t->picture, "%*s", (int)pad, "");
	if (t->has_colours && colour != COLOUR_NONE)
		buf_printf(&t->picture, "%s%.*s\033[m", codes[colour], (int)n, text);
	else
		buf_add(&t->picture, text, n);
	if (width < 0)
		buf_printf(&t->picture, "%*s", (int)pad, "");
	t->left -= taken + pad;
}

void
terminal_line(struct terminal *t)
{
	if (t->is_screen)
		buf_add_str(&t->picture, "\033[K");
	else
		while (t->picture.len > 0 && t->picture.data[t->picture.len - 1] == ' ')
			t->picture.len--;
	buf_add_str(&t->picture, "\n");
	t->left = t->columns;
}

int
terminal_show(struct terminal *t)
{
	if (t->is_screen)
		buf_add_str(&t->picture, "\033[J");
	if (fwrite(t->picture.data, 1, t->picture.len, stdout) != t->picture.len)
		return -1;
	return fflush(stdout) == 0 ? 0 : -1;
}

/* 1 if the key is one that ends the program; 0 if not; -1: no more keys come. */
static int
read_key(void)
{
	char	 key;
	ssize_t	 n = read(STDIN_FILENO, &key, 1);

	if (n == 0 || (n == -1 && errno != EINTR && errno != EAGAIN))
		return -1;
	return n == 1 && (key == 'q' || key == 'Q');
}

int
terminal_wait(uint64_t ms)
{
	struct pollfd	 pfd = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	uint64_t	 until = mono_ms() + ms, now;
	int		 n, key;

	while ((now = mono_ms()) < until) {
		n = poll(&pfd, 1, (int)(until - now));
		if (n == -1)
			return 0;
		if (n == 0)
			continue;
		if ((key = read_key()) == 1)
			return 1;
		if (key == -1)
			pfd.fd = -1;
	}
	return 0;
}
