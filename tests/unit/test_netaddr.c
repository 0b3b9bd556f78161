/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests base/netaddr.h. */

#include "base/compat.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/netaddr.h"
#include "tap.h"

static const struct {
	const char	*spec, *print, *host;
	int		 loopback;
} good[] = {
	{ "inet:8899@127.0.0.1", "inet:8899@127.0.0.1", "127.0.0.1", 1 },
	{ "inet:8899", "inet:8899@127.0.0.1", "127.0.0.1", 1 },
	{ "inet:1@192.0.2.7", "inet:1@192.0.2.7", "192.0.2.7", 0 },
	{ "inet:65535@[192.0.2.7]", "inet:65535@192.0.2.7", "192.0.2.7", 0 },
	{ "inet:0008@127.9.9.9", "inet:8@127.9.9.9", "127.9.9.9", 1 },
	{ "inet:192.0.2.7:25", "inet:25@192.0.2.7", "192.0.2.7", 0 },
	{ "inet:[::1]:25", "inet6:25@::1", "::1", 1 },
	{ "inet:localhost:25", "inet:25@127.0.0.1", "127.0.0.1", 1 },
	{ "inet:25@localhost", "inet:25@127.0.0.1", "127.0.0.1", 1 },
	{ "inet6:8899", "inet6:8899@::1", "::1", 1 },
	{ "inet6:8899@[2001:db8::1]", "inet6:8899@2001:db8::1", "2001:db8::1", 0 },
	{ "inet6:8899@2001:DB8:0::1", "inet6:8899@2001:db8::1", "2001:db8::1", 0 },
	{ "inet6:8899@::ffff:127.0.0.1", "inet6:8899@::ffff:127.0.0.1", "::ffff:127.0.0.1", 1 },
	{ "inet6:8899@::", "inet6:8899@::", "::", 0 },
	{ "unix:/run/x", "unix:/run/x", "local", 0 },
	{ "local:/run/x", "unix:/run/x", "local", 0 },
	{ "unix:a b", "unix:a b", "local", 0 },
};

static const char *const port = "expected a port from 1 to 65535";

static const struct {
	const char	*spec, *why;
} bad[] = {
	{ "", "expected inet:PORT@HOST, inet6:PORT@HOST, inet:HOST:PORT, unix:PATH or local:PATH" },
	{ "tcp:5", "expected inet:PORT@HOST, inet6:PORT@HOST, inet:HOST:PORT, unix:PATH or local:PATH" },
	{ "/run/x", "expected inet:PORT@HOST, inet6:PORT@HOST, inet:HOST:PORT, unix:PATH or local:PATH" },
	{ "inet:", NULL }, { "inet:0", NULL }, { "inet:65536", NULL }, { "inet:-1", NULL },
	{ "inet:+5", NULL }, { "inet: 5", NULL }, { "inet:5x", NULL }, { "inet:@127.0.0.1", NULL },
	{ "inet:x@127.0.0.1", NULL }, { "inet:99999999999@127.0.0.1", NULL },
	{ "inet:localhost", NULL }, { "inet:localhost:", NULL }, { "inet:localhost:x", NULL },
	{ "inet:25@", "expected a host" },
	{ "inet:25@[]", "expected a host" },
	{ "inet:25@::1", "the host has no IPv4 address" },
	{ "inet6:25@127.0.0.1", "the host has no IPv6 address" },
	{ "inet:25@a-label-of-more-than-the-63-bytes-that-a-name-server-can-be-asked-for", "the host has no IPv4 address" },
	{ "unix:", "expected a path after the colon" },
	{ "local:", "expected a path after the colon" },
};

static const struct {
	const char	*net, *address;	/* address NULL: net is wrong */
	int		 match;
} networks[] = {
	{ "192.0.2.7", "inet:1@192.0.2.7", 1 },
	{ "192.0.2.7", "inet:1@192.0.2.8", 0 },
	{ "192.0.2.0/24", "inet:1@192.0.2.255", 1 },
	{ "192.0.2.0/24", "inet:1@192.0.3.0", 0 },
	{ "192.0.2.128/25", "inet:1@192.0.2.128", 1 },
	{ "192.0.2.128/25", "inet:1@192.0.2.127", 0 },
	{ "192.0.2.4/30", "inet:1@192.0.2.7", 1 },
	{ "192.0.2.4/30", "inet:1@192.0.2.8", 0 },
	{ "0.0.0.0/0", "inet:1@203.0.113.1", 1 },
	{ "0.0.0.0/0", "inet6:1@::1", 0 },
	{ "0.0.0.0/0", "unix:/x", 0 },
	{ "::/0", "inet6:1@2001:db8::1", 1 },
	{ "::/0", "inet:1@127.0.0.1", 0 },
	{ "::1", "inet6:1@::1", 1 },
	{ "[::1]", "inet6:1@::1", 1 },
	{ "[2001:db8::]/32", "inet6:1@2001:db8:ffff::1", 1 },
	{ "2001:db8::/33", "inet6:1@2001:db8:8000::1", 0 },
	{ "127.0.0.0/8", "inet6:1@::ffff:127.0.0.1", 1 },
	{ "::ffff:192.0.2.0/120", "inet:1@192.0.2.7", 1 },
	{ "::ffff:192.0.2.0/120", "inet6:1@::ffff:192.0.2.7", 1 },
	{ "::ffff:192.0.2.0/120", "inet:1@192.0.3.7", 0 },
	{ "", NULL, 0 }, { "x", NULL, 0 }, { "192.0.2", NULL, 0 }, { "192.0.2.7/", NULL, 0 },
	{ "192.0.2.7/33", NULL, 0 }, { "::/129", NULL, 0 }, { "192.0.2.7/+8", NULL, 0 },
	{ "192.0.2.7/24", NULL, 0 }, { "2001:db8::1/64", NULL, 0 }, { "192.0.2.0/24x", NULL, 0 },
	{ "192.0.2.0/2 4", NULL, 0 }, { "[::1", NULL, 0 }, { "localhost", NULL, 0 },
	{ "/8", NULL, 0 },
};

static void
test_good(void)
{
	struct netaddr		 na, again;
	struct netaddr_text	 text;
	const char		*why = "";
	size_t			 i;

	for (i = 0; i < nitems(good); i++) {
		CHECK(netaddr_parse(good[i].spec, &na, &why) == 0, good[i].spec);
		CHECK_STR(netaddr_print(&na, &text), good[i].print, good[i].spec);
		CHECK_STR(netaddr_host(&na, &text), good[i].host, good[i].spec);
		CHECK(netaddr_is_loopback(&na) == good[i].loopback, good[i].spec);
		CHECK(netaddr_parse(netaddr_print(&na, &text), &again, &why) == 0 &&
		    again.len == na.len && memcmp(&again.ss, &na.ss, na.len) == 0,
		    "what is printed is taken back");
	}
}

static void
test_bad(void)
{
	struct netaddr	 na;
	const char	*why;
	size_t		 i;

	for (i = 0; i < nitems(bad); i++) {
		why = NULL;
		CHECK(netaddr_parse(bad[i].spec, &na, &why) == -1, bad[i].spec);
		CHECK_STR(why == NULL ? "" : why, bad[i].why == NULL ? port : bad[i].why,
		    bad[i].spec);
	}
}

static void
test_unix(void)
{
	struct sockaddr_un	 sun;
	struct netaddr		 na;
	struct netaddr_text	 text;
	const char		*why = "";
	char			 spec[8 + sizeof(sun.sun_path)];

	memset(spec, 'x', sizeof(spec));
	memcpy(spec, "unix:/", 6);
	spec[5 + sizeof(sun.sun_path) - 1] = '\0';
	CHECK(netaddr_parse(spec, &na, &why) == 0, "the longest path");
	CHECK_STR(netaddr_print(&na, &text), spec, "as it was");
	spec[5 + sizeof(sun.sun_path) - 1] = 'x';
	spec[5 + sizeof(sun.sun_path)] = '\0';
	CHECK(netaddr_parse(spec, &na, &why) == -1, "one byte more");

	/* The address of a client that has not bound its socket. */
	memset(&na, 0, sizeof(na));
	na.ss.ss_family = AF_UNIX;
	na.len = sizeof(sa_family_t);
	CHECK_STR(netaddr_print(&na, &text), "unix:", "no path");
	/* A path without a NUL. */
	memset(&sun, 'x', sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(&na.ss, &sun, sizeof(sun));
	na.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 3);
	CHECK_STR(netaddr_print(&na, &text), "unix:xxx", "a path without NUL");
}

static void
test_networks(void)
{
	struct network	 net;
	struct netaddr	 na;
	const char	*why;
	size_t		 i;

	for (i = 0; i < nitems(networks); i++) {
		why = NULL;
		if (networks[i].address == NULL) {
			CHECK(netaddr_network_parse(networks[i].net, &net, &why) == -1 && why != NULL,
			    networks[i].net);
			continue;
		}
		CHECK(netaddr_network_parse(networks[i].net, &net, &why) == 0, networks[i].net);
		CHECK(netaddr_parse(networks[i].address, &na, &why) == 0,
		    networks[i].address);
		CHECK(netaddr_in_networks(&net, 1, &na) == networks[i].match, networks[i].net);
	}
}

static void
test_several(void)
{
	struct network	 nets[2];
	struct netaddr	 na;
	const char	*why;

	CHECK(netaddr_network_parse("192.0.2.0/24", &nets[0], &why) == 0 &&
	    netaddr_network_parse("::1", &nets[1], &why) == 0 &&
	    netaddr_parse("inet6:1@::1", &na, &why) == 0, "two networks");
	CHECK(netaddr_in_networks(nets, 2, &na) == 1, "in one of two");
	CHECK(netaddr_in_networks(nets, 1, &na) == 0, "in none of one");
	CHECK(netaddr_in_networks(nets, 0, &na) == 0, "in none of none");
}

int
main(void)
{
	test_good();
	test_bad();
	test_unix();
	test_networks();
	test_several();
	return tap_done();
}
