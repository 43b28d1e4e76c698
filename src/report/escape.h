/* Inside report/: one escape for each family of text formats. All of them make strangers' text
 * safe first (out_safe): no control characters, no bidirectional controls, valid UTF-8. What is
 * safe already stays as it is. max_bytes counts input; SIZE_MAX: all of it. */
#pragma once

#include "base/out.h"

/* A field of CSV (RFC 4180), always quoted; what a spreadsheet would take for a formula begins with
 * an apostrophe (OWASP, CSV injection). */
void escape_csv(struct out *o, const char *text, size_t max_bytes);
/* CEF (ArcSight, revision 25): | and \ in the head; = and \ in values. */
void escape_cef_head(struct out *o, const char *text, size_t max_bytes);
void escape_cef_value(struct out *o, const char *text, size_t max_bytes);
/* A value of structured data (RFC 5424, 6.3.3): " \ and ]. */
void escape_syslog(struct out *o, const char *text, size_t max_bytes);
/* A sentence of Markdown (CommonMark and GitHub's): nothing in it is markup, HTML or a link. */
void escape_markdown(struct out *o, const char *text, size_t max_bytes);
/* `code` of Markdown, for names and addresses, in tables as well: no link comes of it. */
void escape_code(struct out *o, const char *text, size_t max_bytes);
