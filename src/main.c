/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * main.c: main() of pipemilter(8).
 */
#include "base/compat.h"

#include <stdlib.h>
#include <unistd.h>

#include "pipemilter/pipemilter.h"

extern char **environ;

int
main(int argc, char **argv)
{
	/* This moves argv and the environment, so it must come first. */
	setproctitle_init(argc, argv, environ);
	return pipemilter_main(argc, argv);
}
