/* Growing text buffer: the only way results become text. A failed allocation is sticky and is asked
 * for once, at the end. What comes from outside goes through out_safe(), never through out_text().
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct out {        /* all zero is a valid, empty buffer */
	char *text; /* NUL-terminated once anything was written; owned */
	size_t len, room;
	bool failed; /* memory ran out: text is cut there */
};

void out_fini(struct out *o);
void out_clear(struct out *o);
void out_bytes(struct out *o, const char *bytes, size_t len);
void out_text(struct out *o, const char *text);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text written by a stranger, made inert for a terminal and for JSON: control characters, DEL, C1
 * and bidirectional controls and bytes that are not UTF-8 become \xNN; at most max_bytes of input,
 * then an ellipsis. */
void out_safe(struct out *o, const char *text, size_t max_bytes);
/* The text, or "" when nothing was written. Borrowed until the next call. */
const char *out_string(const struct out *o);

/* RFC 3339, UTC, microseconds: 2021-01-06T16:42:42.123456Z */
void out_time(struct out *o, int64_t time_ns);
/* A duration as a person says it: 10 ms, 5.3 s, 16 min, 2.5 h, 3.1 d. */
void out_duration(struct out *o, int64_t ns);
