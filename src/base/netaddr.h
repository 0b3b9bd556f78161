/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* base/netaddr.h: socket addresses as milter programs write them, and networks. */
#ifndef PM_BASE_NETADDR_H
#define PM_BASE_NETADDR_H

#include <sys/socket.h>

#include <stddef.h>

struct netaddr {
	struct sockaddr_storage	 ss;
	socklen_t		 len;
};

/*
 * Accepts inet:PORT[@HOST], inet6:PORT[@HOST], unix:PATH, local:PATH, and
 * Postfix's inet:HOST:PORT (HOST not all digits). HOST is an address, with or
 * without brackets, or a name, whose first address is used; without HOST it is
 * the loopback address. PORT is 1 to 65535. Returns 0, or -1 with *why (a
 * constant text that says what was expected).
 */
int	 netaddr_parse(const char *spec, struct netaddr *, const char **why);
/* Room for the text of any address. */
struct netaddr_text {
	char	 s[128];
};

/* Writes the form that netaddr_parse() takes back; returns text->s. */
const char *netaddr_print(const struct netaddr *, struct netaddr_text *text);
/* 1 if both are one address: the same path, or the same host and port. */
int	 netaddr_equal(const struct netaddr *, const struct netaddr *);
/* 1 for 127.0.0.0/8 (in IPv6 form too) and ::1; 0 for others and for unix sockets. */
int	 netaddr_is_loopback(const struct netaddr *);
/* Writes the inet or inet6 address alone, "local" for a unix socket; returns text->s. */
const char *netaddr_host(const struct netaddr *, struct netaddr_text *text);

/* A network: an address, and how many of its bits count. */
struct network {
	int		 family;	/* AF_INET or AF_INET6 */
	unsigned char	 bytes[16];
	unsigned int	 bits;
};

/*
 * Accepts ADDRESS or ADDRESS/BITS; bits of the address below the mask must be
 * zero. Returns 0, or -1 with *why (a constant text).
 */
int	 netaddr_network_parse(const char *text, struct network *, const char **why);
/* 1 if the address lies in one of the n networks; ::ffff:a.b.c.d counts as a.b.c.d. */
int	 netaddr_in_networks(const struct network *, size_t n, const struct netaddr *);

#endif
