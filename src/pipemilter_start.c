/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter_start.c: the program pipemilter-start, which becomes the handler's
 * user and executes the handler (system/starter.h).
 *
 * The supervisor starts it with vfork(2), and waits only until this program is
 * executed, which nobody but root can delay. What follows may hang, as the
 * user can stop this process, or have the directory on a file system of his
 * own: that is no matter of the supervisor any more.
 *
 * It stands between each fork and each handler, so it has to be small. Where
 * the lines at the end know how a program begins on this kind of machine it
 * is linked without any library. A C library needs longer for its own start
 * than all that is done here.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "system/starter.h"

#if defined(STARTER_ALONE) && (defined(__ILP32__) || \
    !(defined(__x86_64__) || defined(__aarch64__)))
#error "the makefile tries again with the C library"
#endif

#define MAX_GROUPS	65536
#define REGULAR_FILE	0100000u	/* of stx_mode: sys/stat.h and linux/stat.h do not mix */
#define FILE_TYPE	0170000u

/* 32-bit systems have older calls for 16-bit numbers, too. */
#ifdef __NR_setresuid32
#define NR_SETRESUID	__NR_setresuid32
#define NR_SETRESGID	__NR_setresgid32
#define NR_SETGROUPS	__NR_setgroups32
#define NR_SETUID	__NR_setuid32
#define NR_SETGID	__NR_setgid32
#else
#define NR_SETRESUID	__NR_setresuid
#define NR_SETRESGID	__NR_setresgid
#define NR_SETGROUPS	__NR_setgroups
#define NR_SETUID	__NR_setuid
#define NR_SETGID	__NR_setgid
#endif

/* Returns what the call returns, or -errno. */
static long
call(long nr, long a, long b, long c, long d, long e)
{
#if defined(STARTER_ALONE) && defined(__x86_64__)
	long		 ret;
	register long	 r10 __asm__("r10") = d;
	register long	 r8 __asm__("r8") = e;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10),
	    "r"(r8) : "rcx", "r11", "memory");
	return ret;
#elif defined(STARTER_ALONE) && defined(__aarch64__)
	register long	 x8 __asm__("x8") = nr;
	register long	 x0 __asm__("x0") = a;
	register long	 x1 __asm__("x1") = b;
	register long	 x2 __asm__("x2") = c;
	register long	 x3 __asm__("x3") = d;
	register long	 x4 __asm__("x4") = e;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) :
	    "memory");
	return x0;
#else
	extern long	 syscall(long, ...);
	long		 ret = syscall(nr, a, b, c, d, e);

	return ret == -1 ? -errno : ret;
#endif
}

static void quit(void) __attribute__((__noreturn__));

static void
quit(void)
{
	for (;;)
		(void)call(__NR_exit_group, 127, 0, 0, 0, 0);
}

static void fail(enum starter_kind, long) __attribute__((__noreturn__));

static void
fail(enum starter_kind kind, long error)
{
	struct starter_note	 note = { .kind = kind, .error = (int32_t)error };

	(void)call(__NR_write, STARTER_FD, (long)&note, sizeof(note), 0, 0);
	quit();
}

static void
check(long ret)
{
	if (ret < 0)
		fail(STARTER_SETUP_FAILED, -ret);
}

static int
is_same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* The number at the beginning of a text; the end of it is set. */
static unsigned int
number(const char **p)
{
	unsigned int	 n = 0;

	while (**p >= '0' && **p <= '9')
		n = n * 10 + (unsigned int)(*(*p)++ - '0');
	return n;
}

static long
id(const char *text)
{
	return (long)number(&text);
}

static void
set_groups(const char *list)
{
	static unsigned int	 groups[MAX_GROUPS];
	long			 n = 0;

	while (*list != '\0' && n < MAX_GROUPS) {
		groups[n++] = number(&list);
		if (*list == ',')
			list++;
	}
	check(call(NR_SETGROUPS, n, (long)groups, 0, 0, 0));
}

/* For good: a handler may have been given root on purpose, else nothing leads back to it. */
static void
become(long uid, long gid, const char *groups)
{
	set_groups(groups);
	check(call(NR_SETRESGID, gid, gid, gid, 0, 0));
	check(call(NR_SETRESUID, uid, uid, uid, 0, 0));
	if (uid != 0 && (call(NR_SETUID, 0, 0, 0, 0, 0) == 0 ||
	    (gid != 0 && call(NR_SETGID, 0, 0, 0, 0, 0) == 0)))
		fail(STARTER_SETUP_FAILED, EPERM);
}

/*
 * The process that starts us may have ended already: then no signal comes. A change of
 * the user takes the setting back.
 */
static void
end_with(long parent)
{
	check(call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	if (call(__NR_getppid, 0, 0, 0, 0, 0) != parent)
		quit();
}

static void
look_at(const char *path, struct file_look *look)
{
	struct statx	 st;

	if (path[0] != '/' || call(__NR_statx, AT_FDCWD, (long)path, 0, STATX_BASIC_STATS,
	    (long)&st) < 0 || (st.stx_mode & FILE_TYPE) != REGULAR_FILE)
		return;
	look->known = 1;
	look->dev_major = st.stx_dev_major;
	look->dev_minor = st.stx_dev_minor;
	look->ino = st.stx_ino;
	look->size = st.stx_size;
	look->mtime = st.stx_mtime.tv_sec;
	look->mtime_ns = st.stx_mtime.tv_nsec;
	look->ctime = st.stx_ctime.tv_sec;
	look->ctime_ns = st.stx_ctime.tv_nsec;
}

static void
look_at_all(char *const *paths)
{
	unsigned int	 i;

	for (i = 0; paths[i] != NULL; i++) {
		struct starter_note	 note = { .kind = STARTER_LOOKED, .index = i };

		look_at(paths[i], &note.look);
		(void)call(__NR_write, STARTER_FD, (long)&note, sizeof(note), 0, 0);
	}
}

static void
start(char *const *argv, char *const *envp)
{
	if (argv[1][0] != '-')
		become(id(argv[1]), id(argv[2]), argv[3]);
	end_with(id(argv[0]));
	check(call(__NR_chdir, (long)argv[4], 0, 0, 0, 0));
	if (is_same(argv[5], "look"))
		look_at_all(argv + 7);
	fail(STARTER_EXEC_FAILED, -call(__NR_execve, (long)argv[6], (long)(argv + 7), (long)envp,
	    0, 0));
}

static void run(int, char *const *, char *const *) __attribute__((__noreturn__));

static void
run(int argc, char *const *argv, char *const *envp)
{
	/* Not before this program was executed, as it needs the descriptor itself. */
	check(call(__NR_fcntl, STARTER_FD, F_SETFD, FD_CLOEXEC, 0, 0));
	if (argc >= 10 && is_same(argv[1], "start"))
		start(argv + 2, envp);
	if (argc >= 3 && is_same(argv[1], "look")) {
		end_with(id(argv[2]));
		look_at_all(argv + 3);
	}
	quit();
}

#ifdef STARTER_ALONE
/* The stack at the begin of a program: argc, argv, NULL, envp, NULL. */
void	 starter_begin(long *) __attribute__((__noreturn__, __used__));

void
starter_begin(long *stack)
{
	char	**argv = (char **)(stack + 1);

	run((int)stack[0], argv, argv + stack[0] + 1);
}

#if defined(__x86_64__)
__asm__(".text\n.globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n"
    "\tand $-16, %rsp\n\tcall starter_begin\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n"
    "\tb starter_begin\n");
#endif
#else
extern char	**environ;

int
main(int argc, char **argv)
{
	run(argc, argv, environ);
}
#endif
