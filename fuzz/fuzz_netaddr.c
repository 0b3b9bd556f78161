/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes base/netaddr.h: a text of a socket address, and one of a network, with a line
 * feed between them. What is printed of an address is read as the same; a network
 * has the addresses whose bits, one after the other, are those of the network.
 */

#include "base/compat.h"

#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <netdb.h>

#include "base/netaddr.h"
#include "fuzz.h"

/*
 * In place of the C library's, which would ask name servers: an address, or
 * there is no such host.
 */
int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
    struct addrinfo **res)
{
	struct {
		struct addrinfo		 ai;
		struct sockaddr_in6	 sin6;
		struct sockaddr_in	 sin;
	}	*r = calloc(1, sizeof(*r));
	in_port_t	 n = htons((uint16_t)atoi(port));
	int		 ok;

	CHECK(r != NULL && (hints->ai_flags & AI_NUMERICSERV) != 0);
	r->ai.ai_family = hints->ai_family;
	if (hints->ai_family == AF_INET6) {
		r->sin6.sin6_family = AF_INET6;
		r->sin6.sin6_port = n;
		r->ai.ai_addr = (struct sockaddr *)&r->sin6;
		r->ai.ai_addrlen = sizeof(r->sin6);
		ok = inet_pton(AF_INET6, host, &r->sin6.sin6_addr);
	} else {
		r->sin.sin_family = AF_INET;
		r->sin.sin_port = n;
		r->ai.ai_addr = (struct sockaddr *)&r->sin;
		r->ai.ai_addrlen = sizeof(r->sin);
		ok = inet_pton(AF_INET, host, &r->sin.sin_addr);
	}
	*res = &r->ai;
	if (ok != 1)
		free(r);
	return ok == 1 ? 0 : EAI_NONAME;
}

void
freeaddrinfo(struct addrinfo *res)
{
	free(res);
}

/* The bytes of an address as text has it, 4 or 16 of them; 0: it is a path. */
static unsigned int
bytes_of(const struct netaddr *na, unsigned char *bytes, unsigned int *port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	if (na->ss.ss_family == AF_INET) {
		memcpy(&sin, &na->ss, sizeof(sin));
		memcpy(bytes, &sin.sin_addr, 4);
		*port = ntohs(sin.sin_port);
		return 4;
	}
	if (na->ss.ss_family == AF_INET6) {
		memcpy(&sin6, &na->ss, sizeof(sin6));
		memcpy(bytes, &sin6.sin6_addr, 16);
		*port = ntohs(sin6.sin6_port);
		return 16;
	}
	return 0;
}

static int
is_mapped(const unsigned char *b)
{
	static const unsigned char	 start[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(b, start, sizeof(start)) == 0;
}

static int
bit(const unsigned char *b, unsigned int n)
{
	return b[n / 8] >> (7 - n % 8) & 1;
}

/* All bits of a network as of 128, an IPv4 one behind ::ffff:. */
static int
model_match(const unsigned char *net, unsigned int bits, const unsigned char *addr)
{
	unsigned int	 i;

	for (i = 0; i < bits; i++)
		if (bit(net, i) != bit(addr, i))
			return 0;
	return 1;
}

static void
widen(unsigned char wide[16], const unsigned char *bytes, unsigned int n)
{
	memset(wide, 0, 16);
	if (n == 4)
		wide[10] = wide[11] = 0xff;
	memcpy(wide + 16 - n, bytes, n);
}

static void
check_prints(const char *spec, const struct netaddr *na, unsigned int n)
{
	struct netaddr_text	 printed, host;
	struct netaddr		 again;
	const char		*why, *text = netaddr_print(na, &printed);

	CHECK(netaddr_parse(text, &again, &why) == 0 && again.len == na->len);
	CHECK(memcmp(&again.ss, &na->ss, na->len) == 0);
	if (n == 0)
		CHECK(strcmp(strchr(text, ':'), strchr(spec, ':')) == 0 &&
		    strcmp(netaddr_host(na, &host), "local") == 0 &&
		    na->len == offsetof(struct sockaddr_un, sun_path) + strlen(text + 5) + 1);
	else
		CHECK(strcmp(strchr(text, '@') + 1, netaddr_host(na, &host)) == 0);
}

static void
check_address(const char *spec, const struct netaddr *na)
{
	unsigned char	 bytes[16], wide[16], one[16] = { [15] = 1 };
	unsigned int	 n, port = 1;

	n = bytes_of(na, bytes, &port);
	CHECK(port != 0 && na->len <= sizeof(na->ss));
	CHECK((n == 0) == (strncmp(spec, "unix:", 5) == 0 || strncmp(spec, "local:", 6) == 0));
	if (n == 4)
		CHECK(strncmp(spec, "inet:", 5) == 0);
	check_prints(spec, na, n);
	if (n == 0)
		CHECK(!netaddr_is_loopback(na));
	else {
		widen(wide, bytes, n);
		CHECK(netaddr_is_loopback(na) == (is_mapped(wide) ? wide[12] == 127 :
		    memcmp(wide, one, sizeof(one)) == 0));
	}
}

static int
is_number_below(const char *s, unsigned long max)
{
	return s[0] != '\0' && strspn(s, "0123456789") == strlen(s) &&
	    strtoul(s, NULL, 10) <= max;
}

static void
check_network(const char *text, const struct network *net, const struct netaddr *na)
{
	unsigned char	 wide[16], bytes[16], addr[16];
	const char	*slash = strchr(text, '/');
	unsigned int	 i, n = net->family == AF_INET ? 4 : 16, bits, port;

	CHECK(net->family == AF_INET || net->family == AF_INET6);
	CHECK(net->bits <= n * 8);
	CHECK(slash == NULL || is_number_below(slash + 1, 128));
	for (i = net->bits; i < n * 8; i++)
		CHECK(bit(net->bytes, i) == 0);
	widen(wide, net->bytes, n);
	bits = net->bits + 128 - n * 8;
	CHECK(slash == NULL ? net->bits == n * 8 : net->bits == strtoul(slash + 1, NULL, 10) ||
	    bits == strtoul(slash + 1, NULL, 10));
	if (na == NULL || (i = bytes_of(na, bytes, &port)) == 0) {
		CHECK(na == NULL || !netaddr_in_networks(net, 1, na));
		return;
	}
	widen(addr, bytes, i);
	/* A network above ::ffff:0:0/96 has no IPv4 address. */
	CHECK(netaddr_in_networks(net, 1, na) == ((n == 4 || !is_mapped(addr)) &&
	    model_match(wide, bits, addr)));
	CHECK(!netaddr_in_networks(net, 0, na));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input	 in = { .p = data, .left = size };
	struct netaddr	 na;
	struct network	 net;
	const char	*why = NULL;
	size_t		 len;
	char		*text = take_rest(&in, &len), *second = strchr(text, '\n'), *spec;
	int		 ok;

	if (second != NULL)
		*second++ = '\0';
	spec = strdup(text);
	ok = netaddr_parse(spec, &na, &why) == 0;
	if (ok)
		check_address(spec, &na);
	else
		CHECK(why != NULL);
	free(spec);
	if (second != NULL) {
		spec = strdup(second);
		if (netaddr_network_parse(spec, &net, &why) == 0)
			check_network(spec, &net, ok ? &na : NULL);
		free(spec);
	}
	free(text);
	return 0;
}
