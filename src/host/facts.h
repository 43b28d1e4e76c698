/* Inside host/: what a name is, remembered: the Public Suffix List and the table of domains are
 * asked once per name, not once per event. */
#pragma once

#include "host/host.h"

struct name_facts {
	uint32_t name,
		domain; /* strings numbers of the name and of its registered domain; 0 no room */
	enum domain_class class;
};

struct facts;

/* Fails: -ENOMEM. */
MUST_USE int facts_new(struct facts **ret, struct strings *strings);
void facts_free(struct facts *f);
/* Facts of a lower-case name. */
struct name_facts facts_of(struct facts *f, const char *name);
