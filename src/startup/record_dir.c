/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/record_dir.c: makes, opens and checks the directory for transcripts.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trusted.h"
#include "startup/record_dir.h"

static int
complain_of_record(const struct conf *conf, const char *why)
{
	log_msg(LOG_ERR, NULL, "record: %s: %s", conf->record, why);
	return -1;
}

/* made: the directory is new, and still ours. */
static int
check_record_dir(const struct conf *conf, int fd, int made)
{
	uid_t		 owner = conf->have_engine_ids ? conf->engine_uid : geteuid();
	struct stat	 st;

	if (made && conf->have_engine_ids &&
	    fchown(fd, conf->engine_uid, conf->engine_gid) == -1)
		return complain_of_record(conf, strerror(errno));
	if (fstat(fd, &st) == -1)
		return complain_of_record(conf, strerror(errno));
	if (st.st_uid != owner)
		return complain_of_record(conf, "it belongs to another user than the engine's");
	/* A user who can write there could put a pipe where a file should be. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return complain_of_record(conf, "others than its owner can write it");
	return 0;
}

int
record_dir_open(const struct conf *conf, struct runtime *rt)
{
	char		 why[TRUSTED_WHY];
	char		 name[NAME_MAX + 1];
	int		 above, made, error;

	if (conf->record == NULL)
		return 0;
	if ((above = trusted_open_above(conf->record, why, sizeof(why))) == -1)
		return complain_of_record(conf, why);
	trusted_last_name(conf->record, name, sizeof(name));
	made = mkdirat(above, name, 0700) == 0;
	error = errno;
	rt->record_fd = !made && error != EEXIST ? -1 :
	    openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made || error == EEXIST)
		error = errno;
	(void)close(above);
	errno = error;
	if (rt->record_fd == -1)
		return complain_of_record(conf, errno == ELOOP || errno == ENOTDIR ?
		    "not a directory" : strerror(errno));
	return check_record_dir(conf, rt->record_fd, made);
}
