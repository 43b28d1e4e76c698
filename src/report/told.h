/* Inside report/: what the records for other programs have in common: whom they tell of, how bad
 * it is, and by which of ATT&CK's names it goes. */
#pragma once

#include "report/report.h"

/* One technique of ATT&CK Enterprise; ids as in attack-stix-data. */
struct technique {
	const char *id, *name;            /* T1568.002, Domain Generation Algorithms */
	const char *parent, *parent_name; /* of a sub-technique; else NULL */
	const char *tactic, *tactic_name, *tactic_short; /* TA0011, Command and Control, … */
	const char *stix;                                /* attack-pattern--… */
};

/* T1008 first; NULL behind the last. */
const struct technique *const *told_techniques(enum finding_kind kind);

/* Of four, for whoever has to choose what to look at first: accepted by a person or E up to 0.001;
 * E up to 0.01; weaker; explained or rejected. */
enum severity { SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_LOW, SEVERITY_NONE };
enum severity told_severity(const struct report_case *c, const struct finding *f);

/* Whether programs are told of it: what is reported; with --all what was explained or rejected
 * too. As `json` does. */
bool told_of(const struct report_case *c, const struct finding *f);
/* Whether it is to be acted on: what is reported, whatever --all says. */
bool told_against(const struct report_case *c, const struct finding *f);

/* "fallback: next of a list: 203.0.113.194:443 → 198.51.100.4:8080". Safe text. */
void told_title(struct out *o, const struct finding *f);
/* The evidence that counts, a sentence after the other, then what explains it. Safe text. */
void told_story(struct out *o, const struct finding *f);
/* The end of the story: what the last switch led to; without switches its first fallback. */
const struct finding_channel *told_fallback(const struct finding *f);

/* The time that stands for "now": when a person ruled last, else the end of what was read. Records
 * of one case are the same whenever they are written. */
int64_t told_now(const struct report_case *c);
