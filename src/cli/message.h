/* Messages: one line each, to stderr: "postern: what: remedy". */
#pragma once

#include <stddef.h>

/* The text is ours or already safe. */
void message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A word of the user's, in quotes, safe to print, cut when it is long. */
struct spoken {
	char text[96];
};
struct spoken quoted(const char *word);
/* The same without quotes: paths. */
struct spoken shown(const char *path);

/* The candidate that was probably meant, or NULL. */
const char *nearest(const char *word, const char *const *candidate, size_t count);
