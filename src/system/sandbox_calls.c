/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox_calls.c: the filter of system calls. What a call is allowed with
 * stands next to the lists.
 */
#include "base/compat.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifdef HAVE_LIBSECCOMP
#include <linux/seccomp.h>
#include <seccomp.h>
#endif

#include "base/log.h"
#include "system/sandbox_int.h"

#ifdef HAVE_LIBSECCOMP

/*
 * All that an engine and the libraries below it call. By name: what this
 * architecture or this libseccomp does not know is left out. A call that stands
 * in no list gets ENOSYS, as an old kernel would say, so that a newer libc
 * falls back on an older call.
 */
static const char *const allowed[] = {
	/* the loop */
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "pipe2",
	"poll", "ppoll", "ppoll_time64",
	/* connections, processes, the supervisor */
	"read", "write", "close", "accept4", "recvmsg",
	/* the libraries */
	"brk", "munmap", "mremap", "madvise", "futex", "getrandom",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "restart_syscall",
	"clock_gettime", "clock_gettime64", "gettimeofday", "exit_group",
	"getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32",
	"getgid32", "getegid32", "uname", "sysinfo", "fstat", "fstat64",
};

/* With a directory for messages or for records. */
static const char *const for_files[] = {
	"openat", "getdents64", "renameat", "renameat2", "ftruncate", "ftruncate64",
};

/* No honest engine calls one of these: code that does has taken it over. */
static const char *const deadly[] = {
	"fork", "vfork", "clone", "clone3", "execve", "execveat",
	"kill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal",
	"pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
	"socket", "socketpair", "connect", "bind", "listen", "shutdown", "sendmsg", "sendmmsg",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"unshare", "setns", "chroot", "pivot_root", "mount", "umount2", "fsopen", "fsmount",
	"open_tree", "move_mount", "mount_setattr",
	"bpf", "userfaultfd", "perf_event_open", "keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
	"setfsuid", "setfsgid", "capset", "personality", "modify_ldt", "prctl", "seccomp",
	"memfd_create", "open_by_handle_at", "name_to_handle_at",
};

static scmp_filter_ctx	 ctx;

static void
check(int err, const char *what)
{
	if (err == 0)
		return;
	errno = -err;
	fatal("seccomp: %s", what);
}

static void
add(uint32_t action, const char *name, unsigned int nargs, const struct scmp_arg_cmp *args)
{
	int	 number = seccomp_syscall_resolve_name(name);

	if (number != __NR_SCMP_ERROR)
		check(seccomp_rule_add_array(ctx, action, number, nargs, args), name);
}

static void
add_all(uint32_t action, const char *const *names, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		add(action, names[i], 0, NULL);
}

static void
allow_if(const char *name, unsigned int nargs, const struct scmp_arg_cmp *args)
{
	add(SCMP_ACT_ALLOW, name, nargs, args);
}

/* The kernel looks at the lower half of an int alone. */
#define INT_IS(arg, value) \
	SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value))
#define LONG_IS(arg, value) \
	SCMP_CMP64(arg, SCMP_CMP_EQ, (uint64_t)(value), 0)
#define BITS_ARE(arg, mask, value) \
	SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(value))

static void
limit_memory(uint32_t execute)
{
	static const char *const calls[] = { "mmap", "mmap2", "mprotect" };
	struct scmp_arg_cmp	 data = BITS_ARE(2, PROT_EXEC, 0);
	struct scmp_arg_cmp	 code = BITS_ARE(2, PROT_EXEC, PROT_EXEC);
	size_t			 i;

	for (i = 0; i < nitems(calls); i++) {
		add(SCMP_ACT_ALLOW, calls[i], 1, &data);
		add(execute, calls[i], 1, &code);
	}
}

/*
 * A descriptor may be one that other processes share, as a listening socket is:
 * nobody may make it block, or have it send signals.
 */
static void
limit_fcntl(const char *name)
{
	static const int	 commands[] = { F_GETFD, F_SETFD, F_GETFL, F_SETLEASE, F_SETSIG };
	struct scmp_arg_cmp	 flags[] = { INT_IS(1, F_SETFL),
	    BITS_ARE(2, O_NONBLOCK | O_ASYNC | O_DIRECT, O_NONBLOCK) };
	size_t			 i;

	for (i = 0; i < nitems(commands); i++) {
		struct scmp_arg_cmp	 command = INT_IS(1, commands[i]);

		allow_if(name, 1, &command);
	}
	allow_if(name, nitems(flags), flags);
}

static void
limit_sockets(void)
{
	/* To whom it is connected; where /dev/log is, others are too. */
	struct scmp_arg_cmp	 connected[] = { LONG_IS(4, 0), LONG_IS(5, 0) };
	struct scmp_arg_cmp	 nodelay[] = { INT_IS(1, IPPROTO_TCP), INT_IS(2, TCP_NODELAY) };

	allow_if("sendto", nitems(connected), connected);
	allow_if("setsockopt", nitems(nodelay), nodelay);
}

static void
limit_ioctl(uint32_t kill)
{
	static const unsigned long terminal[] = { TIOCSTI, TIOCLINUX, TIOCSCTTY };
	struct scmp_arg_cmp	 unread = INT_IS(1, FIONREAD);
	size_t			 i;

	allow_if("ioctl", 1, &unread);
	for (i = 0; i < nitems(terminal); i++) {
		struct scmp_arg_cmp	 type = INT_IS(1, terminal[i]);

		add(kill, "ioctl", 1, &type);
	}
}

/* abort(3) signals its own process; limits are read, and that of descriptors set. */
static void
limit_itself(void)
{
	struct scmp_arg_cmp	 own = INT_IS(0, getpid());
	struct scmp_arg_cmp	 reads[] = { INT_IS(0, 0), LONG_IS(2, 0) };
	struct scmp_arg_cmp	 files[] = { INT_IS(0, 0), INT_IS(1, RLIMIT_NOFILE) };

	allow_if("tgkill", 1, &own);
	allow_if("tkill", 1, &own);
	allow_if("prlimit64", nitems(reads), reads);
	allow_if("prlimit64", nitems(files), files);
}

/* What they say of a path can't be seen here: only what is open is asked for. */
static void
limit_stat(void)
{
	struct scmp_arg_cmp	 flags3 = BITS_ARE(3, AT_EMPTY_PATH, AT_EMPTY_PATH);
	struct scmp_arg_cmp	 flags2 = BITS_ARE(2, AT_EMPTY_PATH, AT_EMPTY_PATH);

	allow_if("newfstatat", 1, &flags3);
	allow_if("fstatat64", 1, &flags3);
	allow_if("statx", 1, &flags2);
}

static void
limit_files(void)
{
	/* No directories. */
	struct scmp_arg_cmp	 flags = INT_IS(2, 0);

	add_all(SCMP_ACT_ALLOW, for_files, nitems(for_files));
	allow_if("unlinkat", 1, &flags);
}

const char *
sandbox_calls_missing(void)
{
	/* Without a program it can do nothing but say that it would. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 && errno == EFAULT)
		return NULL;
	return "the kernel has none";
}

void
sandbox_calls_limit(int have_dirs)
{
	uint32_t	 kill = seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL;

	if ((ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) == NULL)
		fatalx("seccomp_init failed");
	check(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, kill), "other architectures");
	add_all(SCMP_ACT_ALLOW, allowed, nitems(allowed));
	add_all(kill, deadly, nitems(deadly));
	limit_memory(SCMP_ACT_ERRNO(EPERM));
	limit_fcntl("fcntl");
	limit_fcntl("fcntl64");
	limit_sockets();
	limit_ioctl(kill);
	limit_itself();
	limit_stat();
	if (have_dirs)
		limit_files();
	/* A tree instead of a row of comparisons; libseccomp may be too old for that. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	check(seccomp_load(ctx), "load");
	seccomp_release(ctx);
}

#else

const char *
sandbox_calls_missing(void)
{
	return "built without libseccomp";
}

void
sandbox_calls_limit(int have_dirs __unused)
{
}

#endif
