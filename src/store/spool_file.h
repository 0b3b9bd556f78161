/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool_file.h: the files of store/spool.h one by one. To make a file and to remove
 * it costs some file systems more than all that is written into it. So one
 * that is not needed any more is put away, where no handler can reach it, and
 * the next message is written over it: then nobody has it open, or it is
 * removed after all.
 */
#ifndef PM_STORE_SPOOL_FILE_H
#define PM_STORE_SPOOL_FILE_H

#include <stddef.h>

#include "store/spool.h"

/* A larger file, in bytes, is not put away. */
#define SPOOL_FILE_KEPT	(512u * 1024)

struct spool_file {
	int		 fd;
	char		 spare[32];	/* where it is so far; "": where it belongs */
	off_t		 had;		/* bytes of an earlier message, */
	off_t		 has;		/* and of this one */
};

/*
 * For this process: the directory that handlers can't reach (NULL: nothing is put
 * away) and what the names of files there begin with.
 */
void	 spool_file_setup(const char *directory, const char *prefix);
/* Removes what begins so in a directory. */
void	 spool_file_sweep(int directory, const char *prefix);
/* The same in the directory of setup. */
void	 spool_file_sweep_spares(void);

/*
 * Opens a file to be written from its beginning; those of one kind are of about
 * the same length. 0, or -1 with errno.
 */
int	 spool_file_open(struct spool_file *, const struct spool_dir *, unsigned int kind,
	    const char *name);
int	 spool_file_write(struct spool_file *, const void *, size_t);
/*
 * Once all was written it is there under its name. result is that of what came
 * before: if it is -1, or this fails, there is no file. Returns 0, or -1 with
 * errno.
 */
int	 spool_file_close(struct spool_file *, const struct spool_dir *, const char *name,
	    int result);
/* It is not needed any more; none may be there. size: of its message. */
void	 spool_file_remove(const struct spool_dir *, unsigned int kind, const char *name,
	    size_t size);

/* How many are put away; and all of them go. Both return that number. */
unsigned int spool_file_spares(void);
unsigned int spool_file_drop_spares(void);

#endif
