/* Inside suricata/: patterns against one buffer. */
#pragma once

#include "suricata/suricata.h"

#define DOTTED_BYTES 8192u /* a name that a transform changes is shorter */

/* All patterns that the rule has for the buffer (with or without the transform), in their order. */
enum suricata_tri match_patterns(const struct suricata_rule *rule, enum suricata_buffer buffer,
	bool dotprefix, const struct suricata_bytes *in);
