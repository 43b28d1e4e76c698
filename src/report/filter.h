/* Inside report/: queries that select a finding's traffic in the tools that people have open. */
#pragma once

#include "base/out.h"
#include "judge/judge.h"

/* Wireshark's display filter, syntax of 3.6 and later. Names are quoted: nothing in them can leave
 * their string. */
void filter_say(struct out *o, const struct finding *f);

/* The other languages: each has a name for people. Names that are no plain host names are left out
 * there; a finding that has neither such a name nor an address is selected by its host alone. */
size_t filter_dialects(void);
const char *filter_dialect(size_t dialect);
void filter_say_in(struct out *o, size_t dialect, const struct finding *f);
