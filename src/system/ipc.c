/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/ipc.c: sendmsg(2) and recvmsg(2) with descriptors.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "system/ipc.h"

/* The union aligns the bytes as the kernel requires. */
union control {
	struct cmsghdr	 hdr;
	unsigned char	 bytes[CMSG_SPACE(IPC_MAX_FDS * sizeof(int))];
};

/* Linux 6.16 */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

static int	 rights_pass = 1;	/* descriptors can come with a message to our end */

int
ipc_pair(int fds[2])
{
	int	 i, off = 0, size = 4 * IPC_MAX_MSG;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, fds) == -1)
		return -1;
	/* The kernel may give less; a message of IPC_MAX_MSG fits the default too. */
	for (i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	rights_pass = setsockopt(fds[0], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == -1;
	return 0;
}

static void
attach_fds(struct msghdr *hdr, union control *control, const int *fds, int nfds)
{
	struct cmsghdr	*cmsg;
	size_t		 size = (size_t)nfds * sizeof(int);

	memset(control, 0, sizeof(*control));
	hdr->msg_control = control->bytes;
	hdr->msg_controllen = CMSG_SPACE(size);
	cmsg = CMSG_FIRSTHDR(hdr);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), fds, size);
}

/* ETOOMANYREFS: more descriptors are on their way than we may have open. */
static int
is_not_now(int code)
{
	return code == EAGAIN || code == ENOBUFS || code == ETOOMANYREFS;
}

static int
send_bytes(int fd, struct msghdr *hdr)
{
	ssize_t	 n;

	/* An engine may call no sendmsg(2), as it has no descriptors to give away. */
	do
		n = hdr->msg_controllen > 0 ? sendmsg(fd, hdr, MSG_NOSIGNAL) :
		    send(fd, hdr->msg_iov->iov_base, hdr->msg_iov->iov_len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return 1;
	if (is_not_now(errno))
		return 0;
	if (errno == ECONNRESET || errno == ENOTCONN)
		errno = EPIPE;
	return -1;
}

int
ipc_send(int fd, const struct ipc_msg *msg, const int *fds, int nfds)
{
	struct buf	 bytes;
	struct iovec	 iov;
	struct msghdr	 hdr;
	union control	 control;
	int		 ret;

	if (nfds < 0 || nfds > IPC_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	buf_init(&bytes, IPC_MAX_MSG);
	ipc_msg_enc(&bytes, msg);
	if (!buf_ok(&bytes)) {
		buf_free(&bytes);
		errno = EMSGSIZE;
		return -1;
	}
	memset(&hdr, 0, sizeof(hdr));
	iov.iov_base = bytes.data;
	iov.iov_len = bytes.len;
	hdr.msg_iov = &iov;
	hdr.msg_iovlen = 1;
	if (nfds > 0)
		attach_fds(&hdr, &control, fds, nfds);
	ret = send_bytes(fd, &hdr);
	buf_free(&bytes);
	return ret;
}

/* Descriptors beyond IPC_MAX_FDS are closed, not leaked. */
static void
detach_fds(struct msghdr *hdr, int *fds)
{
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 got = 0, fd;

	for (cmsg = CMSG_FIRSTHDR(hdr); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(fd));
			if (got < IPC_MAX_FDS)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
}

void
ipc_close_fds(int *fds)
{
	int	 i;

	for (i = 0; i < IPC_MAX_FDS; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

static ssize_t
recv_bytes(int fd, struct msghdr *hdr, int flags)
{
	ssize_t	 n;

	do
		n = recvmsg(fd, hdr, MSG_CMSG_CLOEXEC | flags);
	while (n == -1 && errno == EINTR);
	return n;
}

/* What recvmsg(2) gave, as ipc_recv() returns it. */
static int
judge(ssize_t n, int flags, const void *buf, struct ipc_msg *msg)
{
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == -1 && errno != ECONNRESET)
		return -1;
	/* No message of ours is empty, so this is the end of file. */
	if (n <= 0)
		errno = EPIPE;
	else if ((flags & MSG_TRUNC) != 0 || ipc_msg_dec(buf, (size_t)n, msg) == -1)
		errno = EBADMSG;
	else
		return 1;
	return -1;
}

int
ipc_recv(int fd, void *buf, struct ipc_msg *msg, int *fds)
{
	struct iovec	 iov = { buf, IPC_MAX_MSG };
	struct msghdr	 hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control	 control;
	ssize_t		 n;
	int		 i, ret, error;

	for (i = 0; i < IPC_MAX_FDS; i++)
		fds[i] = -1;
	hdr.msg_control = control.bytes;
	hdr.msg_controllen = sizeof(control.bytes);
	if ((n = recv_bytes(fd, &hdr, 0)) != -1)
		detach_fds(&hdr, fds);
	ret = judge(n, hdr.msg_flags, buf, msg);
	error = errno;
	if (ret == -1)
		ipc_close_fds(fds);
	errno = error;
	return ret;
}

/*
 * Without room for descriptors a look at the message leaves them where they are.
 * The last to close one may have to wait as long as its maker likes (SO_LINGER,
 * FUSE), also the kernel if it is told to drop them.
 */
static int
brings_fds(int fd)
{
	char		 byte;
	struct iovec	 iov = { &byte, 1 };
	struct msghdr	 hdr = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recv_bytes(fd, &hdr, MSG_PEEK) > 0 && (hdr.msg_flags & MSG_CTRUNC) != 0;
}

int
ipc_recv_plain(int fd, void *buf, struct ipc_msg *msg)
{
	struct iovec	 iov = { buf, IPC_MAX_MSG };
	struct msghdr	 hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t		 n;

	if (rights_pass && brings_fds(fd)) {
		errno = EBADMSG;
		return -1;
	}
	n = recv_bytes(fd, &hdr, 0);
	return judge(n, hdr.msg_flags, buf, msg);
}

/*
 * A process that exits waits for no socket. It must not do so before this one
 * has closed its copy, or that would be the last.
 */
void
ipc_close(int fd)
{
	int	 go[2];
	pid_t	 pid = -1;
	char	 byte;

	if (!rights_pass || pipe2(go, O_CLOEXEC) == -1) {
		close(fd);
		return;
	}
	if ((pid = fork()) == 0) {
		close(go[1]);
		while (read(go[0], &byte, 1) == -1 && errno == EINTR)
			;
		_exit(0);
	}
	close(fd);
	close(go[0]);
	close(go[1]);
}
