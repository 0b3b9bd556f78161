/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <unistd.h>

#include "pipemilter/pipemilter.h"

extern char **environ;

int
main(int argc, char **argv)
{
	/* It moves argv and the environment, so before anything looks at them. */
	setproctitle_init(argc, argv, environ);
	return pipemilter_main(argc, argv);
}
