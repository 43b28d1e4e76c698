/* JSON written in order, straight into a buffer. Strings of strangers come out as
 * valid UTF-8 (out_safe), numbers alike in every locale. Keys are ours and need no escaping; NULL
 * inside an array. */
#pragma once

#include "base/addr.h"
#include "base/out.h"

struct emit { /* out set, the rest zero: an empty document */
	struct out *out;
	bool comma;  /* something stands before at this level */
	bool script; /* for a script element: & < > are written \uNNNN */
};

void emit_open(struct emit *e, const char *key, char bracket); /* { or [ */
void emit_close(struct emit *e, char bracket);                 /* } or ] */
void emit_text(
	struct emit *e, const char *key, const char *text, size_t max_bytes); /* NULL: null */
/* Our own text of several lines: printable ASCII, and line ends. */
void emit_lines(struct emit *e, const char *key, const char *text);
/* An array of strings. */
void emit_texts(
	struct emit *e, const char *key, const char *const *text, size_t count, size_t max_bytes);
/* What was said, which is safe already; empties it. */
void emit_said(struct emit *e, const char *key, struct out *said);
void emit_address(struct emit *e, const char *key, const struct addr *a);
void emit_time(struct emit *e, const char *key, int64_t time_ns);
void emit_count(struct emit *e, const char *key, uint64_t n);
/* Six digits; what is not finite becomes the nearest number. */
void emit_number(struct emit *e, const char *key, double value);
void emit_bool(struct emit *e, const char *key, bool value);
void emit_null(struct emit *e, const char *key);
