/* What is told of a thing that is no finding, once, for each form of an alert. */
#pragma once

#include "alert/alert.h"
#include "base/addr.h"
#include "base/out.h"
#include "event/event.h"

#define ALERT_FACTS_MAX 16u

struct alert_fact {
	const char *name; /* lower case, ours */
	struct out value; /* safe text; "": left out */
};

struct alert_facts {        /* all zero, then filled; alert_facts_fini() */
	const char *type;   /* "change", "known-bad", "finding" */
	unsigned severity;  /* of RFC 5424, table 2 */
	unsigned signature; /* EVE's, of those for local rules */
	bool blocked;       /* EVE's action */
	int64_t at_ns;
	struct addr host, peer; /* peer: none */
	uint16_t port;          /* 0 none */
	enum transport transport;
	struct out message; /* a sentence; safe text */
	struct alert_fact fact[ALERT_FACTS_MAX];
	size_t facts;
};

void alert_facts_fini(struct alert_facts *f);
/* Where the value is to be written. */
struct out *alert_facts_add(struct alert_facts *f, const char *name);
/* Appends it as a line, or lines. form: not JSON, which each kind has of its own. */
void alert_facts_say(const struct alert_facts *f, enum alert_form form, struct out *o);
