/* What the reader's terminal can show. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct terminal {
	unsigned width; /* columns; 0 unknown */
	bool tty;       /* a person looks at it */
	bool colour;    /* it may be used: a terminal, no NO_COLOR, not dumb */
	bool unicode;   /* the locale's character set is UTF-8 */
};

/* setlocale() must have been called. */
struct terminal terminal_of(FILE *file);
