/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool_file.h: one of the files of store/spool.h. Some file systems take
 * longer to make and remove a file than to write it. So a file that is done
 * with becomes a spare file: it moves to a directory that no handler can reach,
 * and the next message is written over it, unless somebody still has it open.
 */
#ifndef PM_STORE_SPOOL_FILE_H
#define PM_STORE_SPOOL_FILE_H

#include <stddef.h>

#include "store/spool.h"

/* A file of a larger message, in bytes, is removed at once. */
#define SPOOL_FILE_KEPT	(512u * 1024)

struct spool_file {
	int		 fd;
	char		 spare[32];	/* its name while it is a spare file; "": it is new */
	off_t		 had;		/* bytes of an earlier message that it had, */
	off_t		 has;		/* and bytes of this message */
};

/*
 * Sets this process up: the directory for spare files (NULL: there are none),
 * and the prefix of their names. Both must live as long as the process.
 */
void	 spool_file_setup(const char *directory, const char *prefix);
/* Removes the files of a directory whose names begin with prefix. directory: a descriptor. */
void	 spool_file_sweep(int directory, const char *prefix);
/* The same in the directory for spare files. */
void	 spool_file_sweep_spares(void);

/*
 * Opens a file of this name for writing, a spare file if there is one of this
 * kind: files of one kind have about the same length. Returns 0, or -1 with
 * errno.
 */
int	 spool_file_open(struct spool_file *, const struct spool_dir *, unsigned int kind,
	    const char *name);
int	 spool_file_write(struct spool_file *, const void *, size_t);
/*
 * Ends the file: it gets its name when all was written. result: what writing it
 * returned; with -1, or if this fails, there is no file. Returns 0, or -1 with
 * errno.
 */
int	 spool_file_close(struct spool_file *, const struct spool_dir *, const char *name,
	    int result);
/* Removes a file, if it is there. size: bytes of its message. */
void	 spool_file_remove(const struct spool_dir *, unsigned int kind, const char *name,
	    size_t size);

/* Number of spare files; the second function removes them all. */
unsigned int spool_file_spares(void);
unsigned int spool_file_drop_spares(void);

#endif
