/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/netaddr.c: socket addresses and networks.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/netaddr.h"

#define HOST_MAX	256

static const char *const expected =
    "expected inet:PORT@HOST, inet6:PORT@HOST, inet:HOST:PORT, unix:PATH or local:PATH";

/* The first bytes of an IPv6 address that stands for an IPv4 client. */
static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static int
all_digits(const char *s, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return 0;
	return len != 0;
}

static int
parse_unix(const char *path, struct netaddr *na, const char **why)
{
	struct sockaddr_un	 sun;
	size_t			 len = strlen(path);

	if (len == 0) {
		*why = "expected a path after the colon";
		return -1;
	}
	if (len >= sizeof(sun.sun_path)) {
		*why = "the path of a unix socket may have 107 bytes at most";
		return -1;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, len);
	memcpy(&na->ss, &sun, sizeof(sun));
	na->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int
parse_port(const char *text, char *port, size_t size, const char **why)
{
	const char	*errstr;
	long long	 n;

	n = strtonum(text, 1, 65535, &errstr);
	if (errstr != NULL || !all_digits(text, strlen(text))) {
		*why = "expected a port from 1 to 65535";
		return -1;
	}
	(void)snprintf(port, size, "%lld", n);
	return 0;
}

/* Tries HOST as a numeric address first: a name costs a query to the name server. */
static int
resolve(const char *host, const char *port, int family, struct netaddr *na, const char **why)
{
	struct addrinfo	 hints, *res;
	int		 error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = family;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(host, port, &hints, &res);
	if (error != 0) {
		hints.ai_flags = AI_NUMERICSERV;
		error = getaddrinfo(host, port, &hints, &res);
	}
	if (error != 0) {
		*why = family == AF_INET6 ? "the host has no IPv6 address" :
		    "the host has no IPv4 address";
		return -1;
	}
	memcpy(&na->ss, res->ai_addr, res->ai_addrlen);
	na->len = res->ai_addrlen;
	freeaddrinfo(res);
	return 0;
}

/*
 * Removes brackets. AF_UNSPEC becomes AF_INET6 for an address with colons in
 * brackets, else AF_INET.
 */
static int
parse_host(const char *text, size_t len, char *port, int family, struct netaddr *na,
    const char **why)
{
	char	 host[HOST_MAX];

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
		if (family == AF_UNSPEC && memchr(text, ':', len) != NULL)
			family = AF_INET6;
	}
	if (len == 0 || len >= sizeof(host)) {
		*why = len == 0 ? "expected a host" : "the name of the host is too long";
		return -1;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return resolve(host, port, family == AF_UNSPEC ? AF_INET : family, na, why);
}

static int
parse_inet(const char *rest, int family, struct netaddr *na, const char **why)
{
	const char	*at, *colon;
	char		 word[8], port[8];

	at = strchr(rest, '@');
	colon = strrchr(rest, ':');
	if (at == NULL && colon != NULL && family == AF_INET &&
	    !all_digits(rest, (size_t)(colon - rest))) {
		if (parse_port(colon + 1, port, sizeof(port), why) == -1)
			return -1;
		return parse_host(rest, (size_t)(colon - rest), port, AF_UNSPEC, na, why);
	}
	if (strlcpy(word, rest, sizeof(word)) >= sizeof(word) &&
	    (at == NULL || (size_t)(at - rest) >= sizeof(word))) {
		*why = "expected a port from 1 to 65535";
		return -1;
	}
	word[strcspn(word, "@")] = '\0';
	if (parse_port(word, port, sizeof(port), why) == -1)
		return -1;
	if (at == NULL)
		return resolve(family == AF_INET ? "127.0.0.1" : "::1", port, family, na, why);
	return parse_host(at + 1, strlen(at + 1), port, family, na, why);
}

int
netaddr_parse(const char *spec, struct netaddr *na, const char **why)
{
	memset(na, 0, sizeof(*na));
	if (strncmp(spec, "unix:", 5) == 0)
		return parse_unix(spec + 5, na, why);
	if (strncmp(spec, "local:", 6) == 0)
		return parse_unix(spec + 6, na, why);
	if (strncmp(spec, "inet:", 5) == 0)
		return parse_inet(spec + 5, AF_INET, na, why);
	if (strncmp(spec, "inet6:", 6) == 0)
		return parse_inet(spec + 6, AF_INET6, na, why);
	*why = expected;
	return -1;
}

/* The path of a unix socket. That of a peer may be missing or lack its NUL. */
static void
unix_path(const struct netaddr *na, char *path, size_t size)
{
	struct sockaddr_un	 sun;
	size_t			 head = offsetof(struct sockaddr_un, sun_path), len = 0;

	memcpy(&sun, &na->ss, sizeof(sun));
	if (na->len > head)
		len = strnlen(sun.sun_path, na->len - head < sizeof(sun.sun_path) ?
		    na->len - head : sizeof(sun.sun_path));
	(void)snprintf(path, size, "%.*s", (int)len, sun.sun_path);
}

const char *
netaddr_host(const struct netaddr *na, struct netaddr_text *text)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	switch (na->ss.ss_family) {
	case AF_INET:
		memcpy(&sin, &na->ss, sizeof(sin));
		return inet_ntop(AF_INET, &sin.sin_addr, text->s, sizeof(text->s));
	case AF_INET6:
		memcpy(&sin6, &na->ss, sizeof(sin6));
		return inet_ntop(AF_INET6, &sin6.sin6_addr, text->s, sizeof(text->s));
	default:
		(void)snprintf(text->s, sizeof(text->s), "local");
		return text->s;
	}
}

const char *
netaddr_print(const struct netaddr *na, struct netaddr_text *text)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	struct netaddr_text	 host;
	char			 path[sizeof(struct sockaddr_un)];

	switch (na->ss.ss_family) {
	case AF_INET:
		memcpy(&sin, &na->ss, sizeof(sin));
		(void)snprintf(text->s, sizeof(text->s), "inet:%u@%.64s",
		    ntohs(sin.sin_port), netaddr_host(na, &host));
		break;
	case AF_INET6:
		memcpy(&sin6, &na->ss, sizeof(sin6));
		(void)snprintf(text->s, sizeof(text->s), "inet6:%u@%.64s",
		    ntohs(sin6.sin6_port), netaddr_host(na, &host));
		break;
	default:
		unix_path(na, path, sizeof(path));
		(void)snprintf(text->s, sizeof(text->s), "unix:%s", path);
		break;
	}
	return text->s;
}

/*
 * The bytes of the address: 4 or 16. An IPv6 address that stands for an IPv4
 * client gives the 4 of that client. Returns the family, or 0 for a unix
 * socket.
 */
static int
address_bytes(const struct netaddr *na, unsigned char bytes[16])
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	switch (na->ss.ss_family) {
	case AF_INET:
		memcpy(&sin, &na->ss, sizeof(sin));
		memcpy(bytes, &sin.sin_addr, 4);
		return AF_INET;
	case AF_INET6:
		memcpy(&sin6, &na->ss, sizeof(sin6));
		memcpy(bytes, &sin6.sin6_addr, 16);
		if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
			return AF_INET6;
		memmove(bytes, bytes + sizeof(mapped), 4);
		return AF_INET;
	default:
		return 0;
	}
}

int
netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	struct netaddr_text	 x, y;

	return strcmp(netaddr_print(a, &x), netaddr_print(b, &y)) == 0;
}

int
netaddr_is_loopback(const struct netaddr *na)
{
	static const unsigned char	 one[16] = { [15] = 1 };
	unsigned char			 bytes[16];

	switch (address_bytes(na, bytes)) {
	case AF_INET:
		return bytes[0] == 127;
	case AF_INET6:
		return memcmp(bytes, one, sizeof(one)) == 0;
	default:
		return 0;
	}
}

static int
bits_below_mask(const struct network *net)
{
	unsigned int	 i, max = net->family == AF_INET ? 32 : 128;

	for (i = net->bits; i < max; i++)
		if (net->bytes[i / 8] & (0x80u >> (i % 8)))
			return 1;
	return 0;
}

static int
parse_address(const char *text, struct network *net)
{
	char	 host[INET6_ADDRSTRLEN + 2];
	size_t	 len = strcspn(text, "/");

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, net->bytes) == 1)
		net->family = AF_INET;
	else if (inet_pton(AF_INET6, host, net->bytes) == 1)
		net->family = AF_INET6;
	else
		return -1;
	return 0;
}

int
netaddr_network_parse(const char *text, struct network *net, const char **why)
{
	const char	*slash = strchr(text, '/'), *errstr;
	unsigned int	 max;

	memset(net, 0, sizeof(*net));
	if (parse_address(text, net) == -1) {
		*why = "expected an address or ADDRESS/BITS";
		return -1;
	}
	max = net->family == AF_INET ? 32 : 128;
	net->bits = max;
	if (slash != NULL) {
		net->bits = (unsigned int)strtonum(slash + 1, 0, max, &errstr);
		if (errstr != NULL || !all_digits(slash + 1, strlen(slash + 1))) {
			*why = max == 32 ? "expected 0 to 32 bits after the slash" :
			    "expected 0 to 128 bits after the slash";
			return -1;
		}
	}
	if (bits_below_mask(net)) {
		*why = "the address has bits that the mask leaves out";
		return -1;
	}
	/*
	 * address_bytes() gives IPv4 clients as IPv4, so this network must be
	 * IPv4 as well.
	 */
	if (net->family == AF_INET6 && net->bits >= 96 &&
	    memcmp(net->bytes, mapped, sizeof(mapped)) == 0) {
		net->family = AF_INET;
		net->bits -= 96;
		memmove(net->bytes, net->bytes + sizeof(mapped), 4);
	}
	return 0;
}

static int
same_network(const struct network *net, const unsigned char *bytes)
{
	unsigned int	 whole = net->bits / 8, rest = net->bits % 8;
	unsigned int	 mask = 0xff00u >> rest & 0xffu;

	if (memcmp(net->bytes, bytes, whole) != 0)
		return 0;
	return rest == 0 || (net->bytes[whole] & mask) == (bytes[whole] & mask);
}

int
netaddr_in_networks(const struct network *nets, size_t n, const struct netaddr *na)
{
	unsigned char	 bytes[16];
	int		 family;
	size_t		 i;

	family = address_bytes(na, bytes);
	for (i = 0; i < n; i++)
		if (nets[i].family == family && same_network(&nets[i], bytes))
			return 1;
	return 0;
}
