/* What the application decoders share: names and texts of the wire into fixed fields. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cur.h"

/* The next n bytes as a cursor of their own; all of them or, unlike cur_sub(), none and a failed c.
 */
struct cur text_block(struct cur *c, size_t n);
/* Copies text, cut to room - 1 bytes. A NUL, which would end it early, becomes '?'; all else stays
 * as sent. */
void text_copy(char *ret, size_t room, struct span text);
/* Copies a host name: lower case, without a final dot. A name that does not fit gives "": its end,
 * which decides the registered domain, would be missing. */
void text_host(char *ret, size_t room, struct span name);
/* Whether it is an IPv4 or IPv6 address literal, brackets or not. */
bool text_is_address(const char *host);
/* Whether it can be a name in the DNS: letters, digits, '-', '_', '.', and '*' for certificates;
 * not empty. */
bool text_is_name(const char *host);
