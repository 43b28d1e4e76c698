/* The escapes of JSON strings (RFC 8259, 7). */
#pragma once

#include "base/cur.h"

/* The string without its escapes into `to`, which has room for s.len bytes: it never grows. Returns
 * its bytes. \x1f, which is no JSON but written (zeek#609), is that byte; half a surrogate pair is
 * U+FFFD; of unknown escapes the backslash is kept. */
size_t json_unescape(struct span s, uint8_t *to);
