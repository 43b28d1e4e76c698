/* Inside report/: the words and numbers that every format uses alike. All append safe text: what
 * came from a stranger went through out_safe(). */
#pragma once

#include "report/report.h"
#include "report/rows.h"

/* A person's ruling goes before all else: what was accepted is reported however weak it is. */
enum standing { STANDING_REPORTED, STANDING_WEAKER, STANDING_EXPLAINED, STANDING_REJECTED };

struct tally {
	size_t reported, weaker, explained, rejected;
};

enum standing finding_standing(const struct report_case *c, const struct finding *f);
struct tally case_tally(const struct report_case *c);
/* The strongest finding that is neither reported nor explained, or NULL. */
const struct finding *case_closest(const struct report_case *c);

/* One sentence on what the word means, for readers of the page. */
const char *outcome_meaning(enum outcome outcome);

void say_count(struct out *o, uint64_t n);                          /* 4,509 */
void say_plural(struct out *o, uint64_t n, const char *noun);       /* 1 host, 2 hosts */
void say_span(struct out *o, int64_t ns);                           /* 1 h 38 min */
void say_bytes(struct out *o, uint64_t n);                          /* 18 kB */
void say_e(struct out *o, double e);                                /* 0.0012, 4.2e-9 */
void say_techniques(struct out *o, enum finding_kind kind);         /* T1008 T1568.002 */
void say_endpoint(struct out *o, const struct finding_channel *ch); /* 203.0.113.7:443 */
void say_address(struct out *o, const struct addr *a);
/* The sockets of a row: its endpoint, or what a group stands for. */
void say_row(struct out *o, const struct finding *f, const struct row *row);
/* "refused every time (12 of 12)", with the rhythm of what was answered. */
void say_result(struct out *o, const struct finding *f, const struct row *row);
/* Names, addresses and volume behind an endpoint; the members of a group. */
void say_naming(struct out *o, const struct finding *f, const struct row *row);
/* What spoke on it, or the transport. */
void say_service(struct out *o, const struct finding_channel *ch);
/* From what to what, in one line. */
void say_route(struct out *o, const struct finding *f);
/* Its strongest evidence, or the mechanism that explains it. */
void say_reason(struct out *o, const struct finding *f);
/* What a person said of it: "accepted by ann, 2026-03-04T09:11:12.000000Z: …"; nothing when nobody
 * did. */
void say_ruling(struct out *o, const struct ruling *ruling);
/* Another look at the same failures, which adds nothing to E. */
bool say_is_also(const struct finding_evidence *e);
/* Within what a column can show. */
double say_bits(double bits);
void say_traffic(struct out *o, const struct finding_channel *ch); /* "" when nothing passed */

/* What E says in a sentence, and whether decoys verified it. */
void say_e_meaning(struct out *o, const struct finding *f, const struct summary *s);
/* The mechanisms that were considered and do not account for the finding, with commas. */
void say_considered(struct out *o);
/* What was read: names, packets, span, hosts, connections, time taken. */
void say_inputs(struct out *o, const struct report_case *c);
/* One of them: path, format, how much, what was wrong with it. */
void say_input(struct out *o, const struct input *input);
void say_read(struct out *o, const struct report_case *c);
/* "1 finding (E ≤ 0.1), 2 explained as benign, 3 weaker". */
/* What decoys showed of E at the line of the report, or at the next one that was checked. Nothing
 * when there were no decoys. */
void say_calibration(struct out *o, const struct report_case *c);
/* What the safelist hid, entry by entry; nothing without one. */
void say_safelist(struct out *o, const struct report_case *c);
void say_verdict(struct out *o, const struct report_case *c);

/* The median interval of a channel's answered attempts (bursts count once), when it is regular;
 * else 0. */
int64_t channel_rhythm(const struct finding *f, size_t channel);
