/* postern audit: what its parts share. */
#pragma once

#include "audit/audit.h"
#include "cli/target.h"
#include "cli/verb.h"

struct audit_call {
	const char *flow, *flows, *path, *in, *out, *vpc, *subnet, *eni, *home, *output, *to;
	const char *policy, *baseline, *since;
	struct texts flow_logs;
	struct networks spokes;
	bool json, exit_code, quiet, path_given;
};

/* ---- what the places of a target answered ---- */

struct audit_places;

/* NULL: out of memory. */
struct audit_places *audit_places_new(void);
void audit_places_free(struct audit_places *p);
void audit_places_clear(struct audit_places *p);
void audit_places_note(struct audit_places *p, const struct target *t,
	const struct target_channel *channel, const struct target_answer *answer);
/* Whether some place lets the way pass in some IP version, and the first flow that shows it. */
bool audit_places_pass(
	const struct audit_places *p, enum audit_way way, const struct audit_told **ret);
/* The holes that they show. False: there are more places than are looked at. */
bool audit_places_holes(const struct audit_places *p, struct audit *a);

/* ---- findings ---- */

/* All that is found without a flow, but for what flow logs say. Says what went wrong. */
enum exit_code audit_find(struct audit *a, const struct audit_call *c, const struct target *t,
	const struct audit_places *places);
/* Which way a flow through the boundary takes: as --path says, when it was given; else forward
 * where a firewall has it. NULL: the target has no paths. */
const char *audit_path(const struct audit_call *c, const struct target *t);
/* Rules that no flow of the logs used. Says what went wrong. */
enum exit_code audit_find_used(struct audit *a, const struct audit_call *c, const struct target *t);
/* Notes of a stranger: owner and date. */
void audit_read_note(struct audit *a, const char *note, struct audit_finding *f);
/* What policy and baseline say otherwise than the boundary. */
enum exit_code audit_find_deviations(struct audit *a, const struct audit_call *c,
	const struct target *t, const struct audit_places *places);

/* ---- saying them ---- */

/* since NULL: nothing is compared. */
void audit_say_text(struct out *o, const struct audit *a, const struct audit_since *since);
void audit_say_json(struct out *o, const struct audit *a, const struct audit_since *since);
void audit_say_sarif(struct out *o, const struct audit *a, const struct audit_since *since);
