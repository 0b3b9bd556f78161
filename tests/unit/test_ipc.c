/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* system/ipc.h */

#include "base/compat.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "system/ipc.h"
#include "tap.h"
#include "base/xmalloc.h"

static int		 pair[2];
static unsigned char	 bytes[IPC_MAX_MSG];

static void
open_pair(void)
{
	if (ipc_pair(pair) == -1)
		abort();
}

static void
close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static struct ipc_msg
exited(uint64_t id)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_EXITED;
	msg.id = id;
	msg.value = 256;
	return msg;
}

static struct ipc_msg
spawned(void)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_SPAWNED;
	msg.id = 1;
	msg.value = 42;
	return msg;
}

static int
count_fds(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return n;
}

static int
same_file(int a, int b)
{
	struct stat	 sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* A TCP socket with bytes that nobody takes, whose last close(2) waits for a minute. */
static int
lingering(void)
{
	static char		 data[1 << 20];
	struct linger		 wait = { 1, 60 };
	struct sockaddr_in	 sin;
	struct sockaddr		*addr = (struct sockaddr *)&sin;
	socklen_t		 len = sizeof(sin);
	int			 s, c;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((s = socket(AF_INET, SOCK_STREAM, 0)) == -1 || bind(s, addr, len) == -1 ||
	    listen(s, 1) == -1 || getsockname(s, addr, &len) == -1 ||
	    (c = socket(AF_INET, SOCK_STREAM, 0)) == -1 || connect(c, addr, len) == -1 ||
	    setsockopt(c, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait)) == -1)
		abort();
	while (send(c, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	return c;
}

/*
 * As where the kernel can't keep descriptors away: before the first ipc_pair() that
 * is not known.
 */
static void
test_unwanted_fds(void)
{
	struct ipc_msg	 msg = spawned(), got;
	int		 raw[2], fd, before;
	uint64_t	 start;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, raw) == -1)
		abort();
	msg = exited(1);
	CHECK(ipc_recv_plain(raw[0], bytes, &got) == 0, "nothing there yet");
	CHECK(ipc_send(raw[1], &msg, NULL, 0) == 1 && ipc_recv_plain(raw[0], bytes, &got) == 1 &&
	    got.id == 1, "a message without descriptors is received");
	fd = lingering();
	before = count_fds();
	CHECK(ipc_send(raw[1], &msg, &fd, 1) == 1, "one with a descriptor is sent");
	close(fd);
	start = mono_ms();
	CHECK(ipc_recv_plain(raw[0], bytes, &got) == -1 && errno == EBADMSG, "and is none");
	CHECK(count_fds() == before - 1, "nor is there a descriptor");
	close(raw[1]);
	ipc_close(raw[0]);
	CHECK(count_fds() == before - 3, "the channel is closed");
	while (wait(NULL) != -1)
		;
	CHECK(mono_ms() - start < 30000, "and nobody waits for the descriptor");
}

static void
test_pair(void)
{
	open_pair();
	CHECK((fcntl(pair[0], F_GETFD) & FD_CLOEXEC) != 0 &&
	    (fcntl(pair[1], F_GETFD) & FD_CLOEXEC) != 0, "both ends are close-on-exec");
	CHECK((fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0 &&
	    (fcntl(pair[1], F_GETFL) & O_NONBLOCK) != 0, "both ends are non-blocking");
	close_pair();
}

static void
test_order(void)
{
	struct ipc_msg	 a = exited(1), b = exited(UINT64_MAX), got;
	int		 fds[IPC_MAX_FDS];

	open_pair();
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 0, "nothing there yet");
	CHECK(ipc_send(pair[0], &a, NULL, 0) == 1 &&
	    ipc_send(pair[0], &b, NULL, 0) == 1, "two are sent");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.id == 1 &&
	    got.type == IPC_EXITED && got.value == 256, "the first comes first");
	CHECK(fds[0] == -1 && fds[1] == -1 && fds[2] == -1, "without descriptors");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.id == UINT64_MAX,
	    "the second comes second");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 0, "and no third");
	close_pair();
}

static void
test_fds(void)
{
	struct ipc_msg	 msg = spawned(), got;
	int		 a[2], b[2], three[3], fds[IPC_MAX_FDS], before;

	open_pair();
	if (pipe2(a, O_CLOEXEC) == -1 || pipe2(b, O_CLOEXEC) == -1)
		abort();
	before = count_fds();
	three[0] = a[1];
	three[1] = b[0];
	three[2] = a[0];
	CHECK(ipc_send(pair[0], &msg, three, 3) == 1, "three descriptors are sent");
	CHECK(count_fds() == before, "which stay ours");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.value == 42, "and received");
	CHECK(same_file(fds[0], a[1]) && same_file(fds[1], b[0]) &&
	    same_file(fds[2], a[0]), "in order");
	CHECK((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0 &&
	    (fcntl(fds[2], F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	CHECK(ipc_send(pair[0], &msg, three, 4) == -1 && errno == EINVAL,
	    "more than IPC_MAX_FDS are refused");
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	close_pair();
}

static void
test_no_room_for_fds(void)
{
	struct rlimit	 old, rl;
	struct ipc_msg	 msg = spawned(), got;
	int		 three[3], fds[IPC_MAX_FDS], i, next;

	open_pair();
	for (i = 0; i < 3; i++)
		three[i] = STDIN_FILENO;
	CHECK(ipc_send(pair[0], &msg, three, 3) == 1, "three descriptors on their way");
	if (getrlimit(RLIMIT_NOFILE, &old) == -1)
		abort();
	rl = old;
	next = dup(0);
	close(next);
	rl.rlim_cur = (rlim_t)next + 1;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		abort();
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.value == 42,
	    "the message comes though there is room for one");
	CHECK(fds[0] == next && fds[1] == -1 && fds[2] == -1, "what was lost shows as -1");
	if (setrlimit(RLIMIT_NOFILE, &old) == -1)
		abort();
	close(fds[0]);
	close_pair();
}

static void
test_largest(void)
{
	struct ipc_msg	 msg, got;
	int		 fds[IPC_MAX_FDS];
	char		*env = xcalloc(1, IPC_MAX_ENV);

	open_pair();
	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_SPAWN;
	msg.env = env;
	msg.env_len = IPC_MAX_ENV;
	memset(env, 'e', IPC_MAX_ENV - 1);
	CHECK(ipc_send(pair[0], &msg, NULL, 0) == 1, "the largest environment is sent");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.env_len == IPC_MAX_ENV &&
	    memcmp(got.env, env, IPC_MAX_ENV) == 0, "and received");
	msg.env_len = IPC_MAX_ENV * 2;
	CHECK(ipc_send(pair[0], &msg, NULL, 0) == -1 && errno == EMSGSIZE,
	    "a larger one is refused");
	free(env);
	close_pair();
}

static void
test_full(void)
{
	struct ipc_msg	 msg, got;
	int		 fds[IPC_MAX_FDS], ret, sent = 0, received = 0;

	open_pair();
	for (msg = exited(0); (ret = ipc_send(pair[0], &msg, NULL, 0)) == 1; msg.id++)
		sent++;
	CHECK(ret == 0 && sent > 1, "a full socket says `not now'");
	while (ipc_recv(pair[1], bytes, &got, fds) == 1 && got.id == (uint64_t)received)
		received++;
	CHECK(received == sent, "and nothing of it is lost");
	CHECK(ipc_send(pair[0], &msg, NULL, 0) == 1, "then there is room again");
	close_pair();
}

/* Sends raw bytes with n descriptors, which ipc_send() would not. */
static int
send_raw(const void *p, size_t len, int n)
{
	union {
		struct cmsghdr	 hdr;
		unsigned char	 space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec	 iov;
	struct msghdr	 hdr;
	int		*fd, i;

	memset(&hdr, 0, sizeof(hdr));
	memset(&control, 0, sizeof(control));
	iov.iov_base = xmemdup0(p, len);
	iov.iov_len = len;
	hdr.msg_iov = &iov;
	hdr.msg_iovlen = 1;
	if (n > 0) {
		hdr.msg_control = &control;
		hdr.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		fd = (int *)(void *)CMSG_DATA(&control.hdr);
		for (i = 0; i < n; i++)
			fd[i] = STDIN_FILENO;
	}
	i = sendmsg(pair[0], &hdr, 0) == (ssize_t)len;
	free(iov.iov_base);
	return i;
}

static void
test_bad(void)
{
	static unsigned char	 large[IPC_MAX_MSG + 100];
	struct ipc_msg		 got, msg = exited(3);
	struct buf		 b;
	int			 fds[IPC_MAX_FDS], before;

	open_pair();
	before = count_fds();
	CHECK(send_raw("rubbish", 7, 3) && ipc_recv(pair[1], bytes, &got, fds) == -1 &&
	    errno == EBADMSG, "rubbish is told from a message");
	CHECK(count_fds() == before && fds[0] == -1, "and its descriptors are closed");
	CHECK(send_raw(large, sizeof(large), 2) &&
	    ipc_recv(pair[1], bytes, &got, fds) == -1 && errno == EBADMSG,
	    "so is a message that was cut off");
	CHECK(count_fds() == before, "its descriptors, too");
	buf_init(&b, IPC_MAX_MSG);
	ipc_msg_enc(&b, &msg);
	CHECK(send_raw(b.data, b.len - 1, 0) &&
	    ipc_recv(pair[1], bytes, &got, fds) == -1 && errno == EBADMSG, "one byte less");
	CHECK(send_raw(b.data, b.len, 8) && ipc_recv(pair[1], bytes, &got, fds) == 1 &&
	    count_fds() == before + 3, "of eight descriptors three arrive");
	buf_free(&b);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	CHECK(count_fds() == before, "and none leaks");
	close_pair();
}

static void
test_eof(void)
{
	struct ipc_msg	 msg = exited(9), got;
	int		 fds[IPC_MAX_FDS];

	open_pair();
	(void)ipc_send(pair[0], &msg, NULL, 0);
	close(pair[0]);
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == 1 && got.id == 9,
	    "what was sent before the end arrives");
	CHECK(ipc_recv(pair[1], bytes, &got, fds) == -1 && errno == EPIPE, "then comes the end");
	CHECK(ipc_send(pair[1], &msg, NULL, 0) == -1 && errno == EPIPE,
	    "sending to nobody is EPIPE, without a signal");
	close(pair[1]);
	open_pair();
	(void)ipc_send(pair[0], &msg, NULL, 0);
	close(pair[1]);
	CHECK(ipc_recv(pair[0], bytes, &got, fds) == -1 && errno == EPIPE,
	    "a peer that left without reading is the end as well");
	close(pair[0]);
}

int
main(void)
{
	test_unwanted_fds();
	test_pair();
	test_order();
	test_fds();
	test_no_room_for_fds();
	test_largest();
	test_full();
	test_bad();
	test_eof();
	return tap_done();
}
