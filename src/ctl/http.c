/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/http.c: one request of HTTP, on standard input and output.
 */
#include "base/compat.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "ctl/http.h"

#define REQUEST_MAX	8192	/* bytes */
#define REQUEST_MS	5000
#define TYPE		"application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Waits until a descriptor is ready, or that time is over. Returns 1 if it is ready. */
static int
wait_for(int fd, short what, struct mono_wait *w)
{
	struct pollfd	 pfd = { .fd = fd, .events = what };
	int		 n, slice;

	do {
		slice = mono_wait_slice(w);
		n = slice > 0 ? poll(&pfd, 1, slice) : 0;
	} while ((n == -1 && errno == EINTR) || (n == 0 && slice > 0));
	return n == 1;
}

/* Returns 1 once the request is complete, or 0: it was not, in time or within the limit. */
static int
read_request(char *text, size_t size)
{
	struct mono_wait	 w;
	size_t			 len = 0;
	ssize_t			 n;

	mono_wait_begin(&w, REQUEST_MS);
	text[0] = '\0';
	while (len + 1 < size && wait_for(STDIN_FILENO, POLLIN, &w)) {
		n = read(STDIN_FILENO, text + len, size - 1 - len);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0 || memchr(text + len, '\0', (size_t)n) != NULL)
			return 0;
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, "\r\n\r\n") != NULL || strstr(text, "\n\n") != NULL)
			return 1;
	}
	return 0;
}

/* Returns 0, or -1: the peer does not read. */
static int
send_all(const unsigned char *p, size_t len)
{
	struct mono_wait	 w;
	ssize_t			 n;

	mono_wait_begin(&w, REQUEST_MS);
	while (len > 0) {
		if (!wait_for(STDOUT_FILENO, POLLOUT, &w))
			return -1;
		n = write(STDOUT_FILENO, p, len);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
answer(const char *status, const char *type, const char *text, size_t len)
{
	struct buf	 b;
	int		 ret;

	buf_init(&b, len + 1024);
	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
	    "Connection: close\r\n\r\n", status, type, len,
	    strncmp(status, "405", 3) == 0 ? "Allow: GET\r\n" : "");
	buf_add(&b, text, len);
	ret = buf_ok(&b) ? send_all(b.data, b.len) : -1;
	buf_free(&b);
	return ret;
}

static int
refuse(const char *status)
{
	char	 text[80];

	(void)snprintf(text, sizeof(text), "%s\n", status);
	return answer(status, "text/plain", text, strlen(text));
}

/* 1 if the request has the form of HTTP: "METHOD TARGET HTTP/1..." */
static int
is_http(const char *text)
{
	size_t	 method = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t	 target;

	if (method == 0 || text[method] != ' ')
		return 0;
	target = strcspn(text + method + 1, " \r\n");
	return target > 0 && strncmp(text + method + 1 + target, " HTTP/1.", 8) == 0;
}

int
http_serve(http_make *make, void *arg)
{
	char		 request[REQUEST_MAX];
	struct buf	 b;
	int		 ret;

	if (!read_request(request, sizeof(request)))
		return request[0] == '\0' ? 0 : refuse("400 Bad Request");
	if (!is_http(request))
		return refuse("400 Bad Request");
	if (strncmp(request, "GET ", 4) != 0)
		return refuse("405 Method Not Allowed");
	buf_init(&b, 256 * 1024 * 1024);
	if (make(&b, arg) == 0)
		ret = answer("200 OK", TYPE, (char *)b.data, b.len);
	else {
		(void)refuse("503 Service Unavailable");
		ret = -1;
	}
	buf_free(&b);
	return ret;
}
