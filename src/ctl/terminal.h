/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/terminal.h: a screen that is drawn again and again, if standard output is a terminal, and
 * keys, if standard input is one. However the program ends, the terminal is as it was before.
 */
#ifndef PM_CTL_TERMINAL_H
#define PM_CTL_TERMINAL_H

#include <stdint.h>

#include "base/buf.h"

enum terminal_colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED };

struct terminal {
	int		 is_screen;	/* it can be cleared */
	int		 has_colours;
	int		 is_utf8;	/* of the locale */
	unsigned int	 rows, columns;	/* that may be used; columns never more than 79 */
	struct buf	 picture;
	unsigned int	 left;		/* columns of the present line */
};

void	 terminal_begin(struct terminal *);
void	 terminal_end(struct terminal *);
/* Begins a picture, and looks how large the screen is now. */
void	 terminal_clear(struct terminal *);
/*
 * Adds a text to the present line. width 0: as far as there is room. Else it takes so many
 * columns, to the right (above 0) or to the left of them, or is left out with all after it.
 */
void	 terminal_add(struct terminal *, enum terminal_colour, int width, const char *text);
void	 terminal_line(struct terminal *);
/* Writes the picture. Returns 0, or -1 with errno. */
int	 terminal_show(struct terminal *);
/* Waits so long, or until there is a reason to draw again (0) or to end (1): the key q. */
int	 terminal_wait(uint64_t ms);

#endif
