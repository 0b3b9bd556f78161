/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/starter.h: what the program pipemilter-start is given, and what it tells.
 *
 *	pipemilter-start start PARENT UID GID GROUPS DIRECTORY LOOK PATH ARGUMENT ...
 *	pipemilter-start look PARENT FILE ...
 *
 * UID is "-" if the user stays; GROUPS has commas between its numbers. PARENT is
 * the pid of who starts it. The first form becomes that user, looks at the files
 * among the arguments if LOOK is "look", and executes PATH with the arguments.
 * The second form looks at files and ends. Both write notes to descriptor 3,
 * which the handler does not get: so its end without a failure says that the
 * handler runs.
 */
#ifndef PM_SYSTEM_STARTER_H
#define PM_SYSTEM_STARTER_H

#include <stdint.h>

#define STARTER_NAME	"pipemilter-start"
#define STARTER_FD	3

/* How a file looks from outside; not known: it is missing, or no regular file. */
struct file_look {
	uint32_t	 known;
	uint32_t	 mtime_ns, ctime_ns;
	uint32_t	 dev_major, dev_minor;
	uint32_t	 unused;		/* no gap: looks are compared as bytes */
	uint64_t	 ino, size;
	int64_t		 mtime, ctime;
};

enum starter_kind {
	STARTER_SETUP_FAILED,	/* with errno: user, directory or the like */
	STARTER_EXEC_FAILED,	/* with errno: the program could not be executed */
	STARTER_LOOKED		/* at the argument or file of this index */
};

/* Each is one write of less than PIPE_BUF bytes, so it comes as a whole. */
struct starter_note {
	uint32_t	 kind;
	int32_t		 error;
	uint32_t	 index;
	uint32_t	 unused;
	struct file_look look;
};

#endif
