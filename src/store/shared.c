/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/shared.c: memory that is mapped twice, to be written and to be read.
 */
#include "base/compat.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "store/shared.h"

/* Newer kernels have these: memory that can't be executed; no later mapping can write. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL		0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

static int
make_memory(size_t size)
{
	int	 fd = memfd_create("board", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd == -1 && errno == EINVAL)
		fd = memfd_create("board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		fatal("memfd_create");
	if (ftruncate(fd, (off_t)size) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == -1)
		fatal("memory for the board");
	return fd;
}

static void *
map(int fd, size_t size, int protection)
{
	void	*p = mmap(NULL, size, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (p == MAP_FAILED)
		fatal("mmap");
	return p;
}

void *
shared_map(size_t size, const void **all)
{
	static int	 told;
	void		*ours;
	int		 fd = make_memory(size);

	ours = map(fd, size, PROT_READ | PROT_WRITE);
	/* Linux 5.1 */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == -1 && !told) {
		log_warnx("board: this kernel can't keep an engine that is taken over from "
		    "changing what others count");
		told = 1;
	}
	*all = map(fd, size, PROT_READ);
	(void)close(fd);
	return ours;
}
