/* Inside report/: the Wireshark display filter that selects a finding's packets. */
#pragma once

#include "base/out.h"
#include "judge/judge.h"

/* Syntax of Wireshark 3.6 and later. Names are quoted: nothing in them can leave their string. */
void filter_say(struct out *o, const struct finding *f);
